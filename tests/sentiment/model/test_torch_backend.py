"""The torch backend against plain transformers."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from sentiment.errors import ModelError
from sentiment.model.loading import load_model
from sentiment.text import normalise
from tests.sentiment.model.models import TEXTS, save_classifier
from tests.training import tiny

SHORT = [text for text in TEXTS if 0 < len(text) < 100] + [row["text"] for row in tiny.rows(12, seed=3)]


@pytest.fixture(scope="module", params=["bert", "roberta"])
def directory(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_classifier(tmp_path_factory.mktemp(request.param) / "model", request.param)


def plain_transformers(directory: Path, texts: list[str]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    model = AutoModelForSequenceClassification.from_pretrained(directory).eval()
    tokenizer = AutoTokenizer.from_pretrained(directory)
    rows = []
    for text in texts:
        with torch.inference_mode():
            logits = model(**tokenizer(normalise(text), return_tensors="pt", return_token_type_ids=False)).logits
        rows.append(torch.softmax(logits[0], dim=0).numpy())
    return np.array(rows)


def test_batched_is_one_at_a_time_is_plain_transformers(directory: Path) -> None:
    """In fp32 all three agree within 1e-4, whatever the architecture counts as its first position."""
    classifier = load_model(directory, backend="torch", threads=1, max_batch_items=8)
    assert classifier.backend == ("torch-cuda-bf16" if torch.cuda.is_available() else "torch-cpu-fp32")
    tolerance = 2e-2 if torch.cuda.is_available() else 1e-4
    batched = np.array([prediction.probabilities for prediction in classifier.predict(SHORT)[0]])
    alone = np.array([classifier.predict([text])[0][0].probabilities for text in SHORT])
    oracle = plain_transformers(directory, SHORT)
    np.testing.assert_allclose(batched, oracle, atol=tolerance)
    np.testing.assert_allclose(alone, oracle, atol=tolerance)
    assert np.ptp(batched, axis=0).min() > 0.05  # answers differ, so that the comparison says something


def test_windows_use_every_position_and_no_more(directory: Path) -> None:
    """A text of many windows is computed at the full length of the model without running over its positions."""
    classifier = load_model(directory, backend="torch", threads=1)
    (prediction,), info = classifier.predict(["the app was slow " * 100])
    assert prediction.n_chunks > 1
    assert info.real_tokens > 64


def test_a_model_without_a_trained_head_is_refused(tmp_path: Path) -> None:
    """Missing weights would be random numbers: the error names one of them."""
    save_classifier(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    tiny.save_backbone(tmp_path / "backbone")
    (tmp_path / "backbone" / "model.safetensors").rename(tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match=r"lacks 2 of the weights of a classifier, such as classifier\.bias"):
        load_model(tmp_path)


def test_damaged_weights_are_said(directory: Path, tmp_path: Path) -> None:
    """A safetensors file that was cut off is one line, not a traceback."""
    save_classifier(tmp_path)
    content = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_model(tmp_path)


def test_without_torch_the_error_says_what_to_install(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A base install meets a model that only torch can run: exit code 2, with the extra to install."""
    monkeypatch.delitem(sys.modules, "sentiment.model.torch_backend", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModelError, match="torch is not installed") as caught:
        load_model(directory)
    assert "sentiment-pipeline[train]" in str(caught.value.hint)
    assert caught.value.exit_code == 2
