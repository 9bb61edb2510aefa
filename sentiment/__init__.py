"""Real-time sentiment of customer feedback.

The names below are the public Python API; docs/python-api.md shows each of them in use. They are imported when they are
first asked for, so that `import sentiment` costs nothing; it switches off the telemetry of what is imported later, in
this process and its children. Everything else may change from one version to the next.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sentiment import telemetry

if TYPE_CHECKING:
    from sentiment.api.codec import decode
    from sentiment.api.frames import score_dataframe
    from sentiment.api.scorer import load
    from sentiment.api.series import detect_spikes
    from sentiment.events import encode
    from sentiment.privacy import redact

__version__ = "0.1.0"

telemetry.switch_off()

__all__ = ["decode", "detect_spikes", "encode", "load", "redact", "score_dataframe"]

_HOMES = {
    "decode": "sentiment.api.codec",
    "detect_spikes": "sentiment.api.series",
    "encode": "sentiment.events",
    "load": "sentiment.api.scorer",
    "redact": "sentiment.privacy",
    "score_dataframe": "sentiment.api.frames",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
