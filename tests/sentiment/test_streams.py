"""Standard streams that the caller has closed, or that cannot show every character."""

from __future__ import annotations

import sys
from subprocess import CompletedProcess

import pytest

from tests.processes import run


def shell(command: str, **variables: str) -> CompletedProcess[str]:
    """A shell command in which `$SENTIMENT` is the command line."""
    return run(["sh", "-c", command], {"SENTIMENT": f"{sys.executable} -m sentiment.cli", **variables})


@pytest.mark.parametrize("arguments", ["score --file -", "ingest - --format jsonl"])
def test_a_closed_input_is_answered(arguments: str) -> None:
    """Without standard input a command that reads it says so, with exit code 2."""
    done = shell(f"$SENTIMENT {arguments} <&-")
    assert done.returncode == 2
    assert "standard input is closed" in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        "$SENTIMENT schema alert >&-; echo code $? >&9",
        "$SENTIMENT schema alert 2>&-; echo code $? >&9",
        "$SENTIMENT schema alert >&- 2>&-; echo code $? >&9",
        "{ $SENTIMENT schema alert; echo code $? >&9; } | true",
        "{ $SENTIMENT schema alert; echo code $? >&9; } 2>&1 | true",
    ],
)
def test_a_closed_output_is_no_error(command: str) -> None:
    """Whether it is closed before the start, or by its reader."""
    done = shell(f"exec 9>&2; {command}")
    assert done.stderr == "code 0\n"


@pytest.mark.parametrize("encoding", ["latin-1", "koi8-r"])
def test_an_output_that_is_not_utf_8_shows_what_it_can(encoding: str) -> None:
    """Characters that it lacks are escaped, as the ellipsis is here."""
    shown = 'case "$(cat)" in *"HOST:PORT,\\u2026"*) echo shown;; esac'
    done = shell(f"{{ $SENTIMENT notify --help; echo code $? >&2; }} | {shown}", PYTHONIOENCODING=encoding)
    assert (done.stdout, done.stderr) == ("shown\n", "code 0\n")
