"""Street addresses: a house number beside words that streets are called by, and postcodes that name a few houses.

A street counts if its name has capital letters, or follows a word such as "address". What follows it (flat, town,
postcode) belongs to the address. Repetitions are bounded, so the work is linear in the length of the text.
"""

import re
from collections.abc import Iterator

from sentiment.privacy import words
from sentiment.privacy.patterns import Finding

_STREET = (
    r"(?:Street|Str?|Avenue|Ave|Road|Rd|Boulevard|Blvd|Drive|Dr|Lane|Ln|Court|Ct|Place|Square|Sq|Terrace|Parkway|Pkwy|"
    r"Highway|Hwy|Crescent|Cres|Close|Gardens|Mews|Parade|Alley|Freeway|Expressway|Motorway|Turnpike|Quay|Esplanade)"
)
_STREET_PERHAPS = (
    r"(?:Avenues|Bends?|Bluffs?|Bridge|Brook|Brooks|Bypass|Camps?|Canyon|Cape|Causeway|Centers?|Circles?|Cliffs?|Common|Corners?|Coves?|Courses?|Courts|Creek|"
    r"Crest|Crossing|Curve|Dale|Dam|Divide|Drives|Estates?|Extensions?|Falls?|Ferry|Fields?|Flats?|Fords?|Forest|Forges?|Forks?|Fort|"
    r"Gardens?|Gateway|Glens?|Greens?|Groves?|Harbors?|Haven|Heights|Hills?|Hollow|Inlet|Islands?|Isle|Junctions?|Keys?|"
    r"Knolls?|Lakes?|Land|Landing|Lights?|Loaf|Locks?|Lodge|Loop|Manors?|Meadows?|Mills?|Mission|Mount|Mountains?|Neck|Orchard|Oval|"
    r"Overpass|Parks?|Parkways?|Pass|Passage|Path|Pike|Pines?|Plains?|Plaza|Points?|Ports?|Prairie|Radial|Ramp|Ranch|"
    r"Rapids?|Ridges?|River|Roads|Route|Row|Run|Shoals?|Shores?|Skyway|Springs?|Spurs?|Squares|Station|Stravenue|Stream|"
    r"Streets|Summit|Throughway|Trace|Track|Trafficway|Trail|Tunnel|Underpass|Unions?|Valleys?|Viaduct|Views?|"
    r"Villages?|Ville|Vista|Walks?|Wall|Ways?|Wells?)"
)
"""The other suffixes of the US Postal Service (Publication 28, appendix C1) that are written out."""
_NAME = r"(?:[A-ZÀ-Þ][\w'’.-]{0,30}|\d{1,3}(?:st|nd|rd|th))"
_SIDE = r"(?:(?:[NSEW]|[NS][EW]|North|South|East|West)\.? )?"
_BEFORE = r"(?<![\w.,/$€£#-])"
_HOUSE = r"(?:\d{1,4} )?\d{1,6}[A-Za-z]?(?: ?[-/] ?\d{1,4}[A-Za-z]?)?"

