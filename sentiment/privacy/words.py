"""Words that say what the number after them is."""

import re

CONTEXT_CHARACTERS = 40
"""How far before a number such a word counts."""


def _words(*alternatives: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(' '.join(alternatives).split())})\b".replace("_", "[ -]?"), re.IGNORECASE)


# In these lists a space separates two words; an underscore stands for an optional space or hyphen.

OTHER_NUMBER = _words(
    "orders? tickets? batch cases? refs? references? invoices? tracking accounts? acct serial models? versions?",
    r"builds? confirmation transactions? receipts? i\.?d codes? errors? pin isbn imei sku amounts? prices? policy",
    "claims? booking reservation flights? parcels? customers? member(?:ship)? licen[sc]e passport items? products?",
    "parts? jobs? requests? incidents?",
)
"""The number of a thing, which is nobody's phone or card."""

PHONE = _words(
    r"(?:tele)?phones? tel call(?:ed|ing|s)? mobile cell(?:ular|phone)? whats_app sms fax dial(?:l?ed)? ring hotline",
    r"helpline landline ph tel[eé]fono m[oó]vil celular telefoni? telefone handy rufnummer portable t[eé]l[eé]phone",
    r"cellulare ligue llam\w{1,6} appel\w{1,4} text(?:ed)?(?=\s(?:me|us|him|her|at|to|on)\b)",
)
PHONE_PERHAPS = _words("number contact reach nummer num[eé]ro n[uú]mero")
"""Words for a phone only if nothing says otherwise: an "order number" is not a phone number."""

PHONE_AFTER = re.compile(
    r"\W{0,3}(?:(?:is|was) (?:my|our|the|his|her|your) (?:(?:new|own|personal|work|home|contact) )?)?"
    r"(?:phone|number|cell|mobile|whats ?app|tel)\b",
    re.IGNORECASE,
)

CARD = _words("cards? visa mastercard amex maestro cc credit debit")

NATIONAL_ID = _words(
    r"ssn social_security itin sin(?=\s(?:number|no|is)\b|[:#]) social_insurance bsn burgerservice\w* nif dni nie",
    r"steuer\w* idnr tax(?:payer)?_(?:id|number|file)\w* tfn cpf aadhaa?r uidai pesel person(?:al)?n(?:umme)?r",
    r"f[oø]dselsn\w* cpr egn cnp oib nhs kimlik asmens_kod\w* isikukood teudat_zehut rijksregister\w*",
    r"(?:national|personal|identity|citizen|government)_(?:id\w*|number|card|insurance)",
)


def before(view: str, start: int) -> str:
    """The context of a number that begins at `start`."""
    return view[max(0, start - CONTEXT_CHARACTERS) : start]


def last(words: re.Pattern[str], text: str) -> int:
    """Where the last of the words begins; -1 if there is none."""
    return max((match.start() for match in words.finditer(text)), default=-1)
