"""Do texts that leave a model early get the label of the whole network, as often as `sentiment calibrate` showed?"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from scipy.stats import binom

from sentiment.model.classifier import BatchInfo
from sentiment.model.loading import load_configured
from sentiment.model.manifest import FormExits
from sentiment.progress import Progress
from sentiment.settings import ModelSettings
from training.evaluation.predicting import Answers, answers_of

_CHANCE = 0.05


class ExitsCheck(msgspec.Struct, frozen=True, kw_only=True):
    """How `agreement`, the share of rows with the label of the whole network, compares with the `target`.

    `holds`: if the target were met exactly, as many disagreements would come about by chance in one of twenty draws or
    more. A window went through `mean_layers` of `n_layers` layers.
    """

    n: int
    agreement: float
    target: float
    holds: bool
    mean_layers: float
    n_layers: int


def check_exits(
    settings: ModelSettings,
    fitted: FormExits,
    texts: Sequence[str],
    answers: Answers,
    spent: Sequence[BatchInfo],
    progress: Progress,
) -> ExitsCheck:
    """Score `texts` again without exits, and compare with the `answers` that came with exits, which cost `spent`."""
    whole_network = load_configured(settings.model_copy(update={"exits": False}))
    expected = answers_of(whole_network, texts, progress=progress, phase="scoring without exits")
    wrong = int((answers.chosen != expected.chosen).sum())
    target = fitted.agreement.target
    layers, skipped = sum(info.layers for info in spent), sum(info.layers_skipped for info in spent)
    n_windows = max(1, sum(info.windows for info in spent))
    return ExitsCheck(
        n=len(texts),
        agreement=1.0 - wrong / max(1, len(texts)),
        target=target,
        holds=bool(binom.sf(wrong - 1, len(texts), 1.0 - target) >= _CHANCE),
        mean_layers=layers / n_windows,
        n_layers=round((layers + skipped) / n_windows),
    )
