"""Personal data that is recognised by its shape alone: e-mail addresses, URLs with secrets, IP addresses, handles.

Each finder takes the folded view of a text and yields (start, end) spans in order, without overlaps. Repetitions in the
patterns are bounded or unambiguous, so the work is linear in the length of the text. A finder charges `work` for every
candidate; whoever calls it charges for the scan.
"""

import ipaddress
import re
from collections.abc import Iterator

from sentiment.privacy.work import Work

Finding = tuple[int, int]

_LOCAL_PART = re.compile(r"(?:\w[\w!#$%'*+^`{}~-]*(?:\.[\w!#$%'*+^`{}~-]+)*\.?|\"[^\"\s@]{1,62}\"|[!#$%*+^{}~-]+)\Z")
_LOCAL_CHARACTERS = re.compile(r"[\w.!#$%'*+^`{}~\"-]")
_DOMAIN = re.compile(
    r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}(?:xn--[A-Za-z0-9-]{2,59}|[^\W\d_]{2,63})|\[[0-9A-Fa-f:.]{7,45}\]"
)
_FILE_SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp")
_LOCAL_PART_CHARACTERS = 64
_EMAIL_UNITS = 2
_IPV6_UNITS = 6
_IPV4_UNITS = 8

_COMMON_TLD = (
    r"(?:com|net|org|edu|gov|info|io|de|fr|es|it|nl|uk|co\.uk|ca|au|com\.au|in|co\.in|br|com\.br|ru|ch|se|pl|eu|us|me)"
)
_PROVIDER = (
    r"(?:gmail|googlemail|yahoo|ymail|hotmail|outlook|live|msn|icloud|aol|gmx|proton(?:mail)?|mail|zoho|rediffmail|web)"
)
_DOT = r"(?:\.|[ ]?[(\[{<][ ]?(?:dot|\.)[ ]?[)\]}>][ ]?|[ ]dot[ ])"
_AT = r"[ ]?[(\[{<][ ]?(?:at|@)[ ]?[)\]}>][ ]?"
_SPELLED_EMAIL = re.compile(
    rf"(?<![\w.+-])[\w.+-]{{1,64}}(?:{_AT}(?:[\w-]{{1,63}}{_DOT}){{1,4}}[^\W\d_]{{2,24}}(?!\w)"
    rf"|(?:[ ]at[ ]|[ ]?@[ ]?){_PROVIDER}{_DOT}{_COMMON_TLD}(?!\w)"
    rf"|[ ]@[ ][\w-]{{2,63}}\.{_COMMON_TLD}(?!\w)"
    rf"|@[ ][\w-]{{2,63}}\.{_COMMON_TLD}(?!\w))",
    re.IGNORECASE,
)
_SPELLED_HINT = re.compile(rf"[(\[{{<][ ]?(?:at|@)[ ]?[)\]}}>]|[ ]at[ ]{_PROVIDER}|[ ]@|@[ ]", re.IGNORECASE)

_WORD = re.compile(r"[^\s<>\"]+")
_WORD_EDGES = ".,;:!?()[]{}'*"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,19}://")
_USERINFO = re.compile(r"[^/?#]*@[^/?#]")
_SECRET_PARAMETER = re.compile(
    r"[?&;#](?:[\w.-]{0,40}[_.-])?(?:(?:access|refresh|id)?token|(?:api)?key|secret|password|passwd|pwd|pass|auth|authorization"
    r"|credentials?|sig|signature|session(?:_?id)?|sid|jwt|otp|code|e_?mail|phone|mobile|user(?:name)?|login)=[^&;#\s]",
    re.IGNORECASE,
)

_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4 = re.compile(rf"(?<![\w.])(?<!\d[-,]){_OCTET}(?:\.{_OCTET}){{3}}(?![\w-]|\.\d|,\d)(?:/\d{{1,2}}(?!\d))?")
_VERSION_BEFORE = re.compile(
    r"\b(?:v(?:er(?:sion)?s?)?|build|release|firmware|updated?|upgraded?|android|ios|sdk|patch|miui)[ :.#(=-]{0,2}"
    r"(?:(?:number|no|to|is|of|from|was|the|code|latest|new)\W{1,3}){0,3}\Z",
    re.IGNORECASE,
)
_VERSION_AFTER = re.compile(
    r"\W{0,3}(?:(?:as|is) )?(?:the |a |my )?(?:\w+ )?(?:version|build|release|firmware|update)\b", re.IGNORECASE
)
_IP_BEFORE = re.compile(
    r"\b(?:ip|ipv4|address|host|server|subnet|network)\b\W{0,3}(?:\w+\W{1,3}){0,2}\Z", re.IGNORECASE
)
_VERSION_CHARACTERS = 40
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f:]{2,39}(?:\.\d{1,3}){0,3}(?![\w:])")

