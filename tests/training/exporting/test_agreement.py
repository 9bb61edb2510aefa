"""The threshold of exits: what it promises holds on fresh rows."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment.errors import InputError
from sentiment.model.pipeline import Stages
from training.exporting.agreement import disagreements, fit_exits, leaving_stages, rows_needed

LAYERS = (2, 4, 6)


def draw(n: int, seed: int, honest: float = 1.0) -> tuple[Stages, np.ndarray]:
    """Windows of texts, some of which have two, with exits that agree with the network as often as they say.

    With `honest` < 1 they agree less often. The labels are those of the network for four of five texts.
    """
    random = np.random.default_rng(seed)
    first = np.concatenate([[0], np.cumsum(random.choice([1, 1, 1, 2], size=n))])
    windows = int(first[-1])
    truth = random.integers(0, 3, windows)
    outputs = []
    for stage in range(2):
        sure = 1.0 - random.beta(0.6 - 0.2 * stage, 2.0, windows) * 0.6
        agrees = random.random(windows) < sure * honest
        label = np.where(agrees, truth, (truth + random.integers(1, 3, windows)) % 3)
        logits = np.zeros((windows, 3), dtype=np.float32)
        logits[np.arange(windows), label] = np.log(np.maximum(2 * sure / (1 - sure + 1e-9), 1.0))
        outputs.append(logits)
    outputs.append(4.0 * np.eye(3, dtype=np.float32)[truth])
    labels = np.where(random.random(n) < 0.8, truth[first[:-1]], random.integers(0, 3, n))
    return Stages(outputs, first, random.integers(5, 30, windows)), labels


@pytest.mark.parametrize("honest", [1.0, 0.93])
def test_the_guarantee_holds_on_fresh_rows(honest: float) -> None:
    """Of forty thresholds, each from other rows, not many more than two break the promise on fresh rows, also if
    the exits are bolder than they should be. The promise is also used: texts do leave early.
    """
    target, fresh = 0.95, draw(20_000, seed=1_000, honest=honest)[0]
    broken, layers = 0, []
    for seed in range(40):
        stages, labels = draw(600, seed, honest)
        fitted = fit_exits(stages, labels, LAYERS, temperature=1.0, target=target)
        if fitted is None:
            continue
        wrong = disagreements(fresh, fitted.threshold, (*fitted.temperatures, 1.0))
        broken += wrong / 20_000 > 1.0 - target
        layers.append(fitted.agreement.mean_layers)
    assert broken <= 6  # more have a chance of 0.4 % if each breaks with 5 %
    if honest == 1.0:
        assert np.mean(layers) < 5.0


def test_exits_that_only_guess_let_nothing_leave() -> None:
    """If no threshold is safe, there is none."""
    stages, labels = draw(600, seed=3, honest=0.4)
    assert fit_exits(stages, labels, LAYERS, temperature=1.0, target=0.99) is None


def test_a_window_leaves_at_the_first_exit_that_is_sure() -> None:
    """An exit that is exactly as sure as the threshold lets a window go; the whole network takes the rest."""
    sure, unsure = [9.0, 0.0, 0.0], [0.0, 0.0, 0.0]
    outputs = [np.array(rows, dtype=np.float32) for rows in ([sure, unsure, unsure], [sure, sure, unsure], [sure] * 3)]
    stages = Stages(outputs, np.arange(4), np.full(3, 5))
    assert leaving_stages(stages, 0.9).tolist() == [0, 1, 2]
    assert leaving_stages(stages, 1 / 3).tolist() == [0, 0, 0]


def test_the_fewest_rows_are_those_that_can_show_it() -> None:
    """299 texts without a single disagreement show 99 %, 298 do not, and that is said."""
    assert rows_needed(0.99) == 299
    same = [np.tile(np.float32([9.0, 0.0, 0.0]), (298, 1))] * 3
    stages = Stages(same, np.arange(299), np.full(298, 5))
    with pytest.raises(InputError, match="298 rows cannot show"):
        fit_exits(stages, np.zeros(298, dtype=np.int64), LAYERS, temperature=1.0, target=0.99)
