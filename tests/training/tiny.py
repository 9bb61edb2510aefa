"""Tiny randomly initialised networks of every architecture, and labelled rows that can be learnt."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    GPT2Config,
    GPT2Model,
    MPNetConfig,
    MPNetModel,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
    T5Config,
    T5Model,
)

from sentiment.events import LABELS
from training.data.examples import Example

WORDS = {
    "negative": ["broken", "slow", "awful", "refund", "crash"],
    "neutral": ["invoice", "question", "monday", "address", "version"],
    "positive": ["great", "love", "fast", "thanks", "perfect"],
}
FILLER = ["the", "app", "order", "today", "again", "screen", "it", "was", "my"]
CORPUS = [*FILLER, *(word for words in WORDS.values() for word in words), "0123456789"] * 4
_WORDPIECE_TOKENS = 159
ARCHITECTURES = ("bert", "roberta", "distilbert", "mpnet", "gpt2", "t5")


def rows(count: int, seed: int) -> list[dict[str, str]]:
    """Texts whose label follows from one of their words, from two data sets. No two texts are the same."""
    draw = random.Random(seed)
    made = []
    for number in range(count):
        label = draw.choice(sorted(WORDS))
        words = [*draw.sample(FILLER, draw.randint(2, 5)), draw.choice(WORDS[label])]
        draw.shuffle(words)
        text = f"{' '.join(words)} {seed} {number}"
        made.append({"text": text, "label": label, "source": draw.choice(["mail", "chat"]), "kind": "human"})
    return made


def save_backbone(directory: Path, architecture: str = "bert", layers: int = 2, std: float | None = None) -> None:
    """Write a network (`layers` × 32) with random weights and a tokenizer of its family to `directory`.

    `architecture` is bert (as MiniLM), roberta, distilbert, mpnet, gpt2 or t5; all take texts of 64 tokens. With a
    large `std` of the weights, texts get different answers without any training.
    """
    torch.manual_seed(0)
    tokenizer = _TOKENIZERS[architecture]()
    network = _network(architecture, tokenizer, layers)
    if std is not None:
        with torch.no_grad():
            for weights in network.parameters():
                if weights.ndim == 2:
                    weights.normal_(std=std)
    network.save_pretrained(directory)
    tokenizer.save_pretrained(directory)


def _network(architecture: str, tokenizer: PreTrainedTokenizerFast, layers: int) -> PreTrainedModel:
    encoder = {"hidden_size": 32, "num_hidden_layers": layers, "num_attention_heads": 2, "intermediate_size": 64}
    ids = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
    if architecture == "bert":
        return BertModel(BertConfig(max_position_embeddings=64, **ids, **encoder))
    if architecture == "roberta":  # positions start behind the padding id
        return RobertaModel(RobertaConfig(max_position_embeddings=64 + tokenizer.pad_token_id + 1, **ids, **encoder))
    if architecture == "mpnet":
        return MPNetModel(MPNetConfig(max_position_embeddings=64 + tokenizer.pad_token_id + 1, **ids, **encoder))
    if architecture == "distilbert":
        sizes = {"dim": 32, "n_layers": layers, "n_heads": 2, "hidden_dim": 64}
        return DistilBertModel(DistilBertConfig(max_position_embeddings=64, **ids, **sizes))
    if architecture == "gpt2":
        ends = {"bos_token_id": tokenizer.eos_token_id, "eos_token_id": tokenizer.eos_token_id}
        sizes = {"n_embd": 32, "n_layer": layers, "n_head": 2, "n_positions": 64}
        return GPT2Model(GPT2Config(vocab_size=len(tokenizer), **sizes, **ends))
    sizes = {"d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": layers, "num_heads": 2, "n_positions": 64}
    start = {"decoder_start_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id}
    return T5Model(T5Config(**ids, **sizes, **start))


def _wordpiece(names: dict[str, str]) -> PreTrainedTokenizerFast:
    """A vocabulary of letters and whole words. A trained one differs between runs: its ties break at random.

    Its size decides which random weights the network gets, so it is kept.
    """
    special = list(dict.fromkeys(names.values()))
    letters = sorted({letter for word in CORPUS for letter in word})
    tokens = [*special, *letters, *(f"##{letter}" for letter in letters), *sorted(set(CORPUS))]
    tokens += [f"[unused{number}]" for number in range(_WORDPIECE_TOKENS - len(tokens))]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=names["unk_token"]))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(special)
    start, end = ((names[key], vocabulary[names[key]]) for key in ("cls_token", "sep_token"))
    tokenizer.post_processor = processors.BertProcessing(end, start)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **names)


def _bert_tokenizer() -> PreTrainedTokenizerFast:
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    return _wordpiece({**names, "mask_token": "[MASK]"})


def _mpnet_tokenizer() -> PreTrainedTokenizerFast:
    names = {"cls_token": "<s>", "pad_token": "<pad>", "sep_token": "</s>", "unk_token": "[UNK]"}
    return _wordpiece({**names, "mask_token": "<mask>"})


def _byte_level(special: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def _roberta_tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = _byte_level(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    names = {"bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>"}
    names |= {"pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **names)


def _gpt2_tokenizer() -> PreTrainedTokenizerFast:
    """As GPT-2's: no padding token, and nothing is added to a text."""
    tokenizer = _byte_level(["<|endoftext|>"])
    end = dict.fromkeys(("bos_token", "eos_token", "unk_token"), "<|endoftext|>")
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **end)


def _t5_tokenizer() -> PreTrainedTokenizerFast:
    special = ["<pad>", "</s>", "<unk>"]
    letters = sorted({letter for word in CORPUS for letter in word})
    # Whole words are likelier than their letters. Not trained: see `_wordpiece`.
    scored = [*((token, 0.0) for token in special), *((f"\u2581{word}", -3.0) for word in sorted(set(CORPUS)))]
    scored += [("\u2581", -5.0), *((letter, -6.0) for letter in letters)]
    tokenizer = Tokenizer(models.Unigram(scored, unk_id=special.index("<unk>")))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.add_special_tokens(special)
    tokenizer.post_processor = processors.TemplateProcessing("$A </s>", special_tokens=[("</s>", 1)])
    names = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **names)


_TOKENIZERS: dict[str, Callable[[], PreTrainedTokenizerFast]] = {
    "bert": _bert_tokenizer,
    "distilbert": _bert_tokenizer,
    "mpnet": _mpnet_tokenizer,
    "roberta": _roberta_tokenizer,
    "gpt2": _gpt2_tokenizer,
    "t5": _t5_tokenizer,
}


def examples(count: int, seed: int) -> list[Example]:
    """The same rows as the trainer takes them."""
    return [
        Example(text=row["text"], label=LABELS.index(row["label"]), source=row["source"], kind=row["kind"])  # type: ignore[arg-type]
        for row in rows(count, seed)
    ]
