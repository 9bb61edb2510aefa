"""What commands say when the packages of an extra are missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def needs_extra(extra: str, doing: str) -> Iterator[None]:
    """Turn an ``ImportError`` inside the block into a ``ConfigurationError`` that names the extra to install."""
    from sentiment.errors import ConfigurationError

    try:
        yield
    except ImportError as error:
        raise ConfigurationError(
            f"{doing} needs {error.name}, which is not installed", hint=f"pip install 'sentiment-pipeline[{extra}]'"
        ) from None


@contextmanager
def train_extra(doing: str = "training") -> Iterator[None]:
    """``needs_extra`` for the extra `train`."""
    with needs_extra("train", doing):
        yield
