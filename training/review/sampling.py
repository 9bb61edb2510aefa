"""Which texts to label: those that the model is least sure of, and a random sample of all others.

The uncertain texts teach the model most (margin or entropy: Settles 2009, §3.1), but do not show how good it is. The
random texts do. Every chosen text carries its inclusion probability: 1 for the uncertain texts, sample ÷ stratum for
the rest. Weighted by the inverse (Horvitz & Thompson 1952), the whole sheet, not only its random part, gives estimates
for all distinct texts that it was drawn from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sentiment.errors import InputError
from training.review.candidates import Candidate

UncertaintyMeasure = Literal["margin", "entropy"]

MAX_STRATA = 20
"""The products with the most texts have their own strata; all others share one."""

_OTHERS = "(others)"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A candidate that was chosen for the sheet: the reason, and its inclusion probability in (0, 1]."""

    candidate: Candidate
    part: Literal["uncertain", "random"]
    stratum: str
    inclusion_probability: float


def choose(
    candidates: Sequence[Candidate],
    *,
    n_uncertain: int,
    n_random: int,
    seed: int,
    measure: UncertaintyMeasure = "margin",
) -> list[Chosen]:
    """At most `n_uncertain` + `n_random` of the candidates (distinct texts), in random order.

    Both parts are spread over the products in proportion to their texts. The random part has at least one text for each
    product. The same seed gives the same choice.

    Raises:
        InputError: no candidates, or fewer random texts than strata, so that some products could not be estimated.
    """
    if not candidates:
        raise InputError("there are no texts to choose from", hint="results without texts cannot be labelled")
    rng = np.random.default_rng(seed)
    strata = _by_stratum(candidates)
    if n_random < len(strata):
        raise InputError(
            f"{n_random} random texts are too few for {len(strata)} products", hint="raise --random to one a product"
        )
    unsure = _allocate(n_uncertain, {name: len(members) for name, members in strata.items()}, least=0)
    chosen: list[Chosen] = []
    rest: dict[str, list[Candidate]] = {}
    for name, members in strata.items():
        ranked = sorted(members, key=lambda each: (-uncertainty(each.probabilities, measure), each.item))
        chosen += [Chosen(each, "uncertain", name, 1.0) for each in ranked[: unsure[name]]]
        rest[name] = sorted(ranked[unsure[name] :], key=lambda each: each.item)
    drawn = _allocate(n_random, {name: len(members) for name, members in rest.items()}, least=1)
    for name, members in rest.items():
        places = rng.choice(len(members), size=drawn[name], replace=False)
        chosen += [Chosen(members[place], "random", name, drawn[name] / len(members)) for place in places]
    # In random order, so that annotators cannot see which part a text is from.
    return [chosen[place] for place in rng.permutation(len(chosen))]


def uncertainty(probabilities: Sequence[float], measure: UncertaintyMeasure) -> float:
    """How unsure a prediction is: minus the margin between the two most probable labels, or the entropy in nats."""
    if measure == "margin":
        second, first = sorted(probabilities)[-2:]
        return second - first
    positive = np.array([p for p in probabilities if p > 0])
    return float(-(positive * np.log(positive)).sum())


def _by_stratum(candidates: Sequence[Candidate]) -> dict[str, list[Candidate]]:
    sizes = Counter(candidate.product for candidate in candidates)
    ranked = sorted(sizes, key=lambda name: (-sizes[name], name))
    own = set(ranked if len(ranked) <= MAX_STRATA else ranked[: MAX_STRATA - 1])
    strata: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        strata.setdefault(candidate.product if candidate.product in own else _OTHERS, []).append(candidate)
    return dict(sorted(strata.items()))


def _allocate(total: int, sizes: dict[str, int], *, least: int) -> dict[str, int]:
    """Spread `total` over strata in proportion to their sizes: at most the size, and at least `least` if not empty."""
    total = min(total, sum(sizes.values()))
    given = {name: min(least, size) for name, size in sizes.items()}
    while (left := total - sum(given.values())) > 0:
        room = {name: size - given[name] for name, size in sizes.items() if size > given[name]}
        whole = sum(room.values())
        exact = {name: left * space / whole for name, space in room.items()}
        for name, share in exact.items():
            given[name] += int(share)
        rest = total - sum(given.values())
        for name in sorted(exact, key=lambda each: (int(exact[each]) - exact[each], each))[:rest]:
            given[name] += 1
    return given
