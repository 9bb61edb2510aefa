"""The pages of the documentation, and what stands in them: code, commands, links."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])

_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<body>.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#+ (?P<title>.+)$", re.MULTILINE)
_SHELL = {"sh", "console"}
_ENDS = {"|", "&", "&&", ";", ">", ">>", "<", "2>"}


@dataclass(frozen=True)
class Block:
    """A fenced block of code."""

    language: str
    body: str


def name_of(page: Path) -> str:
    """The page's path in the repository, for the name of a test."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    return [Block(match["language"], match["body"]) for match in _FENCE.finditer(page.read_text("utf-8"))]


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", page.read_text("utf-8"))


def inline_code(page: Path) -> list[str]:
    """What stands between backticks, outside of blocks."""
    return _INLINE.findall(prose(page))


def links(page: Path) -> list[str]:
    """Where the page's links and images lead."""
    return [match["target"] for match in _LINK.finditer(prose(page))]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = (match["title"].replace("`", "") for match in _HEADING.finditer(prose(page)))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def commands(page: Path) -> Iterator[list[str]]:
    """Every call of `sentiment` that a page shows, as words: in shell blocks and in inline code."""
    for block in blocks(page):
        if block.language in _SHELL:
            yield from calls_of(_shell_lines(block))
    yield from calls_of(code for code in inline_code(page) if code.startswith("sentiment "))


def commands_in(text: str) -> Iterator[list[str]]:
    """The calls of `sentiment` between backticks in any text, such as a hint."""
    yield from calls_of(code for code in _INLINE.findall(text) if code.startswith("sentiment "))


def _shell_lines(block: Block) -> Iterator[str]:
    """The lines that a reader types, continued lines joined."""
    lines = block.body.replace("\\\n", " ").splitlines()
    for line in lines:
        if block.language == "console":
            if line.startswith("$ "):
                yield line.removeprefix("$ ")
        else:
            yield line


def calls_of(lines: Iterable[str]) -> Iterator[list[str]]:
    """The calls of `sentiment` in lines of shell, as words without the program's name."""
    for line in lines:
        reader = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
        reader.whitespace_split = True
        call: list[str] | None = None
        at_start = True
        for word in [*reader, ";"]:
            if word in _ENDS:
                if call is not None:
                    yield call
                call, at_start = None, True
            elif call is not None:
                call.append(word)
            elif at_start and word.rpartition("/")[2] == "sentiment":
                call = []
            else:
                at_start = at_start and "=" in word  # variables may be set before the command
