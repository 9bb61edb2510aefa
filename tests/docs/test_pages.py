"""What the documentation names exists, and what it shows is what is shipped."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from consumers.runtime.metrics import TABLE
from sentiment.cli.main import cli
from sentiment.settings import Settings
from tests.docs.pages import PAGES, ROOT, anchors, blocks, commands, commands_in, inline_code, links, name_of

PACKAGES = ("sentiment", "consumers", "training")
page = pytest.mark.parametrize("page", PAGES, ids=name_of)


@page
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link and image leads to a file of the repository, and every anchor to a heading."""
    for target in links(page):
        if target.startswith(("http://", "https://")):
            continue
        file, _, anchor = target.partition("#")
        there = page.parent / file if file else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


@page
def test_commands_and_flags_exist(page: Path) -> None:
    """Every `sentiment …` on a page can be typed: the command is there, and so is every flag."""
    for call in commands(page):
        check_call(call)


@pytest.mark.parametrize("package", PACKAGES)
def test_commands_in_hints_and_help_exist(package: str) -> None:
    """What a hint, a help text or a docstring tells a user to type can be typed."""
    for text in strings(package):
        for call in commands_in(text):
            check_call(call)


@page
def test_metrics_exist(page: Path) -> None:
    """Every metric on a page is in the table of metrics."""
    known = {row.name for row in TABLE}
    named = {code.partition("{")[0] for code in inline_code(page) if re.fullmatch(r"sentiment_\w+(\{.*\})?", code)}
    assert named <= known


@page
def test_settings_exist(page: Path) -> None:
    """Every `section.setting` and `SENTIMENT_…` variable on a page is a setting, and every TOML block is valid."""
    known = {f"{name}.{field}" for name, section in sections().items() for field in section}
    named = {code for code in inline_code(page) if re.fullmatch(rf"({'|'.join(sections())})\.[a-z_]+", code)}
    assert named <= known
    variables = re.findall(r"\bSENTIMENT_([A-Z]+)__([A-Z_]+)\b", page.read_text("utf-8"))
    assert {f"{section}.{field}".lower() for section, field in variables} <= known
    for block in blocks(page):
        table = tomllib.loads(block.body) if block.language == "toml" else {}
        for name, section in table.items():
            assert not isinstance(section, dict) or set(section) <= set(sections()[name]), name


@page
def test_files_exist(page: Path) -> None:
    """Every file or folder of the repository that a page names in code is there."""
    for code in inline_code(page):
        if re.fullmatch(r"(sentiment|consumers|training|tests|deploy|docs)/[\w./-]*", code):
            assert (ROOT / code).exists(), code


@page
def test_pages_know_no_machine(page: Path) -> None:
    """No path of the machine that made an example is on a page."""
    assert not re.search(r"(?<![\w.])/(work|tmp|root|home)/", page.read_text("utf-8"))


def test_pictures_know_no_machine() -> None:
    """Nor in a picture."""
    for picture in (ROOT / "docs").glob("*.svg"):
        assert not re.search(r"(?<![\w.])/(work|tmp|root|home)/", picture.read_text("utf-8")), picture


def test_every_room_is_in_the_architecture() -> None:
    """`docs/architecture.md` names every room of the three packages, and none that is gone."""
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    for package in ("consumers", "training"):
        section = text.partition(f"### `{package}`")[2].partition("\n#")[0]
        rooms = {path.name for path in (ROOT / package).iterdir() if (path / "__init__.py").exists()}
        assert set(re.findall(r"^\|[^|]*\| `(\w+)` \|", section, re.MULTILINE)) == rooms
    section = text.partition("### `sentiment`")[2].partition("\n#")[0]
    named = set(re.findall(r"`(\w+)/?`", "".join(re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE))))
    parts = {path.stem for path in (ROOT / "sentiment").iterdir()}
    assert named <= parts


def check_call(words: list[str]) -> None:
    """Fail unless `sentiment WORDS…` names a command and flags that exist."""
    command: click.Command = cli
    rest = [word for word in words if not word.rstrip("…").isupper() and word != "…"]  # FILE and … stand for anything
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(click.Context(command), rest[0])
        assert found is not None, f"no command: sentiment {' '.join(words)}"
        command, rest = found, rest[1:]
    flags = {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
    flags |= {"-h", "--help"}
    for word in rest:
        if re.match(r"--?[a-z]", word):
            assert word.partition("=")[0] in flags, f"no flag {word}: sentiment {' '.join(words)}"


def sections() -> dict[str, list[str]]:
    """The tables of the configuration and their settings."""
    tables = {name: field.annotation for name, field in Settings.model_fields.items()}
    return {name: list(getattr(table, "model_fields", {})) for name, table in tables.items()}


def strings(package: str) -> Iterator[str]:
    """Every string in the code of a package; of a string with holes, the text between them."""
    for path in sorted((ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
