"""`sentiment`: the table of commands, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from sentiment.errors import SentimentError
from sentiment.streams import flush_quietly, repair_streams
from sentiment.terminal import printable

# command → (module of sentiment.cli, attribute, help for the overview)
COMMANDS: dict[str, tuple[str, str, str]] = {
    "demo": ("demo", "demo", "Run the whole pipeline on a stream of feedback."),
    "broker": ("broker", "broker", "Run the development broker."),
    "topics": ("topics", "topics", "List or create topics."),
    "ingest": ("ingest", "ingest", "Publish feedback from a file or stdin."),
    "worker": ("worker", "worker", "Score the feedback topic."),
    "alerts": ("alerts", "alerts", "Detect spikes of negative feedback."),
    "notify": ("notify", "notify", "Deliver alerts."),
    "tail": ("tail", "tail", "Print records as they arrive."),
    "dashboard": ("dashboard", "dashboard", "Show what customers feel on a live page."),
    "score": ("score", "score", "Score texts."),
    "rescore": ("rescore", "rescore", "Score a whole file."),
    "train": ("train", "train", "Fine-tune a classifier."),
    "models": ("models", "models", "List, promote and roll back models."),
    "evaluate": ("evaluate", "evaluate", "Evaluate a model on labelled rows."),
    "calibrate": ("calibrate", "calibrate", "Calibrate a model's probabilities."),
    "exits": ("exits", "exits", "Let easy texts leave a model early."),
    "card": ("card", "card", "Print the model card."),
    "backtest": ("backtest", "backtest", "Run detection over the past."),
    "monitor": ("monitor", "monitor", "Watch results for drift and loss of quality."),
    "review": ("review", "review", "Export texts for labelling, and import the labels."),
    "audit": ("audit", "audit", "Check whether a model treats people alike."),
    "compare": ("compare", "compare", "Compare models on the same rows."),
    "distill": ("distill", "distill", "Train a small model to imitate a large one."),
    "average": ("average", "average", "Average the weights of several runs."),
    "recipe": ("recipe", "recipe", "Make a model as a file describes it."),
    "export": ("export", "export", "Export a checkpoint for serving."),
    "explain": ("explain", "explain", "Show which words moved a score."),
    "schema": ("schema", "schema", "Print the JSON Schema of a contract."),
}


class LazyGroup(click.Group):
    """A group that imports the module of a command only when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all commands, in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(f"sentiment.cli.{module}"), attribute)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. That the reader of its output went away (`… | head`) is no error."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # click would exit with 1
            flush_quietly()
            return 0

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the overview, from the table above."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, _, summary) in COMMANDS.items()])


def _print_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from sentiment.cli.version import version_text

        click.echo(version_text())
        ctx.exit()


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100, "show_default": True},
    epilog="""\b
Example:
  sentiment demo
  sentiment score "The update made the app faster, great job!"

Exit codes: 0 success, 1 failure while running, 2 wrong usage, configuration or input, 130 interrupted.""",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show version, model, backend and instruction set, and exit.",
)
def cli() -> None:
    """Score customer feedback on Kafka in real time, and alert on spikes of negative feedback."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit. Errors become one line and an exit code, never a traceback."""
    repair_streams()
    code = run(arguments)
    flush_quietly()
    sys.exit(code)


def run(arguments: list[str] | None = None) -> int:
    """Like `main`, but return the exit code."""
    try:
        answer: Any = cli.main(arguments, prog_name="sentiment", standalone_mode=False)
    except SentimentError as error:
        _say(error.message, error.hint)
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return 130
    except Exception as error:  # noqa: BLE001 the last line of defence; the message may hold text, so it is not shown
        _say(
            f"internal error: {type(error).__name__} at {_place(error)}",
            "please report this, with the command you ran",
        )
        return 1
    return answer if isinstance(answer, int) else 0


def _say(message: str, hint: str | None) -> None:
    # A message may name a file or a column whose name somebody else chose.
    click.echo(f"error: {printable(message)}", err=True)
    if hint:
        click.echo("\n".join(map(printable, f"  hint: {hint}".split("\n"))), err=True)


def _place(error: BaseException) -> str:
    """Return `file:line` of where `error` was raised, and of our own code that led there."""
    places = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append((code.co_filename, trace.tb_lineno))
        trace = trace.tb_next
    ours = [
        place for place in places if any(f"/{name}/" in place[0] for name in ("sentiment", "consumers", "training"))
    ]
    chosen = list(dict.fromkeys([*ours[-1:], *places[-1:]]))
    return ", ".join(f"{'/'.join(file.split('/')[-2:])}:{line}" for file, line in chosen)


if __name__ == "__main__":
    main()
