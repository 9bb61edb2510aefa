"""Recipes: stages are commands, each made once, resumed, and not taken for those of another recipe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import training.recipes
from sentiment.cli.main import COMMANDS, LazyGroup, run
from sentiment.errors import CheckFailed, ConfigurationError, InputError
from sentiment.model.manifest import load_manifest
from tests.training import tiny
from training.recipes.recipe_file import give, read_recipe
from training.recipes.stages import RecipeRun

SHIPPED = Path(training.recipes.__file__).with_name("model.toml")
TWO_STAGES = """
about = "the schema of a record, then of the one that the parameter names"
inputs = ["{data}/rows.jsonl"]
[parameters]
data = "folder with rows"
record = "name of a schema"
[[stage]]
name = "one"
makes = "{work}/one.json"
captured = true
hours = { cpu = 0.5, gpu = 0 }
run = ["schema", "feedback"]
[[stage]]
name = "two"
makes = "{work}/two.json"
captured = true
hours = { cpu = 0.25, gpu = 0 }
run = ["schema", "{record}"]
"""


def opened(folder: Path, content: str = TWO_STAGES, record: str = "sentiment") -> RecipeRun:
    (folder / "recipe.toml").write_text(content)
    (folder / "rows.jsonl").touch()
    recipe = read_recipe(folder / "recipe.toml")
    values = {"data": str(folder), "record": record}
    return RecipeRun(give(recipe, {name: values[name] for name in recipe.parameters}, folder / "work"))


def test_every_stage_of_the_shipped_recipe_is_a_valid_command(tmp_path: Path) -> None:
    """Its arguments are accepted, its result is its `--output` or what it prints, and it builds on earlier stages."""
    recipe = read_recipe(SHIPPED)
    given = give(recipe, dict.fromkeys(recipe.parameters, "somewhere"), tmp_path)
    made = {"{work}"}
    for stage in recipe.stages:
        command = LazyGroup().get_command(None, stage.run[0])  # type: ignore[arg-type]
        assert command is not None
        context = command.make_context(stage.run[0], [given.fill(argument) for argument in stage.run[1:]])
        output = context.params.get("output")
        assert stage.captured or str(getattr(output, "path", output)) == given.fill(stage.makes)
        assert {text for text in stage.run if text.startswith("{work}")} <= {*made, stage.makes}
        made.add(stage.makes)
    assert len(made) == len(recipe.stages) + 1


def test_a_stage_is_made_once_and_a_failed_run_goes_on(tmp_path: Path) -> None:
    """The second stage fails and is mended: the first is not repeated, and the journal has the hours of both."""
    said: list[str] = []
    with pytest.raises(CheckFailed, match="stage two failed with exit code 2"):
        opened(tmp_path, record="nothing").run(say=said.append)
    first = tmp_path / "work" / "one.json"
    assert "properties" in first.read_text()
    first.write_text("kept")
    run_again = opened(tmp_path)
    assert [state.state for state in run_again.states()] == ["done", "to do"]
    run_again.run(say=said.append)
    assert first.read_text() == "kept"
    assert "label" in (tmp_path / "work" / "two.json").read_text()
    assert [state.state for state in opened(tmp_path).states()] == ["done", "done"]
    journal = json.loads((tmp_path / "work" / "journal.json").read_text())
    assert all(journal[name]["seconds"] > 0 for name in ("one", "two"))
    assert said[-1].startswith("two: done in")


def test_what_was_made_from_something_else_is_not_used(tmp_path: Path) -> None:
    """Other arguments, other data or another value of a parameter are refused; a moved folder is not."""
    opened(tmp_path).run(say=lambda text: None)
    with pytest.raises(InputError, match="stage two was made by another recipe"):
        opened(tmp_path, record="alert")
    with pytest.raises(InputError, match="stage one was made by another recipe"):
        opened(tmp_path, TWO_STAGES.replace('"feedback"', '"alert"'))
    uses_rows = TWO_STAGES.replace('["schema", "feedback"]', '["schema", "feedback", "{data}/rows.jsonl"]')
    (tmp_path / "work" / "journal.json").unlink()
    (tmp_path / "work" / "one.json").unlink()
    with pytest.raises(CheckFailed):
        opened(tmp_path, uses_rows).run(only="one", say=lambda text: None)
    (tmp_path / "work" / "one.json").touch()
    opened(tmp_path, uses_rows)
    moved = tmp_path.rename(tmp_path.with_name(tmp_path.name + "-moved"))
    opened(moved, uses_rows)
    recipe = give(read_recipe(moved / "recipe.toml"), {"data": str(moved), "record": "sentiment"}, moved / "work")
    (moved / "rows.jsonl").write_text("{}")
    with pytest.raises(InputError, match="or from other data"):
        RecipeRun(recipe)


def test_an_unfinished_training_is_resumed(tmp_path: Path) -> None:
    """A stage whose work in progress is there gets --resume, and counts as begun."""
    stages = opened(tmp_path)
    (state, _) = stages.states()
    assert stages.command_of(state.stage) == ["schema", "feedback"]
    (tmp_path / "work" / "one.json.training").mkdir(parents=True)
    assert stages.command_of(state.stage) == ["schema", "feedback", "--resume"]
    assert stages.states()[0].state == "begun"


def test_one_stage_can_be_run_alone_if_its_sources_are_there(tmp_path: Path) -> None:
    """A stage that builds on one that is not done is refused, and so is an unknown one."""
    content = TWO_STAGES.replace('"{record}"', '"{work}/one.json"').replace('record = "name of a schema"\n', "")
    with pytest.raises(InputError, match="the stage two needs one"):
        opened(tmp_path, content).run(only="two", say=lambda text: None)
    with pytest.raises(InputError, match="no stage 'three'"):
        opened(tmp_path).run(only="three", say=lambda text: None)
    opened(tmp_path).run(only="two", say=lambda text: None)
    assert not (tmp_path / "work" / "one.json").exists()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"{record}"', '"{other}"', "uses the parameter 'other'"),
        ('name = "two"', 'name = "one"', "two stages with the name 'one'"),
        ("captured = true", "caught = true", "is not a recipe: Object contains unknown field"),
        ("hours = { cpu = 0.5, gpu = 0 }", "", "is not a recipe: Object missing required field `hours`"),
        ("[[stage]]", "[[stage]", "is not a recipe"),
    ],
)
def test_a_faulty_recipe_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    """Unknown parameters and fields, repeated names and broken TOML are said before anything runs."""
    with pytest.raises(InputError, match=said):
        opened(tmp_path, TWO_STAGES.replace(old, new))


def test_parameters_and_inputs_are_checked_first(tmp_path: Path) -> None:
    """A missing parameter is explained; unknown ones and missing files are named."""
    (tmp_path / "recipe.toml").write_text(TWO_STAGES)
    recipe = read_recipe(tmp_path / "recipe.toml")
    with pytest.raises(ConfigurationError, match="record is missing: name of a schema"):
        give(recipe, {"data": "x"}, tmp_path)
    with pytest.raises(ConfigurationError, match="no parameter 'x'"):
        give(recipe, {"data": "x", "record": "y", "x": "z"}, tmp_path)
    with pytest.raises(InputError, match=r"there is no file x/rows.jsonl"):
        RecipeRun(give(recipe, {"data": "x", "record": "y"}, tmp_path))


def test_the_plan_shows_what_is_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command lists stages with their states and the hours that are left, and runs nothing."""
    opened(tmp_path)
    call = ["recipe", str(tmp_path / "recipe.toml"), "--work", str(tmp_path / "work"), "--plan"]
    assert run([*call, "--set", f"data={tmp_path}", "--set", "record=sentiment"]) == 0
    shown = capsys.readouterr().out
    assert "0.75" in shown
    assert shown.count("to do") == 2
    assert not (tmp_path / "work").exists()
    assert run([*call, "--set", "data"]) == 2
    assert "NAME=VALUE" in capsys.readouterr().err
    assert "recipe" in COMMANDS


