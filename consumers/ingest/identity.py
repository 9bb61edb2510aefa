"""What makes two rows the same, and two files one export: digests that say nothing of the content.

A row is known by its id if it has one, else by what is published of it. Line ends do not count, and neither do the
format of the file and its packing, because the digest is of the event.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from consumers.ingest.fields import Fields, Publishable
from sentiment.events import encode

IDENTITY_BYTES = 10
"""Two of ten million rows have the same by chance once in 20 billion times."""

DIGEST_BYTES = 16
"""The identity, and 6 bytes of a likeness, which tells whether a row has been edited."""

# Part of every name of an export. Raise it when the same row would get another digest.
_PROCEDURE = 2


def row_digest(row: Publishable) -> bytes:
    """16 bytes: the identity, and a likeness: the text, or without an id the text and the time."""
    values = msgspec.json.decode(encode(row.event))  # so that it does not matter how the file spelled them
    row_id = values.pop("id", None)
    plain = _with_plain_line_ends(values)
    identity: Any = plain
    likeness: Any = [plain["text"], plain.get("created_at")]
    if row.has_id:
        identity, likeness = row_id, plain["text"]
    return _hashed(identity, IDENTITY_BYTES) + _hashed(likeness, DIGEST_BYTES - IDENTITY_BYTES)


def export_name(topic: str, fields: Fields) -> str:
    """The name of an export: 32 hexadecimal digits. Files of one export have their ids in common.

    It does not depend on the file, which may change its name, nor on columns that it may gain: one that is called `id`
    is no other export than none.
    """
    named_id = fields.id if fields.id != "id" else None
    described = (_PROCEDURE, topic, named_id, fields.text, fields.product)
    return hashlib.sha256(msgspec.json.encode(described)).hexdigest()[:32]


def _hashed(value: Any, n_bytes: int) -> bytes:
    encoded = msgspec.json.encode(value, order="deterministic")
    return hashlib.blake2b(encoded, digest_size=n_bytes).digest()


def _with_plain_line_ends(value: Any) -> Any:
    """`value` with the line ends of Unix in every string."""
    match value:
        case str():
            return value.replace("\r\n", "\n").replace("\r", "\n")
        case dict():
            return {_with_plain_line_ends(key): _with_plain_line_ends(each) for key, each in value.items()}
        case list():
            return [_with_plain_line_ends(each) for each in value]
        case _:
            return value
