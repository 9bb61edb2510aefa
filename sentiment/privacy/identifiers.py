"""Numbers with a checksum: payment cards, IBANs and national identifiers.

A number counts if it is valid for its kind **and** written like one. One number in ten passes the Luhn check and one
in eleven a mod-11 check, so a bare run of digits counts as a national identifier only next to a word that says so
("SSN", "DNI", "tax id"). Letters, typical grouping or a strong checksum (IBAN, NIR, CURP) are enough without a word.
"""

import re
from collections.abc import Callable, Iterator

from stdnum import iban, luhn
from stdnum.au import tfn
from stdnum.be import nn
from stdnum.bg import egn
from stdnum.br import cpf
from stdnum.ca import sin
from stdnum.ch import ssn as ahv
from stdnum.cl import rut
from stdnum.cn import ric
from stdnum.cz import rc
from stdnum.de import idnr
from stdnum.dk import cpr
from stdnum.es import dni, nie
from stdnum.exceptions import ValidationError
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.hr import oib
from stdnum.ie import pps
from stdnum.il import idnr as teudat_zehut
from stdnum.in_ import aadhaar, pan
from stdnum.it import codicefiscale
from stdnum.kr import rrn
from stdnum.lt import asmens
from stdnum.mx import curp
from stdnum.nl import bsn
from stdnum.no import fodselsnummer
from stdnum.pl import pesel
from stdnum.pt import nif
from stdnum.ro import cnp
from stdnum.se import personnummer
from stdnum.tr import tckimlik
from stdnum.us import itin, ssn
from stdnum.za import idnr as za_id

from sentiment.privacy import words
from sentiment.privacy.patterns import Finding
from sentiment.privacy.work import Work

_Check = Callable[[str], bool]

_BEFORE = r"(?<![A-Za-z0-9+])(?<!\d[-./])"
_AFTER = r"(?![A-Za-z0-9])(?![-./]\d)"

_CARD = re.compile(r"(?<![\d.+])\d(?:(?:[ -]{1,3}|\.(?=\d{4}))?\d){11,}")
_GROUP = re.compile(r"\d+")
_CARD_GROUP_UNITS = 1
_LUHN_UNITS = 6
_IBAN_UNITS = 20
_WRITTEN_UNITS = 10
_BARE_UNITS = 40

_CARD_LENGTHS = range(12, 20)
_SHORTEST_CARD_GROUP = 3
_COMMON_CARD_LENGTHS = (15, 16)
_CARD_BRANDS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-5]|095|[689]\d)\d{11,16}"  # Diners Club
    r"|6(?:011|4[4-9]\d|5\d\d)\d{12,15}|62\d{14,17}|81\d{14,17}"  # Discover, UnionPay
    # JCB: any 16 digits after 35, an IMEI has 15
    r"|35\d{14}|35(?:2[89]|[3-8]\d)\d{13,15}|(?:2131|1800)\d{11}"
    r"|(?:50\d\d|5[6-9]\d\d|6[0-9]\d\d)\d{8,15}"  # Maestro, RuPay
    r"|220[0-4]\d{12,15}|9792\d{12}"  # Mir, Troy
)
_IBAN_START = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}(?!00|01|99)\d{2}")
_IBAN = re.compile(r"[A-Za-z]{2}\d{2}(?:[ .-]?[A-Za-z0-9]){11,30}")
_IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FO GL NL SD FK", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK", 21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL", 24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip


