"""Notices two workers with the same instance id, which fence each other again and again."""

from __future__ import annotations

from collections import deque

from kafka.errors import FencedInstanceIdError, InvalidProducerEpochError, ProducerFencedError

from sentiment.errors import ConfigurationError, TransientError

_FENCING = (FencedInstanceIdError, InvalidProducerEpochError, ProducerFencedError)
_TIMES = 3
_WITHIN_S = 300.0


class TakeoverGuard:
    """Counts how often a static member was fenced. Once may follow from a broker's restart; three times in five minutes
    means a rival.

    Members without an instance id have random names, which nobody else uses.
    """

    def __init__(self, instance_id: str | None) -> None:
        self._instance_id = instance_id
        self._fenced_s: deque[float] = deque(maxlen=_TIMES)

    def note(self, error: TransientError, now_s: float) -> None:
        """Note that a session failed with `error` at the monotonic time `now_s`.

        Raises:
            ConfigurationError: a rival has the same instance id.
        """
        if self._instance_id is None or not isinstance(error.__cause__, _FENCING):
            return
        self._fenced_s.append(now_s)
        if len(self._fenced_s) == _TIMES and now_s - self._fenced_s[0] <= _WITHIN_S:
            raise ConfigurationError(
                f"another worker has taken over the instance id {self._instance_id!r} {_TIMES} times",
                hint="give each worker its own --instance-id",
            ) from error
