"""Phone numbers in running text: candidates by layout, judged by the words around them and by the numbering plans.

Google's PhoneNumberMatcher was measured first: a millisecond for 150 characters and one region, and it needs a region for every search. One
linear pattern that finds candidates, and rules that ask the plans only about those, cost a thousandth of that on usual texts.
"""

import re
from collections.abc import Iterator

from sentiment.privacy.numbering import Checks, is_international, is_written_as_in, plausible_regions
from sentiment.privacy.patterns import Finding

PHONE_FILLER = "\ue001"
MAX_PARSES_PER_TEXT = 256
"""Bounds a text made of candidates to about 30 ms; what is left then is taken for phone numbers unchecked."""

_ANY_FILLER = re.compile("[\ue000\ue001]")
_SEPARATOR = r"(?:[ ]{1,2}|[ ]?[-.][ ]?)"
_CANDIDATE = re.compile(
    r"(?<![\w.,:/$€£#=-])(?<!\d[ ])"
    r"(?:\+[ ]?|00(?=[1-9]))?(?:\(\+?\d{1,5}\)[ .-]?|0\d{2,5}[ ]?/[ ]?|(?<=\+)\d{1,3}[ ]?(?:\(0\)[ ]?)?\d{2,5}[ ]?/[ ]?)?"
    rf"\d(?:(?:{_SEPARATOR}|[ ]?\(\d{{1,4}}\)[ .-]?)?\d){{3,16}}"
    r"(?![\w%])(?![.,:]\d)"
)
_SPACES = re.compile(r"[ ]{1,2}")
_DIGITS = re.compile(r"\d+")
_DATE = re.compile(r"(?:(?:19|20)\d\d ?[-./] ?\d{1,2} ?[-./] ?\d{1,2}|\d{1,2} ?[-./] ?\d{1,2} ?[-./] ?(?:19|20)?\d\d|(?:19|20)\d\d ?- ?(?:19|20)?\d\d)(?= |\Z)")
_THOUSANDS = re.compile(r"\d{1,3}(?:[ .]\d{3})+")
_NORTH_AMERICAN = re.compile(r"(?:\+?1[ .-]?)?(?:\([2-9]\d\d\)[ .-]?|[2-9]\d\d(?P<separator>[-.]))\d{3}[ .-]\d{4}|\([2-9]\d\d\)[ ]?\d{7}")
_LOCAL = re.compile(r"[2-9]\d\d[-. ]\d{4}")

_CALL_WORDS = re.compile(
    r"\b(?:(?:tele)?phones?|tel|call(?:ed|ing|s)?|mobile|cell(?:ular|phone)?|whats ?app|sms|text(?:ed)?(?= (?:me|us|him|her|becky|at|to|on)\b)|fax|dial(?:l?ed)?|ring"
    r"|hotline|helpline|landline|ph|tel[eé]fono|m[oó]vil|celular|telefoni?|handy|rufnummer|portable|t[eé]l[eé]phone|cellulare|telefone|ligue|llam\w{1,6}|appel\w{1,4})\b",
    re.IGNORECASE,
)
_WEAK_CALL_WORDS = re.compile(r"\b(?:number|contact|reach|no|nummer|num[eé]ro|n[uú]mero)\b", re.IGNORECASE)
_CALL_WORDS_AFTER = re.compile(
    r"\W{0,3}(?:(?:is|was) (?:my|our|the|his|her|your) (?:(?:new|own|personal|work|home|contact) )?)?(?:phone|number|cell|mobile|whats ?app|tel)\b", re.IGNORECASE
)
_OTHER_WORDS = re.compile(
    r"\b(?:order|ticket|case|ref(?:erence)?|invoice|tracking|account|acct|serial|model|version|build|confirmation|transaction|receipt|i\.?d|code|error|pin|isbn|imei"
    r"|sku|amount|price|policy|claim|booking|reservation|flight|parcel|customer|member(?:ship)?|licen[sc]e|passport|item|product|part|job|request|incident)s?\b",
    re.IGNORECASE,
)
_CONTEXT_CHARACTERS = 40
_AFTER_CHARACTERS = 32
_LIST_CHARACTERS = 8
_FEWEST_DIGITS = 7
_FEWEST_DIGITS_IN_CONTEXT = 8
_FEWEST_DIGITS_ALONE = 9


