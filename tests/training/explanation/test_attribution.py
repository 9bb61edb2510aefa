"""Attributions against what is known: linear models, captum's own layer method, and completeness."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import LayerIntegratedGradients

from sentiment.model.loading import load_model
from sentiment.model.torch_backend import load_pretrained
from tests.training.explanation.made import LinearModel, encoded, save_classifier
from tests.training.tiny import ARCHITECTURES
from training.explanation.attribution import integrated_gradients, occlusion
from training.explanation.faithfulness import faithfulness
from training.explanation.network import ExplainedNetwork

TEXTS = ("the app was great today!", "my order again, broken", "love", "thanks 😡 it was slow")


@pytest.fixture(scope="module")
def classifiers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One tiny classifier of each architecture."""
    folder = tmp_path_factory.mktemp("classifiers")
    return {name: save_classifier(folder / name, name) for name in ARCHITECTURES}


def test_occlusion_of_a_linear_model_is_its_weights() -> None:
    """If words do not interact, leaving one out removes exactly its weight, and the weights add up."""
    text = encoded("good but slow", pieces=2)
    weights = {token: (place + 1) / 10 * (-1) ** place for place, token in enumerate(text.ids)}
    found = occlusion(LinearModel(weights), text)
    expected = [sum(weights[text.ids[token]] for token in word.tokens) for word in text.words]
    assert found.by_word == pytest.approx(expected)
    assert found.baseline_score == pytest.approx(0.1)
    assert found.difference == pytest.approx(sum(weights.values()))
    assert found.error == pytest.approx(0.0)


def test_faithfulness_of_a_linear_model_is_a_sum_of_weights() -> None:
    """If one of ten words matters, leaving it out takes everything away, and keeping it is enough."""
    text = encoded("a b c d e f g h i j", pieces=1)
    model = LinearModel({text.ids[3]: -0.8})
    found = faithfulness(model, text, occlusion(model, text).by_word, direction=-1, seed=1)
    assert found is not None
    assert found.comprehensiveness == pytest.approx(0.8)
    assert found.sufficiency == pytest.approx(0.0)
    assert found.random_comprehensiveness < 0.8
    assert found.random_sufficiency == pytest.approx(0.8 - found.random_comprehensiveness)


def test_one_word_cannot_be_split() -> None:
    """A single word leaves nothing to keep and nothing to erase, so there is no figure."""
    text = encoded("good")
    assert faithfulness(LinearModel({}), text, np.zeros(1), direction=1, seed=1) is None


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_integrated_gradients_are_complete(architecture: str, classifiers: dict[str, Path]) -> None:
    """For every architecture the words add up to the difference of the scores, are finite and match the words."""
    network = ExplainedNetwork.load(classifiers[architecture])
    differences = []
    for text in TEXTS:
        read = network.encode(text)
        found = integrated_gradients(network, read, max_steps=256)
        assert found.by_word.shape == (len(read.words),)
        assert np.isfinite(found.by_word).all()
        assert found.error <= 0.05
        assert found.baseline_score + found.difference == pytest.approx(
            network.scores([read.without(frozenset())])[0], abs=1e-5
        )
        differences.append(abs(found.difference))
    # Otherwise attributions of nothing would pass.
    assert max(differences) > 0.1


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_what_is_explained_is_what_is_served(architecture: str, classifiers: dict[str, Path]) -> None:
    """The opened network gives the probabilities of the torch backend for every architecture."""
    network = ExplainedNetwork.load(classifiers[architecture])
    served, _ = load_model(classifiers[architecture], backend="torch").predict(TEXTS)
    opened = network.probabilities([network.encode(text).without(frozenset()) for text in TEXTS])
    assert opened == pytest.approx(np.array([prediction.probabilities for prediction in served]), abs=1e-5)


def test_gradients_agree_with_captums_layer_method(classifiers: dict[str, Path]) -> None:
    """Replacing the embeddings from outside gives what captum's hook on the embedding layer gives."""
    network = ExplainedNetwork.load(classifiers["bert"])
    read = network.encode(TEXTS[0])
    ids = torch.tensor([read.without(frozenset())])
    blank = ids.clone()
    blank[0, len(read.prefix) : len(read.prefix) + len(read.ids)] = 0
    model: Any = load_pretrained(classifiers["bert"])

    def score(token_ids: torch.Tensor) -> torch.Tensor:
        shares = torch.softmax(model(input_ids=token_ids, attention_mask=torch.ones_like(token_ids)).logits, dim=-1)
        return shares[:, 2] - shares[:, 0]

    layer = LayerIntegratedGradients(score, model.get_input_embeddings())
    by_token = layer.attribute(ids, baselines=blank, n_steps=32).sum(dim=-1)[0].detach().numpy()
    expected = [sum(by_token[len(read.prefix) + token] for token in word.tokens) for word in read.words]
    assert integrated_gradients(network, read, max_steps=32).by_word == pytest.approx(expected, abs=1e-6)


def test_more_steps_are_taken_until_the_sum_is_right(classifiers: dict[str, Path]) -> None:
    """The number of steps is between the first and the bound, and the bound holds where the sum stays wrong."""
    network = ExplainedNetwork.load(classifiers["roberta"])
    read = network.encode(TEXTS[0])
    assert integrated_gradients(network, read, max_steps=8).steps == 8
    found = integrated_gradients(network, read, max_steps=256)
    assert 32 <= found.steps <= 256


def test_long_texts_are_cut_at_a_word(classifiers: dict[str, Path]) -> None:
    """Text beyond the maximum is not read, `truncated` says so, and no word is cut in two."""
    network = ExplainedNetwork.load(classifiers["bert"], max_tokens=12)
    read = network.encode("the order was slow " * 20)
    assert read.truncated
    assert len(read.without(frozenset())) <= 12
    assert read.words[-1].text in {"the", "order", "was", "slow"}
    assert read.text.endswith(read.words[-1].text)
    assert not network.encode("the order").truncated
