"""What the documentation names exists, and what it shows is what is shipped."""

from __future__ import annotations

import json
import re
import tomllib
from functools import cache
from pathlib import Path

import msgspec
import pytest

from sentiment.cli.main import COMMANDS, run
from sentiment.settings import Settings
from sentiment.settings.channels import CHANNELS
from tests.docs.pages import PAGES, ROOT, anchors, blocks, commands, inline_code, links, name_of
from tests.names import call_fault, metrics, sections, settings, variables
from training.recipes.recipe_file import RecipeFile

MANIFEST = json.loads((ROOT / "sentiment" / "assets" / "model" / "manifest.json").read_bytes())
FOLDERS = ("sentiment", "consumers", "training", "deploy", "tests")
OTHER_VERSIONS = {
    "eec645b3931f": "the first shipped model, beside which the pages on fairness and comparison show the present one",
    "693c8bb84bef": "the candidate in the example of promotion: the shipped model with another temperature",
}
"""Versions on the pages that are not the shipped model's, and why they may stay when that one changes."""


@cache
def everything() -> str:
    """The code of the three packages and their tests, and the configuration."""
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".toml"}]
    return "\n".join(path.read_text("utf-8") for path in files)


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
    assert [fault for call in commands(page) if (fault := call_fault(call))] == []


@page
def test_metrics_exist(page: Path) -> None:
    """Every metric on a page is in the table of metrics."""
    named = {code.partition("{")[0] for code in inline_code(page) if re.fullmatch(r"sentiment_\w+(\{.*\})?", code)}
    assert named <= metrics()


@page
def test_settings_exist(page: Path) -> None:
    """Every `section.setting` and `SENTIMENT_…` variable is a setting; TOML is valid settings, channels or a recipe."""
    named = {code for code in inline_code(page) if re.fullmatch(rf"({'|'.join(sections())})\.[a-z_]+", code)}
    assert named <= settings()
    assert set(re.findall(r"\bSENTIMENT_[A-Z][A-Z_]*\b", page.read_text("utf-8"))) <= variables()
    for block in blocks(page):
        table = tomllib.loads(block.body) if block.language == "toml" else {}
        if "stage" in table:
            msgspec.convert(table, RecipeFile)
            continue
        if any(isinstance(section, dict) and "kind" in section for section in table.values()):
            CHANNELS.validate_python(table)
            continue
        for name, section in table.items():
            assert not isinstance(section, dict) or set(section) <= set(sections()[name]), name


@page
def test_defaults_are_those_of_the_settings(page: Path) -> None:
    """Where a page gives a setting's default, in a table or in brackets, it is the default."""
    text = page.read_text("utf-8")
    rows = re.findall(r"^\| `([a-z]+\.[a-z_]+)` \| `?([^|`]+?)`? \|", text, re.MULTILINE)
    bracketed = re.findall(r"`([a-z]+\.[a-z_]+)` \(([\d.,]+(?: s)?)\)", text)
    for name, shown in [*rows, *bracketed]:
        section, _, field = name.partition(".")
        default = Settings.model_fields[section].default.model_dump()[field]
        scale = 1_000 if name.endswith("_ms") and shown.endswith(" s") else 1
        same = default == shown or default == float(shown.removesuffix(" s").replace(",", "")) * scale
        assert same, f"{name} is {default}, not {shown}"


@page
def test_files_exist(page: Path) -> None:
    """Every file or folder of the repository that a page names in code is there."""
    for code in inline_code(page):
        if re.fullmatch(r"(sentiment|consumers|training|tests|deploy|docs)/[\w./-]*", code):
            assert (ROOT / code).exists(), code


@page
def test_names_stand_in_the_code(page: Path) -> None:
    """A name with an underscore, such as a log event, a field or a constant, occurs in the code."""
    names = {code for code in inline_code(page) if re.fullmatch(r"_?[A-Za-z]+(_[A-Za-z0-9]+)+", code)}
    assert {name for name in names if not re.search(rf"\b{name}\b", everything())} == set()


def test_recipes_name_what_stands_in_their_files() -> None:
    """Where a step of CONTRIBUTING names a constant or a class, one of the files of that step has it."""
    recipes = (ROOT / "CONTRIBUTING.md").read_text("utf-8").partition("## Where to add")[2]
    for step in re.split(r"\n(?=\d\. |#|\n)", recipes):
        code = re.findall(r"`([^`]+)`", step)
        files = [ROOT / each for each in code if each.endswith(".py")]
        for name in code:
            if files and re.fullmatch(r"_?[A-Z]\w+", name):
                assert any(re.search(rf"\b{name}\b", file.read_text("utf-8")) for file in files), name


@page
def test_examples_show_the_shipped_model(page: Path) -> None:
    """Every version of a model on a page is the shipped one's, or is listed above with a reason.

    The models that the page on training makes in its examples have names of their own.
    """
    hashes = r"\b(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{12}\b"
    shown = {found[0] for found in re.finditer(rf"(?<!small-model )(?<!exported ){hashes}", page.read_text("utf-8"))}
    assert shown <= {MANIFEST["version"], *OTHER_VERSIONS}


def test_the_model_card_is_the_shipped_models(capsys: pytest.CaptureFixture[str]) -> None:
    """`docs/model-card.md` is what `sentiment card` prints."""
    assert run(["card"]) == 0
    assert capsys.readouterr().out == (ROOT / "docs" / "model-card.md").read_text("utf-8")


def test_the_readme_has_the_figures_of_the_manifest() -> None:
    """Quality of the shipped model, as served and in fp32."""
    text = (ROOT / "README.md").read_text("utf-8")
    served, reference = (MANIFEST["metrics"]["validation"][form] for form in ("int8", "fp32"))
    for name, key in {"macro-F1": "macro_f1", "expected calibration error": "ece"}.items():
        assert f"| {name} | {served[key]:.3f} | {reference[key]:.3f} |" in text
    assert f"on {served['n']:,} held-out rows" in text


def test_the_page_on_fairness_has_the_figures_of_the_manifest() -> None:
    """Mean gaps, flips and failures of the shipped model's audit."""
    text = (ROOT / "docs" / "fairness.md").read_text("utf-8")
    audit = MANIFEST["metrics"]["audit"]
    for gap in audit["counterfactual"]:
        row = (
            f"{gap['n_pairs']:,}",
            f"{gap['mean_abs_gap']:.3f}",
            f"{gap['group_gap']:.3f}",
            f"{gap['flip_rate']:.1%}",
        )
        assert f"| {gap['attribute']} | {' | '.join(row)} |" in text
    for tested in audit["behaviour"]:
        row = (tested["n"], tested["failures"], f"{tested['rate']:.1%}")
        assert f"| {tested['capability']} | {' | '.join(map(str, row))} |" in text


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


def test_the_readme_is_short_and_shows_the_demo_first() -> None:
    """Under 150 lines, with the picture above the first section."""
    text = (ROOT / "README.md").read_text("utf-8")
    assert text.count("\n") < 150
    assert "docs/demo.svg" in text.partition("\n## ")[0]


def test_every_command_is_documented() -> None:
    """`docs/commands.md` has every command, as the overview of `sentiment --help` has."""
    text = (ROOT / "docs" / "commands.md").read_text("utf-8")
    assert {name for name in COMMANDS if f"`sentiment {name}" not in text} == set()
