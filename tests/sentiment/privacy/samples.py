"""Generated values that are valid for their kind, written as people write them, and numbers that only look alike."""

import random
from collections.abc import Callable

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType
from stdnum import iban, luhn
from stdnum.br import cpf
from stdnum.ca import sin
from stdnum.es import dni
from stdnum.fr import nir
from stdnum.in_ import aadhaar
from stdnum.nl import bsn
from stdnum.us import ssn

COUNTRIES = ("US", "GB", "DE", "FR", "IT", "ES", "IN", "AU", "BR", "MX")

CALLING_SENTENCES = ("Call me at {} please", "my number is {}.")
OTHER_SENTENCES = (
    "{} is what I registered with",
    "I wrote to support about {}, nobody answered",
    "Terrible app. {}",
    "refund ({}) never came",
    'they say "{}" is unknown',
    "it was {}! thanks",
)
SENTENCES = CALLING_SENTENCES + OTHER_SENTENCES

_BRANDS = (("4", 16), ("4", 13), ("51", 16), ("55", 16), ("2221", 16), ("2720", 16), ("34", 15), ("37", 15),
           ("6011", 16), ("65", 16), ("3528", 16), ("3589", 16), ("36", 14), ("300", 14), ("62", 16), ("5018", 16),
           ("6304", 12), ("4", 19), ("2131", 15), ("6759", 18))  # fmt: skip
_BBANS = (("DE", "", 18), ("GB", "NWBK", 14), ("NL", "ABNA", 10), ("FR", "", 23), ("ES", "", 20), ("CH", "", 17),
          ("PL", "", 24), ("SE", "", 20), ("AT", "", 16), ("BE", "", 12), ("IE", "AIBK", 14), ("NO", "", 11),
          ("IT", "X", 22), ("MT", "MALT", 23), ("SA", "", 20))  # fmt: skip


def digits(rng: random.Random, count: int) -> str:
    """`count` random digits."""
    return "".join(rng.choice("0123456789") for _ in range(count))


def grouped(number: str, size: int, separator: str) -> str:
    """The number in groups, as printed on cards and statements."""
    return separator.join(number[start : start + size] for start in range(0, len(number), size))


def email(rng: random.Random) -> str:
    """An e-mail address; one in six has an international domain or local part."""
    local = rng.choice(["john", "mary.smith", "j_doe", "a.b.c", "kate+shop", "x-ray", "o'neil", "müller", "user%d"])
    domain = rng.choice(["example.com", "mail.example.co.uk", "my-host.io", "bücher.example", "xn--bcher-kva.example"])
    return f"{local.replace('%d', digits(rng, 3))}{rng.randrange(100)}@{domain}"


def card(rng: random.Random) -> str:
    """A payment card of one of twenty brands and lengths, bare or grouped."""
    prefix, length = rng.choice(_BRANDS)
    body = prefix + digits(rng, length - len(prefix) - 1)
    number = body + luhn.calc_check_digit(body)
    return rng.choice([number, number, grouped(number, 4, " "), grouped(number, 4, "-")])


def bank_account(rng: random.Random) -> str:
    """An IBAN of one of fifteen countries, bare, in groups of four or in lower case."""
    country, bank, count = rng.choice(_BBANS)
    body = bank + digits(rng, count)
    number = f"{country}{iban.calc_check_digits(f'{country}00{body}')}{body}"
    return rng.choice([number, number, grouped(number, 4, " "), number.lower()])


def ipv4(rng: random.Random) -> str:
    """The address of a host: neither its first nor its last part is 0."""
    return ".".join(str(rng.randint(1, 254)) for _ in range(4))


def ipv6(rng: random.Random) -> str:
    """A global address, in full or shortened."""
    groups = ["2001"] + [f"{rng.randrange(1, 0x10000):x}" for _ in range(7)]
    return rng.choice([":".join(groups), ":".join(groups[:3]) + "::" + ":".join(groups[5:]), "fe80::" + groups[4]])


def phone(rng: random.Random, region: str, layout: int) -> str:
    """A valid number of the region, mobile or fixed, as phonenumbers writes it."""
    kind = rng.choice([PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE])
    example = phonenumbers.example_number_for_type(region, kind)
    assert example is not None
    national = phonenumbers.national_significant_number(example)
    while True:
        kept = rng.randint(2, 4)
        candidate = f"+{example.country_code}{national[:kept]}{digits(rng, len(national) - kept)}"
        number = phonenumbers.parse(candidate)
        if phonenumbers.is_valid_number(number):
            return phonenumbers.format_number(number, layout)


