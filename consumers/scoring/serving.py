"""The classifier that is serving, and its replacement by a promoted one while the worker runs."""

from __future__ import annotations

import itertools
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

_WORDS = ("The update made the app faster, and the invoice was wrong again. " * 4).split()
_USUAL_LENGTHS = (11, 20, 34)
"""In words: one for each width (16, 32, 48 tokens) that short feedback takes."""
_USUAL_COUNTS = (1, 2, 4, 8)

_MAX_DOUBLINGS = 6
_JOIN_S = 30.0


def warm_up(classifier: Classifier) -> None:
    """Score texts of usual lengths, so that the first events do not wait for what is loaded and built once.

    A model that cannot score them must not serve. Raises what `score_texts` raises.
    """
    for n_words, count in itertools.product(_USUAL_LENGTHS, _USUAL_COUNTS):
        score_texts(classifier, [" ".join(_WORDS[:n_words])] * count)


class ServingModel:
    """Holds the classifier. One thread may replace it while another scores, which reads it once per batch."""

    def __init__(self, classifier: Classifier, metrics: Metrics) -> None:
        self._metrics = metrics
        self.replace(classifier)

    @property
    def classifier(self) -> Classifier:
        """The classifier that is serving."""
        return self._classifier

    def replace(self, classifier: Classifier) -> None:
        """Serve `classifier` from the next batch on."""
        self._classifier = classifier
        self._metrics.forget("sentiment_model_info")
        self._metrics.gauge("sentiment_model_info", name=classifier.model.name, version=classifier.model.version).set(1)


class Reloader:
    """Watches a registry and loads promoted models on a thread of its own, so that scoring is not held up.

    Until the replacement both models are in memory. If a promoted model cannot be loaded or cannot answer, that is
    logged and counted, and the old one stays. The next attempt comes after `interval_s`, then after twice as long, up
    to 64 times `interval_s`, or as soon as another model is promoted. Use it as a context manager.
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
        """Monotonic time of the next attempt to load a version that failed."""
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="reload", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        # The process could crash if it ends while the runtime is compiling a model.
        self._thread.join(_JOIN_S)

    def check(self) -> None:
        """Look once, and load a model that was promoted since. Never raises."""
        stamp = self._registry.stamp()
        if stamp != self._seen:
            self._seen, self._failures = stamp, 0
        elif not self._failures or self._clock.monotonic() < self._retry_s:
            return
        try:
            self._exchange()
        except Exception as error:  # noqa: BLE001 whatever is wrong with a new model, the old one keeps serving
            self._failed(error)
        else:
            self._failures = 0

    def _exchange(self) -> None:
        old = self._serving.classifier.model
        if self._registry.promoted().ref == old:
            return
        new = self._load()
        warm_up(new)
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
            # Messages of other libraries may contain text.
            reason=error.message if isinstance(error, SentimentError) else None,
            next_attempt_s=round(delay_s, 1),
            still_serving=serving.version,
        )

    def _watch(self) -> None:
        while not self._stopped.wait(self._interval_s):
            self.check()
