"""Has the share of negatives risen? A bank of CUSUMs says since when; a beta-binomial tail says how surprising that is.

Each arm of the bank is Page's one-sided CUSUM of the binomial log-likelihood ratio between the expected share and a
share whose odds are multiplied by the arm's ratio: 1.4 finds slow rises, 3 finds fast ones. So there is no minimum
count, and volume may change tenfold. Messages within a few minutes resemble each other (one outage, one campaign), so
evidence is divided by the design effect 1 + (n − 1)ρ, with n the results of the last five minutes (Kish 1965). The
expected share is an estimate, and wanders: the detector raises it by one standard deviation, and a rise has to exceed
that.

The alarm's threshold (`thresholds`) keeps a segment of this volume, share, correlation and spread within its budget of
false alarms. It cannot see a fall, or a change of topic at the same share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, lgamma, log, log1p

import msgspec

from sentiment.spikes.baseline import Expected
from sentiment.spikes.buckets import MinuteCounts
from sentiment.spikes.thresholds import threshold

TRAILING_MINUTES = 5


@dataclass(frozen=True, slots=True)
class DetectorConfig:
    """`odds_ratios` are the arms of the bank, smallest first; the table of thresholds was simulated for the default."""

    odds_ratios: tuple[float, ...] = (1.4, 2.0, 3.0)
    false_alarms_per_week: float = 1.0
    min_n: int = 8
    caution: float = 1.0


class Recent(msgspec.Struct):
    """The closed minutes of the last `TRAILING_MINUTES`, for the design effect."""

    minutes: list[MinuteCounts] = []

    def design_effect(self, counts: MinuteCounts, correlation: float) -> float:
        """Add a minute and return 1 + (n − 1)ρ over the trailing minutes (at least 1)."""
        oldest = counts.minute - TRAILING_MINUTES + 1
        self.minutes = [kept for kept in self.minutes if kept.minute >= oldest]
        self.minutes.append(counts)
        n = sum(kept.n for kept in self.minutes)
        return 1.0 + max(n - 1, 0) * correlation


class Evidence(msgspec.Struct):
    """The CUSUM, and the counts since its change point: one excursion above zero. `since` is None at zero."""

    statistic: float = 0.0
    since: int | None = None
    until: int | None = None
    n: int = 0
    negatives: int = 0
    dispersed_n: float = 0.0
    """Sum of n × design effect: its ratio to n is the design effect of the whole window."""

    def add(self, counts: MinuteCounts, design_effect: float, share: float, odds_ratio: float) -> None:
        """Add a minute. The state is cleared if the statistic falls to zero."""
        step = log_likelihood_ratio(counts.n, counts.negatives, share, odds_ratio) / design_effect
        if self.statistic + step <= 0.0:
            self.clear()
            return
        self.statistic += step
        self.since = counts.minute if self.since is None else self.since
        self.until = counts.minute
        self.n += counts.n
        self.negatives += counts.negatives
        self.dispersed_n += counts.n * design_effect

    def clear(self) -> None:
        """Return to zero."""
        self.statistic, self.since, self.until = 0.0, None, None
        self.n, self.negatives, self.dispersed_n = 0, 0, 0.0


def strongest(
    bank: Sequence[Evidence], expected: Expected, config: DetectorConfig, budget_share: float = 1.0
) -> Evidence | None:
    """The evidence of the bank that raises an alarm within a share of the budget, or None."""
    enough = [evidence for evidence in bank if evidence.n >= config.min_n]
    if not enough:
        return None
    top = max(enough, key=lambda evidence: evidence.statistic)
    if top.statistic < threshold(expected, config.false_alarms_per_week * budget_share):
        return None
    return top


def log_likelihood_ratio(n: int, negatives: int, share: float, odds_ratio: float) -> float:
    """Evidence from `negatives` of `n` that the odds of `share` in (0, 1) are multiplied by `odds_ratio`, in nats."""
    raised = raised_share(share, odds_ratio)
    return negatives * log(raised / share) + (n - negatives) * (log1p(-raised) - log1p(-share))


def raised_share(share: float, odds_ratio: float) -> float:
    """The share whose odds are `odds_ratio` times those of `share`."""
    return share * odds_ratio / (1.0 - share + share * odds_ratio)


def chance(n: int, negatives: int, dispersed_n: float, expected: Expected) -> float:
    """Probability of at least `negatives` of `n` if nothing has changed.

    Two things correlate the results of a window: the correlation within minutes, which for a design effect d acts like
    ρ = (d − 1)/(n − 1), and the uncertainty about the share at that time (`Expected.spread`).
    """
    design_effect = dispersed_n / n if n else 1.0
    within = (design_effect - 1.0) / (n - 1) if n > 1 else 0.0
    correlation = min(within + expected.spread_correlation, 0.99)
    if correlation <= 0.0:
        correlation = 1e-9
    strength = 1.0 / correlation - 1.0
    return beta_binomial_tail(negatives, n, expected.share * strength, (1.0 - expected.share) * strength)


def beta_binomial_tail(k: int, n: int, a: float, b: float) -> float:
    """P(X ≥ k) for X ~ BetaBinomial(n, a, b), with a, b > 0; at most O(n), relative error below 1e-9 above the mean."""
    if k <= 0:
        return 1.0
    if k > n:
        return 0.0
    if k <= n * a / (a + b):  # take the shorter sum: terms decrease away from the mean, so none can overflow
        return max(0.0, 1.0 - beta_binomial_tail(n - k + 1, n, b, a))
    log_mass = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
    log_mass += lgamma(k + a) + lgamma(n - k + b) - lgamma(n + a + b)
    log_mass += lgamma(a + b) - lgamma(a) - lgamma(b)
    relative, total = 1.0, 1.0
    for j in range(k, n):
        relative *= (n - j) / (j + 1) * (j + a) / (n - j - 1 + b)
        total += relative
        if relative < 1e-18 * total:
            break  # terms only decrease from here
    return min(1.0, exp(log_mass + log(total)))
