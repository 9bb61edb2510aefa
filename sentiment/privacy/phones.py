"""Phone numbers in running text: a pattern finds candidates; the words around them and the numbering plans decide.

Google's PhoneNumberMatcher takes a millisecond for 150 characters and one region, and it needs a region for every
search. One linear pattern, and look-ups for its candidates only, take microseconds.
"""

import re
from collections.abc import Iterator

from sentiment.privacy import words
from sentiment.privacy.numbering import any_region, is_international, is_written_as_somewhere
from sentiment.privacy.patterns import Finding
from sentiment.privacy.work import Work

PHONE_FILLER = "\ue001"

_ANY_FILLER = re.compile("[\ue000\ue001]")
_SEPARATOR = r"(?:[ ]{1,2}|[ ]?[-.][ ]?)"
_CANDIDATE = re.compile(
    r"(?<![\w/$€£#])(?<!\d[.,:-])"
    r"(?:\+[ ]?|00(?=[1-9]))?"
    r"(?:\(\+?\d{1,5}\)[ .-]?|0\d{2,5}[ ]?/[ ]?|(?<=\+)\d{1,3}[ ]?(?:\(0\)[ ]?)?\d{2,5}[ ]?/[ ]?)?"
    rf"\d(?:(?:{_SEPARATOR}|[ ]?\(\d{{1,4}}\)[ .-]?)?\d){{3,16}}"
    r"(?:(?=[ ]?[xe])(?P<extension>[ ]?(?:x|ext\.?|extension)[ ]?\d{1,6})\b|(?![\w%])(?![.,:]\d))"
)
_SPACES = re.compile(r"[ ]{1,2}")
_DIGITS = re.compile(r"\d+")
_DATE = re.compile(
    r"(?:(?:19|20)\d\d ?[-./] ?\d{1,2} ?[-./] ?\d{1,2}|\d{1,2} ?[-./] ?\d{1,2} ?[-./] ?(?:19|20)?\d\d"
    r"|(?:19|20)\d\d ?- ?(?:19|20)?\d\d)(?= |\Z)"
)
_DIGIT_BEFORE = re.compile(r"\d[ ]")
_THOUSANDS = re.compile(r"\d{1,3}(?:[ .]\d{3})+")
_NORTH_AMERICAN = re.compile(
    r"(?:\+?1[ .-]?)?(?:\(\d{3}\)[ .-]?\d{3}[ .-]?\d{4}|\d{3}-\d{3}-\d{4}|[2-9]\d\d\.\d{3}\.\d{4})"
)
_LOCAL = re.compile(r"[2-9]\d\d[-. ]\d{4}")

_CANDIDATE_UNITS = 2
_WORDS_UNITS = 15
_WINDOW_UNITS = 3

_AFTER_CHARACTERS = 32
_LIST_CHARACTERS = 8
_FEWEST_DIGITS = 7
_FEWEST_DIGITS_IN_GROUP = 2  # on average
_FEWEST_DIGITS_IN_CONTEXT = 8
_FEWEST_DIGITS_ALONE = 9


def find_international_phones(view: str, work: Work) -> Iterator[Finding]:
    """Phone numbers with a plus sign, of any country. They are certain enough to come before cards and identifiers."""
    position = view.find("+")
    while position >= 0:
        work.spend(_CANDIDATE_UNITS)
        match = _CANDIDATE.match(view, position) or _CANDIDATE.match(view, max(0, position - 1))
        position = view.find("+", position + 1)
        if match is None:
            continue
        number = _without_extension(match)
        for first, last in _windows(number):
            work.spend(_WINDOW_UNITS)
            if first == 0 and _is_international(number[:last], work):
                end = match.end() if last == len(number) else match.start() + last
                yield match.start(), end
                position = view.find("+", end)
                break


