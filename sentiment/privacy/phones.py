"""Phone numbers: candidates by layout, judged by phonenumbers' numbering plans.

Google's PhoneNumberMatcher needs a region for every search and costs a pass over the text for each; here one linear pattern finds the
candidates and each is parsed for the regions below.
"""

import re
from collections.abc import Iterator

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

from sentiment.privacy.patterns import Finding

REGIONS = ("US", "GB", "IN", "DE", "FR", "ES", "IT", "AU", "BR", "MX", "NL", "SE", "CH", "BE", "PL", "PT", "ZA", "JP", "IE", "NZ", "SG")

PHONE_FILLER = "\ue001"
_FILLERS = "\ue000\ue001"

MAX_CHECKED_CANDIDATES = 64

_CANDIDATE = re.compile(
    r"(?<![\w.,:/$€£#-])(?<!\d )(?:\+[ ]?|00(?=[1-9]))?(?:\(\+?\d{1,5}\)[ -]?)?\(?\d(?:[ ]?[-./()]?[ ]?\d){5,16}(?![\w%])(?![.,:]\d)(?:[ ]?(?:ext\.?|x|extension)[ ]?\d{1,5}\b)?",
    re.IGNORECASE,
)
_DATE = re.compile(r"(?:19|20)\d\d[-./ ]\d{1,2}[-./ ]\d{1,2}(?!\d)|\d{1,2}[-./ ]\d{1,2}[-./ ](?:19|20)?\d\d(?!\d)|(?:19|20)\d\d ?[-/] ?(?:19|20)?\d\d\b")
_DIGITS = re.compile(r"\d+")
_CALL_WORDS = re.compile(
    r"\b(?:phone|telephone|tel|call(?:ed|ing|s)?|mobile|cell(?:ular|phone)?|whats ?app|sms|text(?:ed)?(?= (?:me|us|him|her))|fax|dial(?:l?ed)?|ring|reach|contact|hotline"
    r"|helpline|landline|ph|telefono|teléfono|móvil|celular|telefon|handy|rufnummer|portable|téléphone|cellulare|ligue|number)\b",
    re.IGNORECASE,
)
_OTHER_WORDS = re.compile(
    r"\b(?:order|ticket|case|ref(?:erence)?|invoice|tracking|account|acct|serial|model|version|build|confirmation|transaction|receipt|id|code|error|pin|isbn|imei|sku"
    r"|amount|price|policy|claim|booking|reservation|flight|parcel|customer|member(?:ship)?|licen[sc]e|passport|item|product|part|job|request|incident|po)\b",
    re.IGNORECASE,
)
_CONTEXT_CHARACTERS = 40
_LIST_CHARACTERS = 8
_THOUSANDS = re.compile(r"\d{1,3}(?:[ .]\d{3})+")
_NANP = re.compile(r"(?:\+?1[ .-]?)?(?:\([2-9]\d\d\)[ .-]?|[2-9]\d\d(?P<separator>[-.]))\d{3}[ .-]\d{4}")


def find_phones(view: str) -> Iterator[Finding]:
    """Phone numbers of the world after a plus sign, and of `REGIONS` in their national form.

    Without a plus sign the number must be valid in a region and look like one: a trunk zero, an area code in parentheses, the grouping
    of that region, or a word such as "call" before it. After `MAX_CHECKED_CANDIDATES` candidates the rest are taken unchecked, which bounds the work
    of a hostile text and errs on the side of privacy.
    """
    end = -_LIST_CHARACTERS
    for count, match in enumerate(_CANDIDATE.finditer(view)):
        before = _context(view, match.start())
        follows_phone = match.start() - end < _LIST_CHARACTERS or PHONE_FILLER in view[max(0, match.start() - _LIST_CHARACTERS) : match.start()]
        if count >= MAX_CHECKED_CANDIDATES or _is_phone(match.group(), before, follows_phone):
            end = match.end()
            yield match.span()


def _context(view: str, start: int) -> str:
    """The words before a candidate, back to the last thing that is masked."""
    before = view[max(0, start - _CONTEXT_CHARACTERS) : start]
    return before[max(before.rfind(filler) for filler in _FILLERS) + 1 :]


def _is_phone(candidate: str, before: str, follows_phone: bool) -> bool:
    digits = "".join(_DIGITS.findall(candidate))
    if candidate.startswith(("+", "(+", "00")) and _is_international(candidate, len(digits)):
        return True
    if _DATE.match(candidate):
        return False
    if _NANP.fullmatch(candidate):
        return True
    called, other = _last(_CALL_WORDS, before), _last(_OTHER_WORDS, before)
    if follows_phone or called > other:
        return len(digits) >= 7 and (_is_local(candidate) or any(_is_valid(candidate, region) for region in REGIONS))
    if other >= 0:
        return False
    return len(digits) >= 8 and any(_is_written_as_in(candidate, region) for region in REGIONS)


def _last(words: re.Pattern[str], text: str) -> int:
    """Where the last of the words begins; -1 where there is none."""
    return max((match.start() for match in words.finditer(text)), default=-1)


def _parse(candidate: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(candidate, region)
    except NumberParseException:
        return None


def _is_international(candidate: str, digits: int) -> bool:
    number = _parse(re.sub(r"\A00", "+", candidate).replace("(0)", ""), None)
    if number is None:
        return False
    return phonenumbers.is_valid_number(number) or (digits >= 10 and phonenumbers.is_possible_number(number))


def _is_valid(candidate: str, region: str) -> bool:
    number = _parse(candidate, region)
    return number is not None and phonenumbers.is_valid_number_for_region(number, region)


def _is_local(candidate: str) -> bool:
    return re.fullmatch(r"[2-9]\d\d-\d{4}", candidate) is not None


def _is_written_as_in(candidate: str, region: str) -> bool:
    """Valid in the region and grouped as there, with no other reading (thousands, a list of numbers) at hand."""
    if _THOUSANDS.fullmatch(candidate) or ("(" not in candidate and not candidate.startswith("0") and len(_DIGITS.findall(candidate)) == 1):
        return False
    number = _parse(candidate, region)
    if number is None or not phonenumbers.is_valid_number_for_region(number, region):
        return False
    if "(" in candidate:
        return True
    groups = _DIGITS.findall(candidate)
    if candidate.startswith("0"):
        return len(groups) > 1 or phonenumbers.number_type(number) == PhoneNumberType.MOBILE
    return len("".join(groups)) >= 9 and groups == _DIGITS.findall(phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL))
