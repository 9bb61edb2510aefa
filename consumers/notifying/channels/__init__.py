"""Where alerts go: one file for each kind of channel."""

from __future__ import annotations
