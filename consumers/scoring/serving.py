"""The classifier that scores now, and its exchange for a promoted one while the worker runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

import structlog

from consumers.runtime.metrics import Metrics
from consumers.timing.clock import Clock
from sentiment.errors import SentimentError
from sentiment.model.classifier import Classifier
from sentiment.model.registry import Registry, Stamp
from sentiment.scoring import score_texts

_log = structlog.get_logger(__name__)

_PROBE = "The update made the app faster, and the invoice was wrong again."
"""Any text: a model that cannot answer it must not take over."""

_MAX_DOUBLINGS = 6
_JOIN_S = 30.0


class ServingModel:
    """Holds the classifier. One thread exchanges it while another scores: who scores takes it once for each batch."""

    def __init__(self, classifier: Classifier, metrics: Metrics) -> None:
        self._metrics = metrics
        self.replace(classifier)

    @property
    def classifier(self) -> Classifier:
        """The one that scores now."""
        return self._classifier

    def replace(self, classifier: Classifier) -> None:
        """Score with `classifier` from the next batch on."""
        self._classifier = classifier
        self._metrics.forget("sentiment_model_info")
        self._metrics.gauge("sentiment_model_info", name=classifier.model.name, version=classifier.model.version).set(1)


class Reloader:
    """Watches a registry and loads what is promoted, on a thread of its own: polls and batches go on meanwhile.

    Until the exchange both models are in memory. A promoted model that cannot be loaded, or cannot answer, is logged
    and counted; the old one goes on serving, and the attempt is repeated after `interval_s`, twice that, and so on up
    to 64 times that, or when another one is promoted. Use it as a context manager.
    """

    def __init__(
        self,
        registry: Registry,
        load: Callable[[], Classifier],
        serving: ServingModel,
        metrics: Metrics,
        clock: Clock,
        *,
        interval_s: float,
    ) -> None:
        self._registry = registry
        self._load = load
        self._serving = serving
        self._metrics = metrics
        self._clock = clock
        self._interval_s = interval_s
        self._seen: Stamp | None = None
        self._failures = 0
        self._retry_s = 0.0
        """Monotonic time of the next attempt at a version that could not be loaded."""
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="reload", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        # A runtime that is compiling a model while the process ends could crash it.
        self._thread.join(_JOIN_S)

    def check(self) -> None:
        """Look once; load and exchange where something else was promoted. Never raises."""
        stamp = self._registry.stamp()
        if stamp != self._seen:
            self._seen, self._failures = stamp, 0
        elif not self._failures or self._clock.monotonic() < self._retry_s:
            return
        try:
            self._exchange()
        except Exception as error:  # noqa: BLE001 whatever is wrong with a new model, the old one goes on serving
            self._failed(error)
        else:
            self._failures = 0

    def _exchange(self) -> None:
        old = self._serving.classifier.model
        if self._registry.promoted().ref == old:
            return
        new = self._load()
        score_texts(new, [_PROBE], languages=False)
        self._serving.replace(new)
        _log.info("model_reloaded", model=new.model.name, version=new.model.version, previous=old.version)

    def _failed(self, error: Exception) -> None:
        delay_s = self._interval_s * 2 ** min(self._failures, _MAX_DOUBLINGS)
        self._failures += 1
        self._retry_s = self._clock.monotonic() + delay_s
        self._metrics.counter("sentiment_model_reload_failures_total").inc()
        serving = self._serving.classifier.model
        _log.error(
            "model_reload_failed",
            error=type(error).__name__,
            # Messages of other libraries are not known to be free of text.
            reason=error.message if isinstance(error, SentimentError) else None,
            next_attempt_s=round(delay_s, 1),
            still_serving=serving.version,
        )

    def _watch(self) -> None:
        while not self._stopped.wait(self._interval_s):
            self.check()
