"""The command line as a whole: every command is documented, and errors become one line and an exit code."""

from __future__ import annotations

import click
import pytest

from sentiment.cli import main
from sentiment.cli.main import COMMANDS, LazyGroup, cli, run
from sentiment.errors import InputError, SentimentError, TransientError


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented(name: str) -> None:
    """Each command exists, says what it does, and ends its help with an example."""
    command = LazyGroup.get_command(cli, click.Context(cli), name)  # type: ignore[arg-type]
    assert command is not None
    assert command.help
    assert "Example:" in (command.epilog or "")


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (InputError("no such file", hint="give one"), 2, ["error: no such file", "hint: give one"]),
        (TransientError("gone"), 1, ["error: gone"]),
        (KeyboardInterrupt(), 130, ["interrupted"]),
        (RuntimeError("canary-text"), 1, ["internal error: RuntimeError at"]),
    ],
)
def test_errors_become_a_line_and_an_exit_code(
    raised: BaseException,
    code: int,
    said: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No error shows a traceback or the message of an unexpected exception, which may hold text."""

    @click.command()
    def failing() -> None:
        raise raised

    monkeypatch.setattr(main, "cli", failing)
    assert run([]) == code
    shown = capsys.readouterr().err
    assert all(line in shown for line in said)
    assert "Traceback" not in shown
    assert "canary" not in shown


def test_wrong_usage_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown command or flag is said, with code 2."""
    assert run(["nonsense"]) == 2
    assert run(["schema", "--nonsense"]) == 2
    assert run(["schema", "nonsense"]) == 2
    assert "nonsense" in capsys.readouterr().err


def test_every_error_has_a_documented_exit_code() -> None:
    """The whole tree uses the codes that the help documents."""
    tree = [SentimentError]
    for kind in tree:
        tree += kind.__subclasses__()
    assert {kind.exit_code for kind in tree} == {1, 2}


def test_a_label_map_is_checked(capsys: pytest.CaptureFixture[str]) -> None:
    """A map that is no map, or that names a label we do not have, is exit code 2 and says so."""
    assert run(["score", "--label-map", "nonsense", "fine"]) == 2
    assert "THEIRS=OURS" in capsys.readouterr().err
    assert run(["score", "--label-map", "LABEL_0=angry", "fine"]) == 2
    assert "label_map.LABEL_0" in capsys.readouterr().err
