"""What a training is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from training.data.examples import USUAL_LAYOUT, RowLayout, Weighting
from training.finetune.distill import Teaching
from training.finetune.recipe import Recipe
from training.finetune.running import Running
from training.finetune.tracker import Tracker

USUAL_RUNNING = Running()


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """What to train from what. `licences` maps a part (backbone, data) to its licence, for the manifest.

    `train` and `validation` are files or hub data sets. With `teaching` another model teaches as well. `few_shot`
    trains the head alone; None does so if the rows are few.
    """

    train: str
    validation: str
    backbone: str
    output: Path
    name: str
    recipe: Recipe
    weighting: Weighting
    licences: dict[str, str]
    teaching: Teaching | None = None
    drop_near_duplicates: bool = False
    tracker: Tracker | None = None
    layout: RowLayout = USUAL_LAYOUT
    running: Running = USUAL_RUNNING
    few_shot: bool | None = False
