"""Topics that a test shares with no other."""

from __future__ import annotations

import secrets

from sentiment.settings import TopicSettings


def own_topics(bootstrap: str) -> dict[str, str]:
    """Variables that lead commands to this broker, and to topics of their own, of which none is created."""
    own = secrets.token_hex(4)
    fields = (name for name, field in TopicSettings.model_fields.items() if field.annotation is str)
    names = {f"SENTIMENT_TOPICS__{name.upper()}": f"{name}-{own}" for name in fields}
    return {"SENTIMENT_KAFKA__BOOTSTRAP_SERVERS": bootstrap, **names}
