"""`sentiment recipe`: make a model as a file describes it, stage by stage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sentiment.cli.extras import train_extra
from sentiment.cli.flags import DIRECTORY, FILE
from sentiment.cli.options import common_options

if TYPE_CHECKING:
    from training.recipes.stages import StageState


@click.command(
    epilog="""\b
Example:
  sentiment recipe training/recipes/model.toml --work work --plan --set data=data --set backbone=gte-small
  sentiment recipe training/recipes/model.toml --work work --set data=data --set backbone=gte-small

Requires the `train` extra. Each stage is one `sentiment` command. The same call again goes on where the last one
stopped, also in the middle of a training. WORK/journal.json has the time that each stage took."""
)
@click.argument("file", metavar="FILE", type=FILE)
@click.option("--work", required=True, type=DIRECTORY, metavar="DIR", help="Folder for what the stages make.")
@click.option("--set", "given", multiple=True, metavar="NAME=VALUE", help="Value of a parameter; repeatable.")
@click.option("--only", metavar="STAGE", help="Run only this stage.")
@click.option("--plan", is_flag=True, help="Show the stages and their expected hours, and run nothing.")
@common_options()
def recipe(file: Path, work: Path, given: tuple[str, ...], only: str | None, plan: bool, settings: Any) -> None:
    """Make a model as the recipe FILE (TOML) describes it: a list of stages, each a command, which can be resumed."""
    from sentiment.cli.signals import terminate_like_interrupt

    with train_extra("making a model"):
        from training.recipes.recipe_file import give, read_recipe
        from training.recipes.stages import RecipeRun
    run = RecipeRun(give(read_recipe(file), _values(given), work))
    if plan:
        _print(run.states())
        return
    with terminate_like_interrupt():
        run.run(only=only, say=lambda text: click.echo(text, err=True))


def _values(given: tuple[str, ...]) -> dict[str, str]:
    from sentiment.errors import ConfigurationError

    values = {}
    for pair in given:
        name, separator, value = pair.partition("=")
        if not name or not separator:
            raise ConfigurationError(f"--set takes NAME=VALUE, not {pair!r}")
        values[name] = value
    return values


def _print(states: list[StageState]) -> None:
    from sentiment.cli.tables import output, table

    rows = [
        (
            each.stage.name,
            each.stage.run[0],
            each.state,
            f"{each.stage.hours.cpu:g}",
            f"{each.stage.hours.gpu:g}",
            f"{each.spent_hours:.2f}" if each.spent_hours else "",
        )
        for each in states
    ]
    left = [each.stage.hours for each in states if each.state != "done"]
    rows.append(("left", "", "", f"{sum(h.cpu for h in left):g}", f"{sum(h.gpu for h in left):g}", ""))
    columns = ("stage", "command", "state", "hours on 2 cores", "hours on a GPU", "hours taken")
    output().print(table(columns, rows, words=("command", "state")))
