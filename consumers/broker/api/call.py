"""One decoded request on its way to a handler."""

from dataclasses import dataclass
from typing import Any

from consumers.broker.room import Lease


@dataclass(frozen=True, slots=True)
class Call:
    """`request` is a kafka-python request; `client_host` is in Kafka's notation (`/127.0.0.1`).

    A handler of large responses takes room for them on the `lease`. One that waits is cancelled if the client leaves.
    """

    request: Any
    version: int
    client_id: str
    client_host: str
    lease: Lease