_HANDLE = re.compile(
    r"(?<![\w@])(?:@+(?!\d{1,4}(?:\W|_|\Z|[ap]m\b))\w(?:\w|[.-](?=[a-z0-9_]))*)+"
    r"|(?<![\w/])/?u/[A-Za-z0-9_-]{3,20}(?![\w/])"
)


def find_secret_urls(view: str, work: Work) -> Iterator[Finding]:
    """URLs with a user or password before the host, or a token, key, address or account in the query."""
    if "://" not in view and "=" not in view:
        return
    for match in _WORD.finditer(view):
        work.spend(1)
        word = match.group()
        scheme = _SCHEME.search(word)
        if scheme is None and ("=" not in word or "?" not in word):
            continue
        if (scheme is not None and _USERINFO.match(word, scheme.end())) or _SECRET_PARAMETER.search(word):
            start = scheme.start() if scheme is not None else len(word) - len(word.lstrip(_WORD_EDGES))
            yield match.start() + start, match.start() + len(word.rstrip(_WORD_EDGES))


def find_emails(view: str, work: Work) -> Iterator[Finding]:
    """E-mail addresses, including those with an international domain."""
    end = 0
    at = view.find("@")
    while at >= 0:
        work.spend(_EMAIL_UNITS)
        domain = _DOMAIN.match(view, at + 1)
        if domain is not None and not domain.group().lower().endswith(_FILE_SUFFIXES):
            local = _LOCAL_PART.search(_local_run(view, max(end, at - _LOCAL_PART_CHARACTERS), at))
            if local is not None:
                start, end = at - len(local.group()), domain.end()
                yield start, end
        at = view.find("@", max(at + 1, end))


def find_spelled_emails(view: str, work: Work) -> Iterator[Finding]:
    """E-mail addresses spelled for people: `name (at) host dot com`, `name @gmail.com`."""
    if _SPELLED_HINT.search(view):
        for match in _SPELLED_EMAIL.finditer(view):
            work.spend(1)
            yield match.span()


def find_ipv6(view: str, work: Work) -> Iterator[Finding]:
    """IPv6 addresses, also with an embedded IPv4 address, but not times, MAC addresses or `std::vector`."""
    if view.count(":") >= 2:
        for match in _IPV6.finditer(view):
            work.spend(_IPV6_UNITS)
            if _is_ipv6(match.group()):
                yield match.span()


def find_ipv4(view: str, work: Work) -> Iterator[Finding]:
    """IPv4 addresses: four dotted numbers up to 255, unless the words around them speak of a version.

    Without such words, `8.131.0.3` and `1.2.3.4` count as addresses: privacy comes first.
    """
    if view.count(".") >= 3:
        for match in _IPV4.finditer(view):
            work.spend(_IPV4_UNITS)
            if not _is_version(view, match):
                yield match.span()


def find_handles(view: str, work: Work) -> Iterator[Finding]:
    """@handles (not times or prices: `@5pm`, `@199`) and Reddit's `u/name`."""
    if "@" in view or "u/" in view:
        for match in _HANDLE.finditer(view):
            work.spend(1)
            yield match.span()


def _is_version(view: str, match: re.Match[str]) -> bool:
    before = view[max(0, match.start() - _VERSION_CHARACTERS) : match.start()]
    if _VERSION_BEFORE.search(before) or _VERSION_AFTER.match(view, match.end()):
        return True
    # Networks and many software versions end in .0, hosts do not.
    return match.group().endswith(".0") and not _IP_BEFORE.search(before)


def _local_run(view: str, start: int, end: int) -> str:
    """The characters directly before `end` that may belong to a local part."""
    begin = end
    while begin > start and _LOCAL_CHARACTERS.match(view, begin - 1):
        begin -= 1
    return view[begin:end]


def _is_ipv6(candidate: str) -> bool:
    """Whether it is written like the address of a host; `::1`, `a::b` and times are not."""
    if candidate.count(":") < 2 or not any(character.isdigit() for character in candidate):
        return False
    try:
        ipaddress.IPv6Address(candidate)
    except ValueError:
        return False
    return "::" not in candidate or len(candidate.split(":", 1)[0]) >= 3 or "." in candidate
