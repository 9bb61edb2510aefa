"""The steps around a backend: order, windows, budgets, and running out of memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sentiment.errors import FatalError
from sentiment.events import ModelRef
from sentiment.model.exits import EarlyExits, Exit
from sentiment.model.inference import BatchLimits
from sentiment.model.pipeline import MAX_WINDOWS, Reading, TextClassifier
from sentiment.model.tokenizer import TextTokenizer
from tests.training import tiny

MAX_LENGTH = 16
WORDS = [*tiny.FILLER, *(word for words in tiny.WORDS.values() for word in words)]


@dataclass
class CountingBackend:
    """Logits that tell which window was computed: its number of tokens, the sum of its ids, and 0.

    Runs out of memory above `memory_tokens` padded tokens.
    """

    memory_tokens: int = 1_000_000
    name: str = "counting"
    batch_overhead_tokens: int = 16
    width_step: int = 1
    powers_of_two: bool = False
    shapes: list[tuple[int, int]] = field(default_factory=list)
    stages: list[tuple[int, int]] = field(default_factory=list)

    def logits(self, input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64]) -> NDArray[np.float32]:
        if input_ids.size > self.memory_tokens:
            raise MemoryError
        self.shapes.append((input_ids.shape[0], input_ids.shape[1]))
        assert ((input_ids == 0) == (attention_mask == 0)).all()
        columns = [attention_mask.sum(axis=1), (input_ids * attention_mask).sum(axis=1) / 1e3, 0 * input_ids[:, 0]]
        return np.stack(columns, axis=1).astype(np.float32)

    def stage(self, number: int, inputs: NDArray[Any], attention_mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Three stages: the hidden states are the ids, each of which is one more after every stage."""
        if inputs[..., 0].size > self.memory_tokens or attention_mask.size > self.memory_tokens:
            raise MemoryError
        self.stages.append((number, attention_mask.shape[0]))
        if number == 0:
            self.shapes.append((inputs.shape[0], inputs.shape[1]))
            return (inputs[:, :, None] + 1.0).astype(np.float32)
        assert (inputs[attention_mask == 0] == 0).all()
        if number == 1:
            return (inputs + 1.0).astype(np.float32)
        ids = (inputs[:, :, 0] - 2.0).astype(np.int64) * attention_mask
        return CountingBackend().logits(ids, attention_mask)


@pytest.fixture(scope="module")
def tokenizer(checkpoint: Path) -> TextTokenizer:
    return TextTokenizer.from_file(checkpoint / "tokenizer.json")


def classifier(
    tokenizer: TextTokenizer,
    backend: CountingBackend,
    tokens: int = 256,
    targets: tuple[int, ...] = (0, 1, 2),
    early: EarlyExits | None = None,
) -> TextClassifier:
    return TextClassifier(
        model=ModelRef(name="counting", version="1"),
        backend=backend,
        tokenizer=tokenizer,
        reading=Reading(targets=targets, temperature=2.0),
        limits=BatchLimits(max_batch_tokens=tokens, max_batch_items=8),
        max_length=MAX_LENGTH,
        pad_id=0,
        early=early,
    )


def exit_after(layer: int, remainder: int) -> Exit:
    """An exit for windows whose largest id has this remainder by 3; it answers with that id."""

    def head(pooled: NDArray[np.float32]) -> NDArray[np.float32]:
        largest = pooled[:, -1].astype(np.int64) - layer
        sure = np.where(largest % 3 == remainder, 5.0, 0.0)
        return np.stack([sure, largest % 2 * sure * 2, -sure], axis=1).astype(np.float32)

    return Exit(layer, head, temperature=1.5, threshold=0.9)


EARLY = EarlyExits((exit_after(1, 0), exit_after(2, 1)), n_layers=3)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join), max_size=30), st.integers(16, 200))
def test_answers_are_in_the_order_of_the_texts(checkpoint: Path, texts: list[str], tokens: int) -> None:
    """However texts are split and batched, each gets the answer that it gets alone, and the counts add up."""
    tokenizer = TextTokenizer.from_file(checkpoint / "tokenizer.json")
    backend = CountingBackend()
    model = classifier(tokenizer, backend, tokens)
    predictions, info = model.predict(texts)
    assert len(predictions) == len(texts)
    assert info.padded_tokens == sum(count * width for count, width in backend.shapes) >= info.real_tokens
    assert sum(count for count, _ in backend.shapes) == sum(prediction.n_chunks for prediction in predictions)
    assert predictions == [model.predict([text])[0][0] for text in texts]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join), max_size=30), st.integers(16, 200))
def test_a_text_leaves_where_it_leaves_alone(checkpoint: Path, texts: list[str], tokens: int) -> None:
    """Whatever its neighbours do, each text gets the answer and the exit that it gets alone; the layers add up; and
    with memory for few tokens nothing changes.
    """
    tokenizer = TextTokenizer.from_file(checkpoint / "tokenizer.json")
    backend = CountingBackend()
    model = classifier(tokenizer, backend, tokens, early=EARLY)
    predictions, info = model.predict(texts)
    assert max((count for _, count in backend.stages), default=0) <= 8
    assert info.layers == sum(count for _, count in backend.stages)
    assert info.layers + info.layers_skipped == 3 * info.windows
    assert predictions == [model.predict([text])[0][0] for text in texts]
    cramped = classifier(tokenizer, CountingBackend(memory_tokens=40), tokens, early=EARLY)
    assert cramped.predict(texts)[0] == predictions


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join), max_size=30),
    st.integers(16, 200),
    st.integers(2, 20),
    st.sampled_from([EARLY, None]),
)
def test_few_shapes_change_no_answer(
    checkpoint: Path, texts: list[str], tokens: int, step: int, early: EarlyExits | None
) -> None:
    """Every width is a multiple of the backend's step, or all that the network reads, and every number of windows a
    power of two; answers are the same.
    """
    tokenizer = TextTokenizer.from_file(checkpoint / "tokenizer.json")
    exact, rounded = CountingBackend(), CountingBackend(width_step=step, powers_of_two=True)
    expected, _ = classifier(tokenizer, exact, tokens, early=early).predict(texts)
    assert classifier(tokenizer, rounded, tokens, early=early).predict(texts)[0] == expected
    assert all(width % step == 0 or width == MAX_LENGTH for _, width in rounded.shapes)
    assert all(count in (1, 2, 4, 8) for count, _ in rounded.shapes)


