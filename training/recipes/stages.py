"""Run the stages of a recipe, one after the other, and go on where an earlier run stopped.

What a stage makes is complete as soon as it is there: every command writes its output whole or not at all. A journal in
the work folder remembers what each stage was made from and how long it took. So a stage is neither repeated nor used
for another recipe or other data.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentiment.durable import put_in_place, replace_file
from sentiment.errors import CheckFailed, InputError
from training.recipes.recipe_file import WORK, Given, Stage

JOURNAL = "journal.json"
_UNFINISHED = ".training"
"""`train` and `distill` keep their work in progress in a folder of this name, and continue it with --resume."""

_STDERR = 2
"""Standard output is for results, and a recipe has none but its files."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class StageState:
    """How far a stage is: done, begun or to do. `spent_hours` is the time that its runs have taken so far."""

    stage: Stage
    state: str
    spent_hours: float


class RecipeRun:
    """A recipe in its work folder.

    Raises ``InputError`` if an input is missing, or if a stage was made from something else.
    """

    def __init__(self, given: Given) -> None:
        self._given = given
        self._work = Path(given.values[WORK])
        self._journal: dict[str, Any] = {}
        if (self._work / JOURNAL).is_file():
            self._journal = json.loads((self._work / JOURNAL).read_bytes())
        for name, path in given.inputs().items():
            if not path.is_file():
                raise InputError(f"the input {name} is missing: there is no file {path}")
        self._keys = dict(self._keyed())
        for stage in given.recipe.stages:
            known = self._journal.get(stage.name, {}).get("key")
            if known not in (None, self._keys[stage.name]) and (self._made(stage) or self._begun(stage)):
                raise InputError(
                    f"the stage {stage.name} was made by another recipe, or from other data",
                    hint=f"remove {self._place(stage)} to make it again, or name another --work",
                )

    def states(self) -> list[StageState]:
        """Every stage, in order."""
        return [
            StageState(
                stage,
                "done" if self._made(stage) else "begun" if self._begun(stage) else "to do",
                self._journal.get(stage.name, {}).get("seconds", 0.0) / 3_600,
            )
            for stage in self._given.recipe.stages
        ]

    def run(self, *, only: str | None = None, say: Say) -> None:
        """Run every stage that is not done, or only one of them. `say` is told what begins and ends.

        Raises:
            InputError: there is no stage `only`, or one that it builds on is not done.
            CheckFailed: a command failed. The same call goes on from there.
        """
        stages = [stage for stage in self._given.recipe.stages if only in (None, stage.name)]
        if not stages:
            names = ", ".join(stage.name for stage in self._given.recipe.stages)
            raise InputError(f"the recipe has no stage {only!r}", hint=f"it has {names}")
        for stage in stages:
            if self._made(stage):
                say(f"{stage.name}: done before")
                continue
            if missing := [used.name for used in self._used(stage) if not self._made(used)]:
                raise InputError(f"the stage {stage.name} needs {missing[0]}, which is not done")
            say(f"{stage.name}: begins; {stage.hours.cpu:g} h expected on two cores, {stage.hours.gpu:g} h on a GPU")
            took_s = self._run(stage)
            say(f"{stage.name}: done in {took_s / 3_600:.2f} h")

    def command_of(self, stage: Stage) -> list[str]:
        """The arguments of `sentiment` for `stage`, now."""
        filled = [self._given.fill(argument) for argument in stage.run]
        return [*filled, "--resume"] if self._begun(stage) else filled

    def _run(self, stage: Stage) -> float:
        """Run it and note how long it took, also if it fails or is interrupted. Returns the seconds of all its runs."""
        self._work.mkdir(parents=True, exist_ok=True)
        entry = {"key": self._keys[stage.name], "seconds": self._journal.get(stage.name, {}).get("seconds", 0.0)}
        if self._journal.get(stage.name, {}).get("key") != entry["key"]:
            entry["seconds"] = 0.0
        began_s, before_s = time.monotonic(), entry["seconds"]
        self._note(stage, entry)
        try:
            self._call(stage)
        finally:
            entry["seconds"] = before_s + time.monotonic() - began_s
            self._note(stage, entry)
        return float(entry["seconds"])

    def _call(self, stage: Stage) -> None:
        place = self._place(stage)
        place.parent.mkdir(parents=True, exist_ok=True)
        written = place.with_name(place.name + ".partial")
        command = [sys.executable, "-m", "sentiment.cli", *self.command_of(stage)]
        if stage.captured:
            with written.open("wb") as stdout:
                code = _finish(subprocess.Popen(command, stdout=stdout))
        else:
            code = _finish(subprocess.Popen(command, stdout=_STDERR))
        if code:
            raise CheckFailed(
                f"the stage {stage.name} failed with exit code {code}",
                hint="mend what the command says above; the same call then goes on from this stage",
            )
        if stage.captured:
            put_in_place(written, place)
        if not place.exists():
            raise CheckFailed(f"the stage {stage.name} ended without making {place}")

    def _note(self, stage: Stage, entry: dict[str, Any]) -> None:
        self._journal[stage.name] = entry
        replace_file(self._work / JOURNAL, json.dumps(self._journal, indent=1).encode() + b"\n")

    def _keyed(self) -> Iterator[tuple[str, str]]:
        """What each stage is made from: its arguments, its inputs, the names of its parameters, and earlier stages.

        Folders may move, so only the last part of a path counts.
        """
        prints = {name: _hash(path.read_bytes()) for name, path in self._given.inputs().items()}
        names = {name: Path(value).name for name, value in self._given.values.items() if name != WORK}
        keys: dict[str, str] = {}
        for stage in self._given.recipe.stages:
            text = "\n".join(stage.run)
            inputs = {name: found for name, found in prints.items() if name in text}
            values = {name: value for name, value in names.items() if f"{{{name}}}" in _without(text, inputs)}
            used = [keys[each.name] for each in self._used(stage)]
            keys[stage.name] = _hash(json.dumps([stage.run, inputs, values, used], sort_keys=True).encode())
            yield stage.name, keys[stage.name]

    def _used(self, stage: Stage) -> list[Stage]:
        """The earlier stages whose results are among the arguments of `stage`."""
        stages = self._given.recipe.stages
        earlier = stages[: stages.index(stage)]
        return [each for each in earlier if each.makes in stage.run]

    def _place(self, stage: Stage) -> Path:
        return Path(self._given.fill(stage.makes))

    def _made(self, stage: Stage) -> bool:
        return self._place(stage).exists()

    def _begun(self, stage: Stage) -> bool:
        place = self._place(stage)
        return not place.exists() and place.with_name(place.name + _UNFINISHED).is_dir()


def _finish(process: subprocess.Popen[bytes]) -> int:
    """Wait for the end. If the wait is interrupted, the command is ended too; it can be resumed."""
    try:
        return process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


def _without(text: str, parts: dict[str, str]) -> str:
    for part in parts:
        text = text.replace(part, "")
    return text


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
