"""The live page: what customers feel, and what alerts know of it."""

from __future__ import annotations
