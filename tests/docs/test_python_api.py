"""The examples of docs/python-api.md run, and give what the page shows."""

from __future__ import annotations

import doctest

import sentiment
from tests.docs.pages import ROOT, blocks, inline_code

PAGE = ROOT / "docs" / "python-api.md"


def test_the_examples_give_what_is_shown() -> None:
    """All blocks in their order, as one session of the interpreter."""
    session = "\n".join(block.body for block in blocks(PAGE) if block.language == "pycon")
    example = doctest.DocTestParser().get_doctest(session, {}, PAGE.name, str(PAGE), 0)
    report: list[str] = []
    outcome = doctest.DocTestRunner(optionflags=doctest.IGNORE_EXCEPTION_DETAIL).run(example, out=report.append)
    assert outcome.attempted > 10
    assert outcome.failed == 0, "".join(report)


def test_every_public_name_is_shown() -> None:
    """Each name of `sentiment.__all__` stands on the page and is called in an example."""
    code = "".join(block.body for block in blocks(PAGE) if block.language == "pycon")
    for name in sentiment.__all__:
        assert f"sentiment.{name}(" in code
        assert any(shown.startswith(f"{name}(") for shown in inline_code(PAGE)), name
