"""Small model directories for tests: random weights, real files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, RobertaConfig

from sentiment.events import LABELS
from tests.training import tiny

TEXTS = [
    "great",
    "the app was slow again today, and my refund? awful!",
    "",
    "my order: question about the invoice of monday, version 12, address 3 " * 9,  # longer than one window
    "love it 😀 @someone https://example.com/a",
    "it was the screen " * 200,  # longer than all windows together
    "thanks",
]


def save_classifier(directory: Path, architecture: str = "bert", names: tuple[str, ...] = LABELS) -> Path:
    """A fine-tuned checkpoint as transformers writes it.

    Its random weights are large, so that texts get different answers.
    """
    tiny.save_backbone(directory)
    labels: dict[str, Any] = {
        "num_labels": len(names),
        "id2label": dict(enumerate(names)),
        "label2id": {name: index for index, name in enumerate(names)},
    }
    torch.manual_seed(1)
    if architecture == "bert":
        model = AutoModelForSequenceClassification.from_pretrained(directory, **labels)
    else:
        vocabulary = AutoTokenizer.from_pretrained(directory).vocab_size
        sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
        # RoBERTa's positions start behind the padding index, so that 64 tokens need 66 of them.
        config = RobertaConfig(vocab_size=vocabulary, max_position_embeddings=66, pad_token_id=1, **sizes, **labels)
        model = AutoModelForSequenceClassification.from_config(config)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.ndim == 2:
                weights.normal_(std=0.4)
    model.save_pretrained(directory)
    return directory


def edit_json(path: Path, **changes: Any) -> None:
    """Set keys of a JSON file; None removes one."""
    content = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
