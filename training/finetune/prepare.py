"""The rows of a training: read, freed of what the validation rows hold too, and augmented."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sentiment.errors import InputError
from sentiment.progress import Progress
from training.augmentation import augment
from training.data.examples import Example, Weighting, describe, read_examples
from training.data.leakage import NEAR_THRESHOLD, Leakage, find_leakage
from training.data.rows import listed
from training.finetune.distill import unlabelled_texts
from training.finetune.job import TrainingJob

_SHOWN_SOURCES = 10


@dataclass(frozen=True, slots=True)
class PreparedRows:
    """Rows to train on and to validate on, and what the manifest says of `leakage` between the two.

    `unlabelled` are the texts that only teachers answer.
    """

    train: list[Example]
    validation: list[Example]
    leakage: dict[str, Any]
    unlabelled: tuple[str, ...] = ()

    def description(self) -> dict[str, Any]:
        """Counts and fingerprints, for the manifest."""
        return {"train": describe(self.train), "validation": describe(self.validation)}


def prepare_rows(job: TrainingJob, progress: Progress) -> PreparedRows:
    """Read the rows of `job`. Raises ``InputError`` if they cannot be used."""
    validation, everything = (
        read_examples(source, job.layout, progress=progress) for source in (job.validation, job.train)
    )
    train, leakage = _without_leaks(job, everything, validation, progress)
    train += augment(train, job.recipe.augment, seed=job.recipe.seed)
    unlabelled = unlabelled_texts(job.teaching, (*train, *validation)) if job.teaching is not None else ()
    return PreparedRows(train, validation, leakage, unlabelled)


def weighting_doubts(weighting: Weighting, train: Sequence[Example]) -> Iterator[str]:
    """What a person should know of the weights of the rows: names that no row has, and what counts less unasked."""
    there = {example.source for example in train}
    for source in sorted(set(weighting.sources or {}) - there):
        names = ", ".join(sorted(there)[:_SHOWN_SOURCES])
        yield f"warning: --source-weight {source}: no training row has this source; there are {names}"
    weak = sum(example.weak for example in train)
    if weak and weighting.weak_neutral != 1.0:
        yield (
            f"{weak:,} neutral training rows are of kind stars, and count {weighting.weak_neutral:g} "
            "(see --weak-neutral-weight)"
        )


def _without_leaks(
    job: TrainingJob, train: Sequence[Example], validation: Sequence[Example], progress: Progress
) -> tuple[list[Example], dict[str, Any]]:
    progress.begin("looking for validation rows in the training data", len(train))
    found = find_leakage(train, validation, progress=progress.at)
    dropped = found.rows(near=job.drop_near_duplicates)
    kept = [example for row, example in enumerate(train) if row not in dropped]
    if not kept:
        raise InputError(f"every row of {job.train} is in {job.validation} too", hint="hold out other rows")
    kept_near = "left out" if job.drop_near_duplicates else "kept (see --drop-near-duplicates)"
    for how, leaks, fate in (("exactly", found.exact, "left out"), ("nearly", found.near, kept_near)):
        if leaks:
            progress.say(f"{len(leaks):,} training rows are {how} in the validation data: {fate} ({listed(leaks)})")
    return kept, _record(found, len(dropped))


def _record(found: Leakage, dropped: int) -> dict[str, Any]:
    """For the manifest. Rows count from 1, as in messages."""
    return {
        "exact_rows": [row + 1 for row in found.exact],
        "near_rows": [row + 1 for row in found.near],
        "near_threshold": NEAR_THRESHOLD,
        "dropped": dropped,
    }
