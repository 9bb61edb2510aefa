"""Mails as clients write them: what the author wrote stays, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.mail import own_words
from sentiment.markup import without_markup

OWN = "The app still crashes.\nPlease refund me."

TAILS = [
    "On Mon, Mar 2, 2026 at 9:14 AM Support <help@example.org> wrote:\n> Hello,\n> how can we help?",
    "On Mon, Mar 2, 2026 at 9:14 AM Support\n<help@example.org> wrote:\n\nHello, how can we help?",
    "Am Mo., 2. März 2026 um 09:14 Uhr schrieb Support <help@example.org>:\n> Guten Tag",
    "Le lun. 2 mars 2026 à 09:14, Support <help@example.org> a écrit :\n> Bonjour",
    "El lun, 2 mar 2026 a las 9:14, Soporte (<help@example.org>) escribió:\n> Hola",
    "Il giorno lun 2 mar 2026 alle ore 09:14 Supporto <help@example.org> ha scritto:\n> Ciao",
    "Em seg., 2 de mar. de 2026 às 09:14, Suporte <help@example.org> escreveu:\n> Olá",
    "On Mon, Mar 2, 2026 at 9:14 AM [PERSON] <[EMAIL]> wrote:\n> Hello",
    "-----Original Message-----\nFrom: Support\nSent: Monday\nTo: Jane\nSubject: refund\n\nWe are sorry.",
    "-----Ursprüngliche Nachricht-----\nVon: Support\n\nEs tut uns leid.",
    "---------- Forwarded message ---------\nFrom: Support\n\nWe are sorry.",
    "From: Support <help@example.org>\nSent: Monday, March 2, 2026 9:14 AM\nTo: Jane\nSubject: RE: refund\n\nSorry.",
    "Von: Support\nGesendet: Montag, 2. März 2026\nAn: Jane\nBetreff: AW: Geld\n\nTut uns leid.",
    "-- \nJane Doe\nHead of Something\n+1 555 0100",
    "Best regards,\nJane Doe\nExample Ltd",
    "Mit freundlichen Grüßen\nErika Mustermann",
    "Sent from my iPhone",
    "Von meinem iPhone gesendet",
    "Get Outlook for Android",
    "Kind regards,\nJane\n\nSent from my iPhone",
    "This email is confidential and intended only for its recipient.\nDelete it otherwise.",
    "Cordialement,\nJeanne\n-- \nJeanne Dupont",
]


@pytest.mark.parametrize("tail", TAILS)
def test_only_the_authors_words_stay(tail: str) -> None:
    """Also with another tail below, with Windows' line ends, and the second time."""
    for below in ("", "\n\nSent from my iPhone", "\n> and even older"):
        mail = f"{OWN}\n\n{tail}{below}"
        assert own_words(mail) == OWN
        assert own_words(mail.replace("\n", "\r\n")).splitlines() == OWN.splitlines()
        assert own_words(own_words(mail)) == OWN


@pytest.mark.parametrize(
    "text",
    [
        OWN,
        "Best regards from me, the update is great. On Monday I wrote: works.",
        "I wrote to you: nothing happened. From: where do I get help?",
        "Three things:\n- slow\n- ugly\n-- and expensive",
        "From: me\nSubject: nothing else",
        "On and off it works.\nOn Monday he wrote:",
        "It said this message is confidential. Why?",
        "Regards,\nI am not happy. Refund me!",
        "a > b, and 3 > 2",
        "",
        "> nothing of my own",
        "Sent from my iPhone",
    ],
)
def test_other_texts_stay_as_they_are(text: str) -> None:
    """Words that only look like a quote or a signature, and mails in which nothing else is left."""
    assert own_words(text) == text


def test_answers_between_quoted_lines_stay() -> None:
    """Of an inline reply the author's own lines are kept, in their order."""
    mail = "Hello,\n\nOn Monday Support wrote:\n> Did it work?\nNo, it did not.\n> A refund?\nYes please.\n"
    assert own_words(mail).split("\n") == ["Hello,", "", "No, it did not.", "Yes please."]


@pytest.mark.parametrize(
    "html",
    [
        '<div dir="ltr">Still broken.</div><br><div class="gmail_quote"><div>On Monday X wrote:</div>Older.</div>',
        "<p>Still broken.</p><blockquote type=cite><p>Older.</p></blockquote>",
        '<div>Still broken.</div><div id="appendonsend"></div><hr><div id="divRplyFwdMsg"><b>From:</b> X</div>Older.',
        "<p>Still broken.</p><p>Best regards,</p><p>Jane Doe</p>",
        "<p>Still broken.</p><p>Sent from my iPhone</p>",
        "<div>Still broken.</div><div>From: X</div><div>Sent: Monday</div><div>To: Y</div><div>Older.</div>",
    ],
)
def test_quotes_in_html_are_cut(html: str) -> None:
    """Those of Gmail, Apple Mail and Outlook, and signatures in paragraphs."""
    assert " ".join(without_markup(own_words(html)).split()) == "Still broken."


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.sampled_from([*OWN.split("\n"), *"\n".join(TAILS).split("\n"), "", "> quoted", "<p>a</p>"]), max_size=12
    )
)
def test_twice_is_once(lines: list[str]) -> None:
    """However the parts are mixed, what is left has nothing more to cut."""
    once = own_words("\n".join(lines))
    assert own_words(once) == once


@pytest.mark.parametrize(
    "unit", ["> a\n", "On a ", "On a\n", "From: a\n", "-- \n", " \n", "wrote:", "<div>", "<br>", "Regards,\n"]
)
def test_texts_made_to_be_slow_are_read(unit: str) -> None:
    """Thirty-two thousand characters of one kind: a search that went back over them would not end in time."""
    text = unit * (32_000 // len(unit))
    assert own_words(own_words(text)) == own_words(text)
