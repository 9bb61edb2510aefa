"""Texts that are HTML read like the plain ones, and texts that only talk about HTML stay as they are."""

from __future__ import annotations

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.markup import without_markup
from sentiment.model.loading import load_model
from sentiment.text import normalise
from tests.data import data_file
from training.augmentation import augment
from training.data.examples import Example, prepared_all
from training.data.rows import read_rows

WRAPPERS = (
    "<p>{}</p>",
    '<div class="intercom-container"><p class="intercom-align-left">{}</p></div>',
    '<div class="zendesk-comment" dir="auto"><p dir="ltr" style="margin:0px">{}<br></p><p></p></div>',
    "<!DOCTYPE html><html><head><style>p {{ color: red; }}</style><title>Re</title></head><body>{}</body></html>",
    "<span style='font-size:11.0pt;font-family:\"Calibri\",sans-serif'>{}</span><o:p></o:p>",
    "<!-- quoted -->{}<!-- end of <b>mail</b> -->",
    "<ul>\n  <li>{}</li>\n</ul>",
    "<table><tr><td>{}</td></tr></table><script>track('opened');</script>",
    "<blockquote><font face='Arial' size=2>{}</font></blockquote><img src='https://t.example.com/p.gif'>",
    "&lt;p&gt;{}&lt;/p&gt;&nbsp;",
    '<div dir="ltr"><div class="gmail_default" style="font-family:arial,sans-serif">{}</div></div>',
    '<div class="WordSection1"><p class="MsoNormal"><span lang="EN-US">{}<o:p></o:p></span></p></div>',
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<p>late</p><p>again</p>", "late again"),
        ("un<b>accept</b>able", "unacceptable"),
        ("great<br/>service<BR>thanks", "great service thanks"),
        ('<img src="a.png" alt="😀"> nice', "😀 nice"),
        ('<img src="a.png" alt="a long description of what the picture shows"> nice', "nice"),
        ("<style>p{color:red}</style>fine<script>alert('<p>')</script>", "fine"),
        ("a<!-- hidden <p> -->b", "a b"),
        ("I <3 it, a < b > c, <name>, <john@example.com>", "I <3 it, a < b > c, <name>, <john@example.com>"),
        ("the <b> tag is broken, and <p> too", "the <b> tag is broken, and <p> too"),
        ("5 <!-- not closed", "5 <!-- not closed"),
        ("if x<y and y>z", "if x<y and y>z"),
    ],
)
def test_markup_is_removed_and_nothing_else(text: str, expected: str) -> None:
    """Blocks end in a space, tags inside a line in nothing; signs and names in prose stay."""
    assert " ".join(without_markup(text).split()) == expected


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_wrapped_sentence_gets_the_label_of_the_plain_one(wrapper: str) -> None:
    """The wrappers of help desks, mail programs and forms; 50 sentences each."""
    start = Example(text="It broke.", label=0, source="s", kind="human")
    sentences = [example.text for example in augment([start], 50, seed=3)]
    model = load_model(threads=1)
    plain, _ = model.predict([normalise(text) for text in sentences])
    wrapped, _ = model.predict([normalise(wrapper.format(text)) for text in sentences])
    assert [answer.label for answer in wrapped] == [answer.label for answer in plain]


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_the_model_reads_wrapped_feedback_as_the_plain_one(wrapper: str) -> None:
    """At least 99 of 100 labels are the same, for 500 sentences that people wrote, escaped for HTML and redacted first.

    Shown by the text that the model reads, which decides the label.
    """
    rows = read_rows(data_file("dev.jsonl.gz"), ("text",))["text"]
    sentences = rows.iloc[:: len(rows) // 500].iloc[:500]
    wrapped = prepared_all(wrapper.format(html.escape(text, quote=False)) for text in sentences)
    same = [found == plain for found, plain in zip(wrapped, prepared_all(sentences), strict=True)]
    assert len(same) == 500
    assert sum(same) >= 495


@given(st.text(alphabet="<>/!-abp \"'=&;", max_size=200))
def test_any_text_has_an_answer(text: str) -> None:
    """Whatever is broken in it, and no text grows."""
    assert len(without_markup(text)) <= len(text) + text.count("<")
