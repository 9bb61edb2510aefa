"""What the author of a mail wrote: without quoted messages, signatures and disclaimers.

Line by line, and linear in the text: mail comes from anybody, and the libraries for it that we tried take half a minute
for 32,000 characters that were made for it. What is not recognised stays. If nothing else is left, all of it stays.
"""

from __future__ import annotations

import re
from typing import Literal

from sentiment.markup import without_markup

_MOST_HEADER_LINES = 3
"""Mail clients break "On …, … wrote:" over a few lines."""
_MOST_SIGNATURE_LINES = 5
_MOST_NAME_CHARS = 48

_WROTE = re.compile(
    r"(?:On\b.{1,300}\bwrote|Am\b.{1,300}\bschrieb\b.{0,200}|Le\b.{1,300}\ba écrit|El\b.{1,300}\bescribió"
    r"|Il\b.{1,300}\bha scritto|Em\b.{1,300}\bescreveu|Op\b.{1,300}\bschreef\b.{0,200})\s?:",
    re.IGNORECASE | re.DOTALL,
)
_BEGINS_WROTE = re.compile(r"(?:On|Am|Le|El|Il|Em|Op)\s", re.IGNORECASE)
_SEPARATOR = re.compile(
    r"[-_*=\s]*\b(?:original message|forwarded message|ursprüngliche nachricht|weitergeleitete nachricht"
    r"|message d['’]origine|message transféré|mensaje original|mensaje reenviado|messaggio originale"
    r"|messaggio inoltrato|mensagem original|mensagem encaminhada|oorspronkelijk bericht)\b[-_*=\s:]*",
    re.IGNORECASE,
)
_FROM = re.compile(r"[*\s]*(?:from|von|de|da|van)\s?:\**\s*\S", re.IGNORECASE)
_OTHER_HEADER = re.compile(
    r"[*\s]*(?:sent|date|to|cc|subject|reply-to|gesendet|datum|an|betreff|envoyé|à|objet|enviado(?: el)?|fecha|para"
    r"|asunto|inviato|data|a|oggetto|assunto|verzonden|aan|onderwerp)\s?:",
    re.IGNORECASE,
)
_DEVICE = re.compile(
    r"(?:sent from (?:my|yahoo|mail|outlook)\b|get outlook for\b|von meinem .{1,40} gesendet|gesendet (?:von|mit)\b"
    r"|envoyé (?:de|depuis) mon\b|enviado (?:desde|do) m(?:i|eu)\b|inviato da(?:l mio)?\b|verzonden vanaf\b).{0,80}",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"(?:(?:best|kind|warm|warmest|many)? ?(?:wishes|regards)|yours (?:sincerely|truly|faithfully)|sincerely(?: yours)?"
    r"|mit freundlichen grüßen|mit freundlichem gruß|(?:viele|beste|liebe|freundliche) grüße|mfg|cordialement"
    r"|bien à vous|saludos(?: cordiales)?|un saludo|atentamente|cordiali saluti|distinti saluti|atenciosamente"
    r"|com os melhores cumprimentos|met vriendelijke groet(?:en)?)\s?[,.!]?",
    re.IGNORECASE,
)
_DISCLAIMER = re.compile(
    r"(?:confidentiality notice\b|disclaimer\s?:|th(?:is|e information (?:contained )?in this) (?:e-?mail|message)\b"
    r".{0,200}\b(?:confidential|intended|privileged)\b|diese e-?mail enthält vertrauliche\b"
    r"|ce (?:message|courriel)\b.{0,120}\bconfidentiel)",
    re.IGNORECASE,
)
_QUOTED_HTML = re.compile(
    r"<blockquote\b|<div\b[^<>]{0,400}\b(?:gmail_quote|yahoo_quoted|moz-cite-prefix|appendonsend|divRplyFwdMsg"
    r"|protonmail_quote)\b",
    re.IGNORECASE,
)
_LINE_END = re.compile(r"(?=</(?:p|div|li|tr|h[1-6])>)|(?<=<br>)|(?<=<br/>)|(?<=<br />)", re.IGNORECASE)