_NUMBER_FIRST = re.compile(
    rf"{_BEFORE}(?:{_HOUSE},? {_SIDE}(?:{_NAME} ){{1,3}}?{_STREET}\b(?!\w)"
    rf"|\d{{2,6}} {_SIDE}(?:{_NAME} ){{1,2}}?{_STREET_PERHAPS}\b"
    r"|(?:\d{1,4} )?\d{1,4}(?: ?(?:bis|ter))?,? "
    r"(?:[Rr]ue|[Aa]venue|[Bb]oulevard|[Pp]lace|[Cc]hemin|[Ii]mpasse|[Aa]llée|[Qq]uai) "
    r"(?:(?:de|du|des|la|le|les|l['’]|d['’]) ?){0,3}[A-ZÀ-Þ][\w'’-]{0,30}(?: [A-ZÀ-Þ][\w'’-]{0,30}){0,3})"
)
_NUMBER_LAST = re.compile(
    r"(?<!\w)(?:\d{1,4} )?(?:"
    r"[A-ZÄÖÜ][\w.-]{1,30} ?(?:stra(?:ß|ss)e|str\.|gasse|weg|platz|allee|ufer|damm|straat|laan|plein|gracht|gade|vej|"
    r"gatan|vägen)"
    r"|(?:[A-ZÄÖÜ][\w.-]{1,30}[ -]){1,2}(?:Stra(?:ß|ss)e|Str\.|Gasse|Weg|Platz|Allee|Ufer|Damm)"
    r"|(?:Calle|C/|Avenida|Av\.|Avda\.|Paseo|Plaza|Via|Viale|Piazza|Corso|Rua|Travessa|Praça|Largo|ul\.)"
    r" ?(?:[\w'’.-]{1,20} ){0,3}[A-ZÀ-Þ][\w'’.-]{1,30}"
    r"),? (?:n[º°.o]{1,2} ?)?\d{1,4}[a-z]?(?![\w.,]?\d)"
)
_LOWER_CASE = re.compile(
    rf"{_BEFORE}{_HOUSE},? (?:[\w'’.-]{{1,30}} ){{1,3}}?"
    r"(?:street|st|avenue|ave|road|rd|boulevard|blvd|drive|lane|court|square|terrace|crescent)\b",
    re.IGNORECASE,
)
_BETWEEN_NUMBERS = re.compile(rf"{_BEFORE}\d{{1,4}},? (?:{_NAME} ){{1,3}}\d{{1,5}}\b")
_SPEAKS_OF_HOMES = re.compile(
    r"\b(?:address(?:es)?|li(?:ve[sd]?|ving) (?:at|on|in)|deliver(?:y|ed)? (?:to|at)|ship(?:ped)? to|sen[dt] to"
    r"|moved to|return to|house at|home at)\b",
    re.IGNORECASE,
)

_POSTCODE = (
    r"(?:\b[ABCEGHJ-NPRSTVXY]\d[A-Z] ?\d[A-Z]\d\b"  # Canada
    r"|\b[A-PR-UWYZ][A-HK-Y]?\d[A-Z\d]? \d(?!GB|TB|MB|KB)[ABD-HJLNP-UW-Z]{2}\b)"  # United Kingdom
)
_ALONE = re.compile(
    rf"{_POSTCODE}|\b(?:[Aa]pt\.?|[Aa]partment|[Ss]uite) #?\d{{1,5}}[A-Z]?\b"
    r"|\b(?:(?:ZIP|[Zz]ip)(?: ?[Cc]ode)?|[Pp]ost(?:al )?[Cc]ode|[Pp]in ?[Cc]ode)(?: is)?:? \d{4,6}\b",
)
_FLAT = r"(?:[,\s]{1,3}(?:(?:[Aa]pt|Apartment|[Ss]uite|Ste|Unit|Flat|Floor|Room)\b\.?|#) ?#?[A-Z]?\d{0,5}[A-Z]?\b)"
_TOWN = r"(?:[A-ZÀ-Þ][\w'’-]{1,30})"
_ZIP = rf"(?:(?:[A-Z]{{2}},? )?\d{{4,5}}(?:-\d{{3,4}})?(?!\w)|{_POSTCODE})"
_REST = re.compile(
    rf"{_FLAT}?(?:[,\s]{{1,6}}(?:{_ZIP}(?: {_TOWN}){{0,2}}|{_TOWN}(?:[,\s]{{1,6}}{_TOWN}){{0,4}}[,\s]{{1,6}}{_ZIP}"
    rf"|{_TOWN}(?: {_TOWN})?, [A-Z]{{2}}\b))?"
)


def find_addresses(view: str) -> Iterator[Finding]:
    """Spans of street addresses, each with flat, town and postcode, and of postcodes; they may overlap."""
    for pattern in (_NUMBER_FIRST, _NUMBER_LAST):
        for match in pattern.finditer(view):
            yield match.start(), _end(view, match.end())
    for pattern in (_LOWER_CASE, _BETWEEN_NUMBERS):
        for match in pattern.finditer(view):
            if _SPEAKS_OF_HOMES.search(words.before(view, match.start())):
                yield match.start(), _end(view, match.end())
    yield from (match.span() for match in _ALONE.finditer(view))


def _end(view: str, street_end: int) -> int:
    rest = _REST.match(view, street_end)
    return street_end if rest is None else rest.end()
