"""What commands say when the packages of an extra are missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def train_extra(doing: str = "training") -> Iterator[None]:
    """Turn an ``ImportError`` inside the block into a ``ConfigurationError`` that names the extra to install."""
    from sentiment.errors import ConfigurationError

    try:
        yield
    except ImportError as error:
        raise ConfigurationError(
            f"{doing} needs {error.name}, which is not installed", hint="pip install 'sentiment-pipeline[train]'"
        ) from None