def _nino(number: str) -> bool:
    """Whether it can be a UK National Insurance number: there is no checksum, but some prefixes are never issued."""
    return number[:2].upper() not in {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"}


def _chinese_id(number: str) -> bool:
    """Check checksum and birth date. stdnum's own check also looks up the birth place, with a KeyError for some."""
    try:
        ric.get_birth_date(number)
        return bool(ric.calc_check_digit(number) == number[-1].upper())
    except ValidationError:
        return False


_WRITTEN: tuple[tuple[str, _Check], ...] = (
    (r"\d{3}-\d{2}-\d{4}", lambda number: bool(ssn.is_valid(number) or itin.is_valid(number))),
    (r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]", _nino),
    (r"\d{3}(?P<sin>[ -])\d{3}(?P=sin)\d{3}", sin.is_valid),
    (r"\d{8}[ -]?[A-Za-z]", dni.is_valid),
    (r"[XYZxyz][ -]?\d{7}[ -]?[A-Za-z]", nie.is_valid),
    (r"[1-478] ?\d{2} ?\d{2} ?(?:\d{2}|2[ABab]) ?\d{3} ?\d{3} ?\d{2}", nir.is_valid),
    (
        r"[A-Za-z]{6} ?[0-9LMNP-V]{2}[A-EHLMPR-Ta-ehlmpr-t][0-9LMNP-V]{2} ?[A-Za-z][0-9LMNP-V]{3}[A-Za-z]",
        codicefiscale.is_valid,
    ),
    (r"\d{2} \d{3} \d{3} \d{3}", idnr.is_valid),
    (r"\d{4}\.\d{2}\.\d{3}", bsn.is_valid),
    (r"\d{3}\.\d{3}\.\d{3}-\d{2}", cpf.is_valid),
    (r"[2-9]\d{3}(?P<uid>[ -])\d{4}(?P=uid)\d{4}", aadhaar.is_valid),
    (r"[A-Z]{3}[ABCFGHLJPT][A-Z]\d{4}[A-Z]", pan.is_valid),
    (r"(?:\d{2})?\d{6}[-+]\d{4}", personnummer.is_valid),
    (r"\d{6}[-+A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y]", hetu.is_valid),
    (r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}", nn.is_valid),
    (r"756\.?\d{4}\.?\d{4}\.?\d{2}", ahv.is_valid),
    (r"[A-Z]{4}\d{6}[HM][A-Z]{5}[0-9A-Z]\d", curp.is_valid),
    (r"\d{17}[\dXx]", _chinese_id),
    (r"\d{6}-[1-8]\d{6}", rrn.is_valid),
    (r"\d{1,2}\.\d{3}\.\d{3}-[\dKk]", rut.is_valid),
    (r"\d{7}[A-W][ABWTXZ]?", pps.is_valid),
    (r"\d{6}/\d{3,4}", rc.is_valid),
)
_WRITTEN_PATTERN = re.compile(
    _BEFORE
    + r"(?=\w)(?:"
    + "|".join(f"(?P<kind{number}>{pattern})" for number, (pattern, _) in enumerate(_WRITTEN))
    + ")"
    + _AFTER
)
_KINDS = {f"kind{number}": check for number, (_, check) in enumerate(_WRITTEN)}

_BARE = re.compile(_BEFORE + r"\d(?:[ ./-]?\d){8,14}" + _AFTER)
_BARE_CHECKS: dict[int, tuple[_Check, ...]] = {
    9: (ssn.is_valid, itin.is_valid, sin.is_valid, bsn.is_valid, nif.is_valid, tfn.is_valid, teudat_zehut.is_valid),
    10: (nhs.is_valid, egn.is_valid, personnummer.is_valid, cpr.is_valid),
    11: (
        idnr.is_valid,
        cpf.is_valid,
        pesel.is_valid,
        fodselsnummer.is_valid,
        tckimlik.is_valid,
        oib.is_valid,
        asmens.is_valid,
        nn.is_valid,
    ),
    12: (aadhaar.is_valid, personnummer.is_valid),
    13: (za_id.is_valid, cnp.is_valid, rrn.is_valid),
}


def find_cards(view: str, work: Work) -> Iterator[Finding]:
    """Payment cards: 12 to 19 digits, grouped or not, that pass the Luhn check.

    The number must be of a known brand or follow a word such as "card".
    """
    speaks_of_cards = words.CARD.search(view) is not None
    for run in _CARD.finditer(view):
        if run.end() < len(view) and view[run.end()].isdigit():
            continue
        groups = [(run.start() + group.start(), run.start() + group.end()) for group in _GROUP.finditer(run.group())]
        first = 0
        while first < len(groups):
            last = _card_end(view, groups, first, speaks_of_cards, work)
            if last is None:
                first += 1
            else:
                yield groups[first][0], groups[last][1]
                first = last + 1


def _card_end(view: str, groups: list[Finding], first: int, speaks_of_cards: bool, work: Work) -> int | None:
    """The last group of the card that starts at group `first`; None if there is none.

    Only the last group may have fewer than three digits.
    """
    start = groups[first][0]
    digits = ""
    for last in range(first, len(groups)):
        work.spend(_CARD_GROUP_UNITS)
        group = view[slice(*groups[last])]
        digits += group
        if len(digits) > _CARD_LENGTHS[-1]:
            return None
        if len(digits) in _CARD_LENGTHS and len(set(digits)) > 1:
            work.spend(_LUHN_UNITS)
            if luhn.is_valid(digits) and _is_card(view, start, digits, speaks_of_cards):
                return last
        if len(group) < _SHORTEST_CARD_GROUP:
            return None
    return None


def _is_card(view: str, start: int, digits: str, speaks_of_cards: bool) -> bool:
    """Whether a number that passes the Luhn check is of a known brand, or called a card."""
    if _CARD_BRANDS.fullmatch(digits) and not _is_other(view, start, digits):
        return True
    return speaks_of_cards and words.CARD.search(words.before(view, start)) is not None


def _is_other(view: str, start: int, digits: str) -> bool:
    """Whether the number has an uncommon length for a card and follows a word such as "order"."""
    return len(digits) not in _COMMON_CARD_LENGTHS and words.OTHER_NUMBER.search(words.before(view, start)) is not None


def find_ibans(view: str, work: Work) -> Iterator[Finding]:
    """IBANs of the countries in the registry, grouped or not, by length and ISO 7064 checksum."""
    end = 0
    for anchor in _IBAN_START.finditer(view):
        length = _IBAN_LENGTHS.get(anchor.group()[:2].upper())
        match = _IBAN.match(view, anchor.start()) if length is not None and anchor.start() >= end else None
        if length is None or match is None:
            continue
        work.spend(_IBAN_UNITS)
        characters = _end_of_characters(match.group(), length)
        if characters is not None and _is_iban(match.group()[:characters]):
            end = match.start() + characters
            yield match.start(), end


def _is_iban(number: str) -> bool:
    """Whether the checksum (ISO 7064, mod 97) and the country's structure are right."""
    characters = [character for character in number if character.isalnum()]
    remainder = int("".join(str(int(character, 36)) for character in characters[4:] + characters[:4])) % 97
    return remainder == 1 and bool(iban.is_valid(number, check_country=False))


def _end_of_characters(text: str, count: int) -> int | None:
    """Where the first `count` letters and digits of the text end; None if it has fewer."""
    for position, character in enumerate(text):
        count -= character.isalnum()
        if count == 0:
            return position + 1
    return None


def find_national_ids(view: str, work: Work) -> Iterator[Finding]:
    """National identifiers that are recognised by how they are written; the table above lists them."""
    for match in _WRITTEN_PATTERN.finditer(view):
        work.spend(_WRITTEN_UNITS)
        if match.lastgroup is not None and _KINDS[match.lastgroup](match.group()):
            yield match.span()


def find_bare_national_ids(view: str, work: Work) -> Iterator[Finding]:
    """National identifiers of digits only, next to a word that says what they are."""
    if words.NATIONAL_ID.search(view) is None:
        return
    for match in _BARE.finditer(view):
        work.spend(_BARE_UNITS)
        digits = "".join(_GROUP.findall(match.group()))
        if words.NATIONAL_ID.search(words.before(view, match.start())) and any(
            check(digits) for check in _BARE_CHECKS.get(len(digits), ())
        ):
            yield match.span()
