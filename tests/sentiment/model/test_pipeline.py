"""The steps around a backend: order, windows, budgets, and running out of memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sentiment.errors import FatalError
from sentiment.events import ModelRef
from sentiment.model.pipeline import MAX_WINDOWS, BatchLimits, Reading, TextClassifier
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
    shapes: list[tuple[int, int]] = field(default_factory=list)

    def logits(self, input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64]) -> NDArray[np.float32]:
        if input_ids.size > self.memory_tokens:
            raise MemoryError
        self.shapes.append((input_ids.shape[0], input_ids.shape[1]))
        assert ((input_ids == 0) == (attention_mask == 0)).all()
        columns = [attention_mask.sum(axis=1), (input_ids * attention_mask).sum(axis=1) / 1e3, 0 * input_ids[:, 0]]
        return np.stack(columns, axis=1).astype(np.float32)


@pytest.fixture(scope="module")
def tokenizer(checkpoint: Path) -> TextTokenizer:
    return TextTokenizer.from_file(checkpoint / "tokenizer.json")


def classifier(
    tokenizer: TextTokenizer, backend: CountingBackend, tokens: int = 256, targets: tuple[int, ...] = (0, 1, 2)
) -> TextClassifier:
    return TextClassifier(
        model=ModelRef(name="counting", version="1"),
        backend=backend,
        tokenizer=tokenizer,
        reading=Reading(targets=targets, temperature=2.0),
        limits=BatchLimits(max_batch_tokens=tokens, max_batch_items=8),
        max_length=MAX_LENGTH,
        pad_id=0,
    )


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
