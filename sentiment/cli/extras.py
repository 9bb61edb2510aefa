"""What commands say where the packages of an extra are missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def train_extra(doing: str = "training") -> Iterator[None]:
    """Around the imports of a command: a missing package becomes the name of the extra that brings it."""
    from sentiment.errors import ConfigurationError

    try:
        yield
    except ImportError as error:
        raise ConfigurationError(
            f"{doing} needs {error.name}, which is not installed", hint="pip install 'sentiment-pipeline[train]'"
        ) from None
