"""Language identification as the worker uses it."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.language import MIN_CONFIDENCE, MIN_LETTERS, Language, detect_language
from tests.processes import run_python


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("The app keeps crashing when I try to log in since the last update", "en"),
        ("Die App stürzt seit dem letzten Update ständig ab, sehr ärgerlich", "de"),
        ("La aplicación no funciona desde la última actualización, muy mal servicio", "es"),
        ("Приложение постоянно вылетает после последнего обновления", "ru"),
        ("このアプリは更新してから使えなくなりました、とても残念です", "ja"),
    ],
)  # fmt: skip
def test_sentences(text: str, code: str) -> None:
    """Whole sentences get their language, and only English is supported."""
    language = detect_language(text)
    assert language.code == code
    assert language.confidence > MIN_CONFIDENCE
    assert language.unsupported == (code != "en")


@pytest.mark.parametrize("text", ["", "   ", "12345 !!!", "\U0001f600\U0001f600", "5/10"])
def test_no_letters(text: str) -> None:
    """Without letters there is no language."""
    assert detect_language(text) == Language(None, 0.0, False)


@pytest.mark.parametrize("text", ["gut", "muy mal", "c'est nul", "schlecht !!!!!!!!!!!!!!!!"])
def test_short_texts_are_never_unsupported(text: str) -> None:
    """A few letters are too few to be sure."""
    assert not detect_language(text).unsupported


def test_shouting_is_read_like_speaking() -> None:
    """Capital letters do not change the language of a text."""
    assert detect_language("THIS APP IS TERRIBLE AND NOBODY ANSWERS MY MAILS").code == "en"


def test_line_breaks_and_long_texts() -> None:
    """Lines are one text; what follows the first 1,000 characters does not count."""
    english = "The app keeps crashing\nwhen I try to log in.\r\n" * 40
    assert detect_language(english + "Das ist alles sehr ärgerlich. " * 500) == detect_language(english)


@given(st.text(max_size=200))
@settings(max_examples=150, deadline=None)
def test_any_text_has_an_answer(text: str) -> None:
    """There is never an exception; confidence is a probability, and an unsupported text has enough letters."""
    language = detect_language(text)
    assert 0.0 <= language.confidence <= 1.0
    assert not language.unsupported or sum(map(str.isalpha, text)) >= MIN_LETTERS


def test_threads_agree() -> None:
    """Many threads get the answers that one gets."""
    texts = ["The update broke everything for me", "Das Update hat alles kaputt gemacht", "No funciona nada hoy"] * 40
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(detect_language, texts)) == [detect_language(text) for text in texts]


def test_nothing_is_downloaded() -> None:
    """Loading the model, which a process does once, opens no connection."""
    done = run_python(
        "import os, socket\n"
        "from sentiment.language import detect_language\n"
        "socket.socket.connect = lambda *_: os._exit(1)\n"
        "print(detect_language('The app keeps crashing when I log in').code)"
    )
    assert done.stdout == "en\n", done.stderr