def test_windows_that_go_on_fill_batches_together(tokenizer: TextTokenizer) -> None:
    """Windows that stay wait for others, so that later stages compute full batches; all three ways out are taken."""
    texts = [" ".join(WORDS[n % 20 : n % 20 + 1 + n % 2]) for n in range(64)]
    backend = CountingBackend()
    predictions, _ = classifier(tokenizer, backend, early=EARLY).predict(texts)
    assert {prediction.exit_layer for prediction in predictions} == {1, 2, None}
    for stage in (1, 2):
        counts = [count for number, count in backend.stages if number == stage]
        assert len(counts) <= -(-sum(counts) // 8) + 1


def test_past_the_exits_lies_the_whole_network(tokenizer: TextTokenizer) -> None:
    """What the last stage says about every window is what a network without exits says."""
    texts = ["the app was great", "it was the screen " * 12, ""]
    stages = classifier(tokenizer, CountingBackend(), early=EARLY).stages(texts)
    plain = classifier(tokenizer, CountingBackend()).stages(texts)
    assert np.array_equal(stages.outputs[-1], plain.outputs[0])
    assert (len(stages.outputs), len(plain.outputs)) == (3, 1)
    assert np.array_equal(stages.first, plain.first)


def test_a_long_text_is_read_in_windows_up_to_the_bound(tokenizer: TextTokenizer) -> None:
    """A text that is longer than the windows is truncated and says so; a shorter one is read whole."""
    backend = CountingBackend()
    short, long, endless = classifier(tokenizer, backend).predict(["great", "the app " * 20, "it was " * 2_000])[0]
    assert (short.n_chunks, short.truncated) == (1, False)
    assert long.n_chunks > 1
    assert not long.truncated
    assert (endless.n_chunks, endless.truncated) == (MAX_WINDOWS, True)
    assert max(width for _, width in backend.shapes) <= MAX_LENGTH


def test_a_prediction_is_consistent(tokenizer: TextTokenizer) -> None:
    """Probabilities sum to 1, the label is the largest of them, and the score their difference."""
    (prediction,), _ = classifier(tokenizer, CountingBackend()).predict(["the app was great"])
    negative, neutral, positive = prediction.probabilities
    assert negative + neutral + positive == pytest.approx(1.0)
    assert prediction.label == "negative"  # the count of tokens is the largest logit
    assert prediction.score == positive - negative


def test_outputs_for_one_label_are_added(tokenizer: TextTokenizer) -> None:
    """If two outputs stand for one label, their probabilities are added."""
    plain = classifier(tokenizer, CountingBackend()).predict(["great"])[0][0].probabilities
    joined = classifier(tokenizer, CountingBackend(), targets=(2, 0, 2)).predict(["great"])[0][0].probabilities
    assert joined == pytest.approx((plain[1], 0.0, plain[0] + plain[2]))


def test_a_batch_that_does_not_fit_is_split(tokenizer: TextTokenizer) -> None:
    """Out of memory costs batches, not answers."""
    texts = [" ".join(WORDS[: 1 + n % 9]) for n in range(40)]
    unhindered, backend = CountingBackend(), CountingBackend(memory_tokens=40)
    expected, _ = classifier(tokenizer, unhindered).predict(texts)
    predictions, _ = classifier(tokenizer, backend).predict(texts)
    assert predictions == expected
    assert len(backend.shapes) > len(unhindered.shapes)
    assert all(count * width <= 40 for count, width in backend.shapes)


def test_one_window_that_does_not_fit_stops_the_worker(tokenizer: TextTokenizer) -> None:
    """Nothing is left to split: the error is fatal, names the size, and holds no text."""
    with pytest.raises(FatalError, match="out of memory for one window of") as caught:
        classifier(tokenizer, CountingBackend(memory_tokens=4)).predict(["the app was great"])
    assert "great" not in caught.value.message


def test_a_backend_that_computes_nonsense_is_not_believed(tokenizer: TextTokenizer) -> None:
    """A NaN stops the work instead of becoming a label."""

    class Broken(CountingBackend):
        def logits(self, input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64]) -> NDArray[np.float32]:
            return super().logits(input_ids, attention_mask) * np.float32("nan")

    with pytest.raises(FatalError, match="not a number"):
        classifier(tokenizer, Broken()).predict(["great"])


def test_no_text_is_no_answer(tokenizer: TextTokenizer) -> None:
    """An empty call costs nothing and answers nothing."""
    backend = CountingBackend()
    predictions, info = classifier(tokenizer, backend).predict([])
    assert (predictions, backend.shapes, info.padded_tokens) == ([], [], 0)
