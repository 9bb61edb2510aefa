"""The worker's latency at a given load: texts come at random moments, as they do from people."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Sequence

import numpy as np

from benchmarks.contenders import ThroughKafka
from tests.waiting import wait_until

PERCENTILES = (50, 95, 99)

_runs = itertools.count()


def latencies_ms(worker: ThroughKafka, texts: Sequence[str], *, per_second: float, seed: int = 13) -> list[float]:
    """Percentiles of the time from sending an event to reading its committed result, in milliseconds.

    The gaps between events are exponential, `per_second` events come on average.
    """
    gaps = np.random.default_rng(seed).exponential(1 / per_second, len(texts))
    sent: dict[str, float] = {}
    arrived: dict[str, float] = {}
    prefix = f"load-{next(_runs)}"  # an id with a long number may be somebody's, and is redacted

    def send() -> None:
        due = time.perf_counter()
        for number, (text, gap) in enumerate(zip(texts, gaps, strict=True)):
            due += gap
            time.sleep(max(0.0, due - time.perf_counter()))
            sent[f"{prefix}-{number}"] = due  # when it should have gone: a sender that is late hides no latency
            worker.send(f"{prefix}-{number}", text)

    sender = threading.Thread(target=send, daemon=True)
    sender.start()

    def all_there() -> bool:
        received = worker.receive(0.05)
        now = time.perf_counter()
        arrived.update((name, now) for name, _ in received if name.startswith(f"{prefix}-"))
        return len(arrived) == len(texts)

    wait_until(all_there, "the results of all events")
    sender.join()
    took = [(arrived[name] - due) * 1_000 for name, due in sent.items()]
    return [float(value) for value in np.percentile(took, PERCENTILES)]
