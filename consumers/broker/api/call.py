"""One decoded request on its way to a handler."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """`request` is a kafka-python request; `client_host` is in Kafka's notation (`/127.0.0.1`)."""

    request: Any
    version: int
    client_id: str
    client_host: str