@pytest.mark.slow
def test_a_model_is_made_from_rows_to_card(tmp_path: Path) -> None:
    """The shipped recipe, with tiny networks and few steps, makes a calibrated model whose card has its evaluation."""
    tiny.save_backbone(tmp_path / "backbone", std=0.2)
    for name, count, seed in (("train", 200, 1), ("dev", 80, 2), ("unlabelled", 20, 3), ("weak", 20, 4)):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(json.dumps(row) for row in tiny.rows(count, seed)))
    content = SHIPPED.read_text().partition('[[stage]]\nname = "fast"')[0]
    for old, new in (
        (".jsonl.gz", ".jsonl"),
        ('"--augment", "60000"', '"--max-steps", "4"'),
        ('"--emoji-tokens", ', ""),
        ('"--max-length", "128"', '"--max-length", "32"'),
        ('"4,8"', '"1"'),
        ('"--decide"', '"--agreement", "0.9", "--decide"'),
    ):
        assert old in content
        content = content.replace(old, new)
    (tmp_path / "recipe.toml").write_text(content)
    values: dict[str, Any] = {"data": tmp_path, "backbone": tmp_path / "backbone", "small": tmp_path / "backbone"}
    call = ["recipe", str(tmp_path / "recipe.toml"), "--work", str(tmp_path / "work")]
    assert run([*call, *(part for name, value in values.items() for part in ("--set", f"{name}={value}"))]) == 0
    manifest = load_manifest(tmp_path / "work" / "calibrated")
    assert manifest.backbone == "backbone"
    assert "evaluation" in manifest.metrics
    assert manifest.version in (tmp_path / "work" / "model-card.md").read_text()
    assert manifest.exits is not None