def find_phones(view: str, work: Work) -> Iterator[Finding]:
    """Phone numbers in the national form of `numbering.REGIONS`.

    Such a number must fit a region and look like one: a trunk zero, an area code in parentheses, exactly the grouping
    of that region, or a word such as "call" before it. Numbers after "order", "ticket", "account", … stay.
    """
    position = 0
    last_end = -_LIST_CHARACTERS
    while (match := _CANDIDATE.search(view, position)) is not None:
        start, position = match.span()
        work.spend(_CANDIDATE_UNITS)
        number = _without_extension(match)
        if sum(map(len, _DIGITS.findall(number))) < _FEWEST_DIGITS:
            continue
        work.spend(_WORDS_UNITS)
        nearest = view[max(0, start - _LIST_CHARACTERS) : start]
        follows_phone = start - last_end < _LIST_CHARACTERS or PHONE_FILLER in nearest
        called = follows_phone or _is_called(view, start, position)
        other = not called and words.OTHER_NUMBER.search(_before(view, start)) is not None
        in_row = _DIGIT_BEFORE.match(view, max(0, start - 2)) is not None
        for first, last in _windows(number):
            work.spend(_WINDOW_UNITS)
            is_whole = not in_row and last - first == len(number)
            if _is_phone(number[first:last], called, other, is_whole, work):
                position = last_end = position if last == len(number) else start + last
                yield start + first, last_end
                break


def _without_extension(match: re.Match[str]) -> str:
    return match.group().removesuffix(match["extension"] or "")


def _windows(candidate: str) -> Iterator[Finding]:
    """Spans to try: the candidate, then without its last words, then without its first one or two.

    Those words may be another number.
    """
    yield 0, len(candidate)
    spaces = [space.span() for space in _SPACES.finditer(candidate)]
    for gap_start, _ in reversed(spaces):
        yield 0, gap_start
    for _, gap_end in spaces[:2]:
        yield gap_end, len(candidate)


def _before(view: str, start: int) -> str:
    """The words before a candidate, back to the last masked span."""
    return _ANY_FILLER.split(words.before(view, start))[-1]


def _is_called(view: str, start: int, end: int) -> bool:
    """Whether the words around a number say that it is a phone number. Of those before it, the nearest decides."""
    before = _before(view, start)
    called, other = words.last(words.PHONE, before), words.last(words.OTHER_NUMBER, before)
    if called > other or (other < 0 and words.PHONE_PERHAPS.search(before)):
        return True
    return other < 0 and words.PHONE_AFTER.match(view[end : end + _AFTER_CHARACTERS]) is not None


def _is_international(number: str, work: Work) -> bool:
    digits = sum(map(str.isdigit, number))
    plus = "+" + number.lstrip("(+ ").removeprefix("00").replace("(0)", "")
    return digits >= _FEWEST_DIGITS and is_international(plus, digits, work)


def _is_phone(number: str, called: bool, other: bool, is_whole: bool, work: Work) -> bool:
    """Whether a candidate is a phone number.

    `called` and `other`: the words before it say that it is, or is not, one. `is_whole`: nothing was cut off the
    candidate, and there is no other number directly before it.
    """
    groups = _DIGITS.findall(number)
    digits = "".join(groups)
    if len(digits) < _FEWEST_DIGITS:
        return False
    if number.startswith("00") and (called or (is_whole and not other)) and _is_international(number, work):
        return True
    if _DATE.match(number) or len(digits) < _FEWEST_DIGITS_IN_GROUP * len(groups):
        return False
    if _NORTH_AMERICAN.fullmatch(number):
        return not other or number.startswith("(")
    if "." in number and not number.startswith("0"):
        return False  # far more often a software version
    if called:
        return _LOCAL.fullmatch(number) is not None or (
            len(digits) >= _FEWEST_DIGITS_IN_CONTEXT and any_region(digits, work)
        )
    if other or not is_whole or len(digits) < _FEWEST_DIGITS_ALONE or _THOUSANDS.fullmatch(number) or _is_bare(number):
        return False
    return is_written_as_somewhere(number, digits, work)


def _is_bare(number: str) -> bool:
    return number.isdigit() and not number.startswith("0")
