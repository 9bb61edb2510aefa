"""What a help text, hint, error, docstring, comment or setting names exists."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from sentiment.settings import Settings
from tests.docs.pages import PAGES, inline_code, name_of
from tests.help_pages import prose_of
from tests.names import ROOT, all_flags, commands, faults, flags_of

MODULES = [
    path for package in ("sentiment", "consumers", "training") for path in sorted((ROOT / package).rglob("*.py"))
]
DEPLOYED = [path for path in sorted((ROOT / "deploy").rglob("*")) if path.is_file()]
COMMANDS = dict(commands())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see `sentiment doctr`", ["no command: sentiment doctr"]),
        ("see `sentiment topics lst --json`", ["no command: sentiment topics lst --json"]),
        ("see `sentiment tail --jsn`", ["no flag --jsn: sentiment tail --jsn"]),
        ("set --bootstrap-server, or -x", ["--bootstrap-server"]),
        ("watch sentiment_lag_second{partition}", ["sentiment_lag_second"]),
        ("set kafka.bootstrap, or topics.partition", ["kafka.bootstrap", "topics.partition"]),
        ("set SENTIMENT_KAFKA__BOOTSTRAP", ["SENTIMENT_KAFKA__BOOTSTRAP"]),
        ("deploy/sentiment.toml shows all, see docs/none.md", ["deploy/sentiment.toml", "docs/none.md"]),
    ],
)
def test_made_up_names_are_found(text: str, found: list[str]) -> None:
    """The search itself works: each kind of name that does not exist is reported."""
    assert faults(text) == found


def test_real_names_are_no_faults() -> None:
    """Nor are files, modules and topics that only look like settings or metrics."""
    text = (
        "`sentiment tail TOPIC --json | jq`, `sentiment topics list`, --bootstrap-servers, kafka.sasl_username, "
        "sentiment_stage_seconds_bucket{stage}, SENTIMENT_KAFKA__BOOTSTRAP_SERVERS, deploy/sentiment.example.toml, "
        "model.safetensors, sentiment.alerts, settings.topics.anything, SENTIMENT_*"
    )
    assert faults(text) == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_the_code_names_exists(path: Path) -> None:
    """In strings, docstrings and comments: commands, flags, metrics, settings and files of the repository."""
    tree = ast.parse(path.read_text("utf-8"))
    flags = all_flags() | declared_flags(tree)
    assert [fault for text in (*strings(tree), *comments(path)) for fault in faults(text, flags)] == []


@pytest.mark.parametrize("path", DEPLOYED, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_is_deployed_names_what_exists(path: Path) -> None:
    """Configuration, manifests, rules and dashboards refer to metrics, settings and files that are there."""
    text = path.read_text("utf-8")
    if path.name == "Dockerfile" or path.suffix == ".sh":  # flags there are those of other programs
        text = re.sub(r"(?<![\w-])--[a-z][a-z-]*", "", text)
    assert faults(text, all_flags() | {"--bootstrap-server"}) == []  # of Kafka's own tools


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_flags_on_pages_exist(page: Path) -> None:
    """A flag that stands alone in code on a page is a flag of some command."""
    assert [fault for code in inline_code(page) if code.startswith("--") for fault in faults(code)] == []


@pytest.mark.parametrize("section", Settings.model_fields)
def test_what_settings_say_exists(section: str) -> None:
    """The descriptions of settings name settings and flags that are there."""
    table = Settings.model_fields[section].annotation
    fields = getattr(table, "model_fields", {}).values()
    assert [fault for field in fields for fault in faults(field.description or "")] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_help_speaks_of_flags_that_the_command_has(name: str) -> None:
    """A command's help names its own flags; those of others stand in backticks, with their command."""
    command = COMMANDS[name]
    helps = [getattr(parameter, "help", None) or "" for parameter in command.params]
    texts = [command.help or "", prose_of(command.epilog or ""), *helps]
    assert [fault for text in texts for fault in faults(text, flags_of(command))] == []


def strings(tree: ast.AST) -> Iterator[str]:
    """Every string in the code; of a string with holes, the text between them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def comments(path: Path) -> Iterator[str]:
    """Every comment of a file."""
    with path.open("rb") as file:
        content = io.BytesIO(file.read())
    yield from (token.string for token in tokenize.tokenize(content.readline) if token.type == tokenize.COMMENT)


def declared_flags(tree: ast.AST) -> set[str]:
    """The flags that a module declares for a program of its own."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    named = (part for call in calls if ast.unparse(call.func) == "click.option" for part in call.args)
    return {part.value for part in named if isinstance(part, ast.Constant) and isinstance(part.value, str)}