TextKind = Literal["text", "mail"]
"""What texts are: `mail` is read by its author's own words only."""


def read_as(kind: TextKind, text: str) -> str:
    """`text`, or of a mail its author's own words."""
    return own_words(text) if kind == "mail" else text


def own_words(text: str) -> str:
    """`text` without what others wrote and what is attached to every mail of its author.

    A text that has none of it is returned as it is. Applying it twice changes nothing more.
    """
    lines = _lines(text)
    kept = _without_tail(_without_quotes(lines))
    if len(kept) == len(lines):
        return text
    rest = "\n".join(kept).strip()
    return rest if without_markup(rest).strip() else text


def _lines(text: str) -> list[str]:
    if "<" in text:
        quoted = _QUOTED_HTML.search(text)
        if quoted is not None and without_markup(text[: quoted.start()]).strip():
            return [*_LINE_END.sub("\n", text[: quoted.start()]).splitlines(), ">"]
        text = _LINE_END.sub("\n", text)
    return text.splitlines()


def _plain(line: str) -> str:
    return without_markup(line).replace("&nbsp;", " ").strip() if "<" in line or "&" in line else line.strip()


def _without_quotes(lines: list[str]) -> list[str]:
    kept: list[str] = []
    place = 0
    while place < len(lines):
        line = _plain(lines[place])
        if line.startswith((">", "&gt;")):
            place += 1
            continue
        if _SEPARATOR.fullmatch(line) or _is_header(lines, place):
            break
        n = _wrote(lines, place)
        if n:
            place += n
            if not _is_quoted(lines, place):
                break  # what follows is the quoted message, without marks
            continue
        kept.append(lines[place])
        place += 1
    return kept


def _wrote(lines: list[str], place: int) -> int:
    """How many lines from `place` on say who wrote what follows; 0 if they do not."""
    if not _BEGINS_WROTE.match(_plain(lines[place])):
        return 0
    for n in range(1, _MOST_HEADER_LINES + 1):
        joined = " ".join(_plain(line)[:300] for line in lines[place : place + n])
        if _WROTE.fullmatch(joined):
            return n if place + n < len(lines) else 0
    return 0


def _is_quoted(lines: list[str], place: int) -> bool:
    """Whether the next line that is not empty is marked as quoted."""
    for line in lines[place : place + _MOST_HEADER_LINES]:
        plain = _plain(line)
        if plain:
            return plain.startswith((">", "&gt;"))
    return False


def _is_header(lines: list[str], place: int) -> bool:
    """Whether the header of a quoted mail begins here: who it is from, and two more fields."""
    if not _FROM.match(_plain(lines[place])):
        return False
    return sum(_OTHER_HEADER.match(_plain(line)) is not None for line in lines[place + 1 : place + 6]) >= 2


def _without_tail(lines: list[str]) -> list[str]:
    for place, line in enumerate(lines):
        if place and _plain(line) == "--":  # RFC 3676
            lines = lines[:place]
            break
    for place, line in enumerate(lines):
        if place and _DISCLAIMER.match(_plain(line)):
            lines = lines[:place]
            break
    while True:
        words = [place for place, line in enumerate(lines) if _plain(line)]
        if len(words) < 2:
            return lines
        if _DEVICE.fullmatch(_plain(lines[words[-1]])):
            lines = lines[: words[-1]]
            continue
        closing = _closing(lines, words)
        if closing is None:
            return lines
        lines = lines[:closing]


def _closing(lines: list[str], words: list[int]) -> int | None:
    """Where a greeting with a name below begins, among the last lines with words."""
    for place in words[1:][-_MOST_SIGNATURE_LINES:]:
        if _CLOSING.fullmatch(_plain(lines[place])):
            names = [_plain(lines[below]) for below in words if below > place]
            if all(len(name) <= _MOST_NAME_CHARS and not name.endswith((".", "!", "?")) for name in names):
                return place
    return None
