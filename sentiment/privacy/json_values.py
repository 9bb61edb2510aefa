"""Redaction of JSON values, such as an event's metadata."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from sentiment.privacy.names import find_names, names_are_searched
from sentiment.privacy.redact import PLACEHOLDER, UNCHECKED, Redacted, placeholder, redact_shapes, without_names
from sentiment.privacy.work import METADATA_UNITS, NAME_UNITS, Work

_SMALLEST_IDENTIFIER = 10**6
_WORD_BREAKS = re.compile(r"[\W_]+|(?<=[a-z])(?=[A-Z])")
_CONTEXT_CHARACTERS = 64
"""How much of a key is context: more than any finder looks back."""


def redact_json(value: object) -> tuple[object, dict[str, int]]:
    """Redact the strings and keys of a JSON value at any depth: the new value, and the counts by kind.

    A key is context for its value: `{"phone": "9876543210"}`. An integer that is personal data becomes a placeholder,
    which is a string. Keys that become equal get a number, so that no value is lost.

    All strings and keys share one budget, `work.METADATA_UNITS`. Where it ends, the string in hand becomes
    `[UNCHECKED]`, and so does the rest of every list and object, as one item or entry.

    Names and addresses are looked for (`names`) in strings of two words or more: a model that reads one word alone
    guesses. Strings that take more than `work.NAME_UNITS` together become `[UNCHECKED]`, too.
    """
    return redact_json_all([value])[0]


def redact_json_all(values: Sequence[object]) -> list[tuple[object, dict[str, int]]]:
    """What `redact_json` makes of each of the values, in order. Names in many values are found quicker at once."""
    redacted = [_without_shapes(value) for value in values]
    if not names_are_searched():
        return redacted
    asked = [(text, work) for safe, _ in redacted for work in [Work(NAME_UNITS)] for text in _worth_reading(safe)]
    found = find_names([text for text, _ in asked], [work for _, work in asked], PLACEHOLDER)
    answers = iter([without_names(Redacted(text, {}), names) for (text, _), names in zip(asked, found, strict=True)])
    return [_with_answers(safe, counts, answers) for safe, counts in redacted]


def _without_shapes(value: object) -> tuple[object, dict[str, int]]:
    redaction = _JsonRedaction()
    return redaction.value(value, ""), redaction.counts


def _worth_reading(value: object) -> list[str]:
    """The different strings of at least two words."""
    return list(dict.fromkeys(text for text in _strings(value) if len(text.split()) > 1))


def _with_answers(value: object, counts: dict[str, int], answers: Iterator[Redacted]) -> tuple[object, dict[str, int]]:
    """`value` with the answer to each of its strings that were worth reading, and all counts."""
    table = {text: next(answers) for text in _worth_reading(value)}
    found = Counter(counts)
    for text in _strings(value):
        found.update(table[text].counts if text in table else {})
    return _exchanged(value, table), dict(found)


def _strings(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for item in value.values():
                yield from _strings(item)
        case list():
            for item in value:
                yield from _strings(item)


def _exchanged(value: object, table: Mapping[str, Redacted]) -> object:
    match value:
        case str() if value in table:
            return table[value].text
        case dict():
            return {key: _exchanged(item, table) for key, item in value.items()}
        case list():
            return [_exchanged(item, table) for item in value]
    return value


class _JsonRedaction:
    """The redaction of one JSON value."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self._work = Work(METADATA_UNITS)

    def value(self, value: object, context: str) -> object:
        """The redacted value; `context` is read as if it came before it."""
        match value:
            case str():
                return self._text(value, context)
            case int() if abs(value) >= _SMALLEST_IDENTIFIER:
                text = self._text(str(value), context)
                return value if text == str(value) else text
            case dict():
                return self._object(value)
            case list() | tuple():
                return self._list(value, context)
        return value

    def _list(self, items: Sequence[object], context: str) -> list[object]:
        redacted: list[object] = []
        for item in items:
            if self._work.exceeded:
                redacted.append(self._rest())
                break
            redacted.append(self.value(item, context))
        return redacted

    def _object(self, items: dict[object, object]) -> dict[object, object]:
        redacted: dict[object, object] = {}
        numbers: dict[object, int] = {}
        """The last number that was given to a key."""
        for key, item in items.items():
            if self._work.exceeded:
                redacted[placeholder(UNCHECKED)] = self._rest()
                break
            safe_key = self._text(key, "") if isinstance(key, str) else key
            context = _as_context(safe_key) if isinstance(safe_key, str) else ""
            unique_key = safe_key
            while unique_key in redacted:
                numbers[safe_key] = numbers.get(safe_key, 1) + 1
                unique_key = f"{safe_key} {numbers[safe_key]}"
            redacted[unique_key] = self.value(item, context)
        return redacted

    def _text(self, text: str, context: str) -> str:
        if text == placeholder(UNCHECKED):
            return text
        redacted = redact_shapes(text, context, self._work)
        for kind, count in redacted.counts.items():
            self._count(kind, count)
        return redacted.text

    def _rest(self) -> str:
        self._count(UNCHECKED, 1)
        return placeholder(UNCHECKED)

    def _count(self, kind: str, count: int) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + count


def _as_context(key: str) -> str:
    return _WORD_BREAKS.sub(" ", key[-_CONTEXT_CHARACTERS:]) + ": "