PHONE_LAYOUTS = (PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.E164, PhoneNumberFormat.NATIONAL)


def any_phone(rng: random.Random) -> str:
    """A number of one of the ten countries, in any layout."""
    return phone(rng, rng.choice(COUNTRIES), rng.choice(PHONE_LAYOUTS))


def _until_valid(rng: random.Random, write: Callable[[], str], check: Callable[[str], bool]) -> str:
    while not check(number := write()):
        continue
    return number


def national_id(rng: random.Random) -> str:
    """A national identifier of one of nine countries, written as people there write it."""
    d = lambda count: digits(rng, count)  # noqa: E731 - read aloud in each line below
    choices: list[Callable[[], str]] = [
        lambda: _until_valid(rng, lambda: f"{d(3)}-{d(2)}-{d(4)}", ssn.is_valid),
        lambda: _until_valid(rng, lambda: f"{d(3)}-{d(3)}-{d(3)}", sin.is_valid),
        lambda: _until_valid(rng, lambda: f"{d(8)}{rng.choice('TRWAGMYFPDXBNJZSQVHLCKE')}", dni.is_valid),
        lambda: _until_valid(rng, lambda: f"{d(3)}.{d(3)}.{d(3)}-{d(2)}", cpf.is_valid),
        lambda: _until_valid(rng, lambda: f"{rng.randint(2, 9)}{d(3)} {d(4)} {d(4)}", aadhaar.is_valid),
        lambda: _until_valid(rng, lambda: f"{d(4)}.{d(2)}.{d(3)}", bsn.is_valid),
        lambda: _until_valid(rng, lambda: f"1{d(2)}07{'75'}{d(6)}{d(2)}", nir.is_valid),
        lambda: rng.choice(["QQ123456C", "AB 12 34 56 C", "JG103759A"][1:]),
        lambda: rng.choice(["RCCMNL83S18D969H", "RSSMRA85T10A562S", "MRTMTT91D08F205J"]),
    ]
    return rng.choice(choices)()


KINDS: dict[str, Callable[[random.Random], str]] = {
    "email": email, "card": card, "iban": bank_account, "ip": ipv4, "phone": any_phone, "id": national_id,
}  # fmt: skip


def decoy(rng: random.Random) -> str:
    """A number that identifies nobody: an order, a ticket, an amount, a date, a time, a version, a broken checksum."""
    return rng.choice(
        [
            f"order {digits(rng, 10)}",
            f"order number 11{rng.randrange(10)}-{digits(rng, 7)}-{digits(rng, 7)}",
            f"ticket #{digits(rng, 8)}",
            f"ticket 20{digits(rng, 9)}",
            f"case CAS-{digits(rng, 6)}-{rng.choice('ABCXYZ')}{digits(rng, 5)}",
            f"${rng.randint(1, 999)},{digits(rng, 3)},{digits(rng, 3)}.{digits(rng, 2)}",
            f"{rng.randint(1, 9)} {digits(rng, 3)} {digits(rng, 3)} EUR",
            f"20{rng.randint(10, 29)}-{rng.randint(10, 12)}-{rng.randint(10, 28)}",
            f"{rng.randint(10, 28)}.{rng.randint(10, 12)}.20{rng.randint(10, 29)} {rng.randint(10, 23)}:30",
            f"{rng.randint(10, 23)}:{rng.randint(10, 59)}:{rng.randint(10, 59)}",
            f"version 8.{rng.randint(10, 199)}.0 build {rng.randint(1, 9)} {digits(rng, 5)}",
            f"version {rng.randint(1, 20)}.{rng.randint(0, 99)}.{rng.randint(0, 99)}.{rng.randint(0, 99)}",
            f"1{digits(rng, 9)}",
            f"1{digits(rng, 12)}",
            f"{rng.randint(1, 9)}/10, {rng.randint(50, 100)}% and 1080 x 1920",
            f"DE00{digits(rng, 18)}",
            f"{rng.randrange(16**8):08x}-{rng.randrange(16**4):04x}-4{rng.randrange(16**3):03x}-9{rng.randrange(16**3):03x}",
        ]
    )