def find_phones(view: str) -> Iterator[Finding]:
    """Phone numbers of the world after a plus sign, and of `numbering.REGIONS` in their national form.

    Without a plus sign a number must fit a region and look like one: a trunk zero, an area code in parentheses, exactly the grouping of that
    region, or a word such as "call" before it. Numbers after "order", "ticket", "account", … stay.
    """
    checks = Checks(MAX_PARSES_PER_TEXT)
    last_end = -_LIST_CHARACTERS
    for match in _CANDIDATE.finditer(view):
        start, end = match.span()
        follows_phone = start - last_end < _LIST_CHARACTERS or PHONE_FILLER in view[max(0, start - _LIST_CHARACTERS) : start]
        called = follows_phone or _is_called(view, start, end)
        other = not called and _OTHER_WORDS.search(_before(view, start)) is not None
        for first, last in _windows(match.group()):
            if _is_phone(match.group()[first:last], called, other, checks):
                last_end = start + last
                yield start + first, last_end
                break


def _windows(candidate: str) -> Iterator[Finding]:
    """The candidate; then without a last or a first word or two, which may be a neighbouring number."""
    yield 0, len(candidate)
    spaces = [space.span() for space in _SPACES.finditer(candidate)]
    for gap_start, _ in reversed(spaces[-2:]):
        yield 0, gap_start
    for _, gap_end in spaces[:2]:
        yield gap_end, len(candidate)


def _before(view: str, start: int) -> str:
    """The words before a candidate, back to the last thing that is masked."""
    return _ANY_FILLER.split(view[max(0, start - _CONTEXT_CHARACTERS) : start])[-1]


def _is_called(view: str, start: int, end: int) -> bool:
    """Whether the words around say that this is a number to call; of two words before it the nearer one decides."""
    before = _before(view, start)
    called, other = _last(_CALL_WORDS, before), _last(_OTHER_WORDS, before)
    if called > other or (other < 0 and _WEAK_CALL_WORDS.search(before)):
        return True
    return other < 0 and _CALL_WORDS_AFTER.match(view[end : end + _AFTER_CHARACTERS]) is not None


def _last(words: re.Pattern[str], text: str) -> int:
    """Where the last of the words begins; -1 where there is none."""
    return max((match.start() for match in words.finditer(text)), default=-1)


def _is_phone(number: str, called: bool, other: bool, checks: Checks) -> bool:
    digits = "".join(_DIGITS.findall(number))
    if len(digits) < _FEWEST_DIGITS:
        return False
    if checks.left <= 0:
        return True
    if number.startswith(("+", "(+", "00")):
        plus = "+" + number.lstrip("(+ ").removeprefix("00").replace("(0)", "")
        if is_international(plus, len(digits), checks):
            return True
    if _DATE.match(number):
        return False
    if _NORTH_AMERICAN.fullmatch(number):
        return not other or number.startswith("(")
    if "." in number and not number.startswith("0"):
        return False  # of software, far more often than of a phone
    if called:
        return bool(_LOCAL.fullmatch(number)) or (len(digits) >= _FEWEST_DIGITS_IN_CONTEXT and bool(plausible_regions(digits)))
    if other or len(digits) < _FEWEST_DIGITS_ALONE or _THOUSANDS.fullmatch(number) or _is_bare(number):
        return False
    return any(is_written_as_in(number, region, checks) for region in plausible_regions(digits))


def _is_bare(number: str) -> bool:
    return number.isdigit() and not number.startswith("0")
