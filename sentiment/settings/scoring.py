"""The classifier, and the worker that runs it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sentiment.mail import TextKind
from sentiment.settings.section import Section


class ModelSettings(Section):
    """The classifier."""

    path: str = Field("", description="Model directory, registry or hub id; empty or `shipped` for the shipped model.")
    backend: Literal["auto", "openvino", "torch"] = Field(
        "auto", description="Inference backend. auto uses OpenVINO if the model has a form for it, else torch."
    )
    threads: int = Field(0, ge=0, le=1_024, description="Inference threads; 0 for all cores.")
    max_batch_tokens: int = Field(
        4_096, ge=128, le=1_000_000, description="Padded tokens per batch. Higher takes more memory and adds latency."
    )
    exits: bool = Field(True, description="Let easy texts leave a model with early exits before its last layer.")
    max_batch_items: int = Field(64, ge=1, le=10_000, description="Texts per batch.")
    label_map: dict[str, Literal["negative", "neutral", "positive"]] = Field(
        default_factory=dict,
        description="Meaning of foreign labels: those of a model, and those of labelled rows.",
        examples=[{"LABEL_0": "negative"}],
    )
    reload_interval_s: float = Field(
        10.0, gt=0, le=86_400, description="How often a worker looks for a newly promoted version in its registry."
    )


class WorkerSettings(Section):
    """The scoring worker."""

    group_id: str = Field("sentiment-worker", description="Consumer group of the scoring workers.")
    instance_id: str | None = Field(
        None, description="Id for static group membership; unique to each worker.", examples=["worker-1"]
    )
    max_poll_records: int = Field(
        500,
        ge=1,
        le=100_000,
        description="Records processed at once. Higher means fewer transactions, but more memory and latency.",
    )
    max_wait_ms: int = Field(5, ge=0, le=60_000, description="How long a partial batch waits for more records.")
    commit_interval_ms: int = Field(
        500,
        ge=0,
        le=10_000,
        description="Longest time between commits under load. It is shorter where commits are quick: they take about a "
        "tenth of the time. Higher means more latency, and more work to repeat after a crash.",
    )
    drain_timeout_s: float = Field(
        20.0, gt=0, le=600, description="How long work in flight may take to finish when the worker is told to stop."
    )
    stuck_after_s: float = Field(
        180.0, ge=10, le=3_600, description="Exit if a poll, a batch or a commit takes longer than this."
    )
    kind: TextKind = Field(
        "text",
        description="What the texts on the feedback topic are. Of mail only the author's own words are read and "
        "published: no quoted messages, no signature.",
    )
    publish_text: bool = Field(True, description="Include the redacted text in results.")
    dead_letter_payload: Literal["raw", "omit"] = Field(
        "raw", description="Keep the original record in dead letters (raw), or leave it out (omit)."
    )
    breaker_window: int = Field(
        200, ge=10, le=100_000, description="Number of latest records that breaker_ratio refers to."
    )
    breaker_ratio: float = Field(
        0.5, gt=0, le=1, description="Stop if more than this share of the latest records cannot be processed."
    )
