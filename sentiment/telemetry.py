"""No library that we import reports to its makers.

OpenVINO and NNCF send an event to an analytics host when they are imported, from a process of their own, and keep a
client id in the home folder. MLflow sends usage and asks a host for the configuration of that. The Hugging Face
libraries count loads, add to each request what is installed, and ask a third host to convert weights. Nobody who runs
this project has asked for any of it.

`switch_off` runs when one of our three packages is imported, which is before any module of theirs can import such a
library, also in processes that `multiprocessing` starts. Hosts that the user names are still reached: a hub id, a
tracking server, a broker, a webhook.
"""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping
from types import ModuleType

VARIABLES = {
    "DO_NOT_TRACK": "1",  # https://donottrack.sh; Hugging Face heeds it too
    "HF_HUB_DISABLE_TELEMETRY": "1",  # nor does a request's header say which tool started this process
    "HF_UPDATE_DOWNLOAD_COUNTS": "0",  # datasets: one more request for each data set that is loaded
    "DISABLE_SAFETENSORS_CONVERSION": "1",  # transformers asks another host to convert weights of the old format
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "RAY_USAGE_STATS_ENABLED": "0",
    "GRADIO_ANALYTICS_ENABLED": "False",
}
"""Set whatever the user had there: all of them only ever ask for more privacy."""

OVERRIDES = ("_MLFLOW_TESTING_TELEMETRY",)
"""Removed: these switch reporting on in spite of the above."""

BLOCKED = ("openvino_telemetry",)
"""Modules that must not be imported. OpenVINO and NNCF need this one for reports only, have no variable that stops
them, and do without it where its import fails."""


def switch_off() -> None:
    """Switch off the reports of every library that has them, in this process and those that it starts."""
    apply(os.environ, sys.modules)


def apply(environment: MutableMapping[str, str], modules: MutableMapping[str, ModuleType]) -> None:
    """What `switch_off` does, to the given environment and table of modules."""
    for name in OVERRIDES:
        environment.pop(name, None)
    environment.update(VARIABLES)
    for name in BLOCKED:
        modules[name] = None  # type: ignore[assignment]  # Python's own way to let an import fail
