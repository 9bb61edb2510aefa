"""The names of the Hugging Face hub, and whether it answers, asked once and briefly.

Its client repeats a request five times over half a minute, and logs each, before it says that there is no network.
"""

from __future__ import annotations

import re

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
"""OWNER/NAME. Some old models have a name alone."""

_ANSWER_WITHIN_S = 5.0


def hub_answers(name: str) -> bool:
    """Ask the hub (or the mirror in HF_ENDPOINT) about a model, whatever it answers. Blocks for 5 s at most."""
    from huggingface_hub import constants, get_session

    try:
        get_session().head(f"{constants.ENDPOINT}/api/models/{name}", timeout=_ANSWER_WITHIN_S)
    except Exception:  # noqa: BLE001 no network, no name, a timeout, offline mode: the client has a class for each
        return False
    return True
