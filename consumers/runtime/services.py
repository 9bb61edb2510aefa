"""What the process provides to its loop."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from consumers.runtime.cluster_watch import ClusterWatch
from consumers.runtime.health import Health
from consumers.runtime.loop_metrics import LoopMetrics
from consumers.runtime.outage import Outage
from consumers.timing.backoff import Backoff
from consumers.timing.clock import Clock


@dataclass(frozen=True, slots=True)
class Services:
    """`backoff` counts failures that Kafka answered, up to a limit; `outages` those while it was away, without one."""

    clock: Clock
    stop: threading.Event
    metrics: LoopMetrics
    health: Health
    backoff: Backoff
    outages: Backoff
    outage: Outage
    watch: ClusterWatch
    own_members: set[str] = field(default_factory=set)
    """The ids that this process has had in its group, in all sessions."""
