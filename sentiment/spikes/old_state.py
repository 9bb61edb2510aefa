"""Reads states of segments that earlier versions have written, so that an upgrade neither forgets nor alarms.

Version 1 had one share for all hours of the week and one CUSUM. What it knew becomes the level of the new baseline; the
season is learnt from then on. The CUSUM starts again.

Version 2 had a list of the models seen, the newest last, in place of `Models`.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

import msgspec

from sentiment.events import ModelRef
from sentiment.spikes.baseline import BaselineConfig
from sentiment.spikes.models import Models, ModelShare
from sentiment.spikes.season import Season, logit_of

_PRIOR_N = 4.0
_LARGEST_SPREAD = 1.0


class _Counts(msgspec.Struct):
    n: float
    negatives: float
    learnt_n: int


class _Episode(msgspec.Struct):
    share: float
    certainty: float
    wander: float


def upgrade_segment(state: dict[str, Any]) -> dict[str, Any]:
    """The state of a segment in version 1, as a state in version 2. Its values are checked afterwards.

    Raises:
        msgspec.ValidationError: it is not a state of version 1.
    """
    upgraded = {name: value for name, value in state.items() if name != "evidence"}
    counts = msgspec.convert(state.get("baseline"), _Counts)
    upgraded["schema_version"] = 2
    upgraded["baseline"] = {"season": msgspec.to_builtins(_season(counts)), "learnt_n": counts.learnt_n}
    if state.get("episode") is not None:
        before = msgspec.convert(state["episode"], _Episode)
        upgraded["episode"] = {
            name: value for name, value in state["episode"].items() if name not in ("certainty", "wander")
        } | {"spread": _spread(before)}
    return upgraded


def upgrade_models(state: dict[str, Any]) -> dict[str, Any]:
    """The state of a segment in version 2, as a state in version 3: the newest model scores everything.

    Raises:
        msgspec.ValidationError: it is not a state of version 2.
    """
    seen = msgspec.convert(state.get("models", []), list[ModelRef])
    shares = [ModelShare(model) for model in seen]
    if shares:
        shares[-1].lately, shares[-1].anchored, shares[-1].absent_n = 1.0, 1.0, 0
    return state | {"schema_version": 3, "models": msgspec.to_builtins(Models(shares))}


def _season(counts: _Counts) -> Season:
    prior = BaselineConfig().season
    season = Season.unknown(prior)
    certainty = counts.n + _PRIOR_N
    share = (counts.negatives + _PRIOR_N * prior.share) / certainty
    season.means[0] = logit_of(share)
    known = 1.0 / (certainty * share * (1.0 - share))
    season.covariances[0][0] = min(season.covariances[0][0], known)
    return season


def _spread(episode: _Episode) -> float:
    variance = (1.0 / (episode.certainty + 1.0) + episode.wander) / (episode.share * (1.0 - episode.share))
    return min(sqrt(variance), _LARGEST_SPREAD)
