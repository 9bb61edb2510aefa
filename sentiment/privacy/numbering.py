"""Numbering plans: is this run of digits a phone number of some country, and is it written as people write it there?

The plans are those of the phonenumbers library. Parsing takes about 0.1 ms per region, so a region is tried
only if the digits match its general pattern, which is a plain regular expression in the same metadata.
"""

import functools
import re

import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumber, PhoneNumberFormat, PhoneNumberType

from sentiment.privacy.work import Work

REGIONS = (
    "US", "GB", "IN", "DE", "FR", "ES", "IT", "AU", "BR", "MX", "NL", "SE", "CH", "AT", "BE", "PL", "PT", "IE",
    "DK", "NO", "FI", "CZ", "GR", "HU", "RO", "TR", "RU", "UA", "IL", "AE", "SA", "EG", "ZA", "NG", "KE", "JP",
    "KR", "CN", "TW", "HK", "SG", "MY", "TH", "VN", "ID", "PH", "PK", "BD", "NZ", "AR", "CL", "CO", "PE",
)  # fmt: skip
"""Regions that a number without a plus sign may be from. The US stands for the whole North American plan."""

_PARSE_UNITS = 50
_PATTERNS_UNITS = 20

_DIGITS = re.compile(r"\d+")


def is_international(number: str, digits: int, work: Work) -> bool:
    """Whether a number with a plus sign is valid, or at least as long as the numbers of its country."""
    work.spend(_PARSE_UNITS)
    parsed = _parse(number, None)
    if parsed is None:
        return False
    return phonenumbers.is_valid_number(parsed) or (digits >= 10 and phonenumbers.is_possible_number(parsed))


def any_region(digits: str, work: Work) -> bool:
    """Whether the digits fit the general pattern of any region."""
    work.spend(_PATTERNS_UNITS)
    return any(_general_pattern(region).fullmatch(digits) for region in REGIONS)


def is_written_as_somewhere(number: str, digits: str, work: Work) -> bool:
    """Whether the number is valid in some region, and written as people there write numbers."""
    work.spend(_PATTERNS_UNITS)
    return any(
        _general_pattern(region).fullmatch(digits) and _is_written_as_in(number, region, work) for region in REGIONS
    )


def _is_written_as_in(number: str, region: str, work: Work) -> bool:
    """Whether it has a trunk zero, an area code in parentheses, or nine digits or more in the region's grouping."""
    work.spend(_PARSE_UNITS)
    parsed = _parse(number, region)
    if parsed is None or not phonenumbers.is_valid_number(parsed):
        return False
    groups = _DIGITS.findall(number)
    if number.startswith("("):
        return True
    if number.startswith("0"):
        return len(groups) > 1 or phonenumbers.number_type(parsed) == PhoneNumberType.MOBILE
    if len(groups) == 1 or sum(map(len, groups)) < 9:
        return False
    return groups == _DIGITS.findall(phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL))


def _parse(number: str, region: str | None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(number, region)
    except NumberParseException:
        return None


@functools.cache
def _general_pattern(region: str) -> re.Pattern[str]:
    plan = PhoneMetadata.metadata_for_region(region)
    if plan is None or plan.general_desc is None or plan.general_desc.national_number_pattern is None:
        raise ValueError(f"phonenumbers has no numbering plan for {region}")
    prefix = plan.national_prefix_for_parsing or plan.national_prefix
    trunk = f"(?:{prefix})?" if prefix else ""
    return re.compile(rf"(?:{plan.country_code}{trunk}|{trunk})(?:{plan.general_desc.national_number_pattern})")
