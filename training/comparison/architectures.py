"""BERT, RoBERTa, GPT-2 and T5 in the same small size, with random weights and each with its own kind of tokenizer.

They are meant for comparing architectures under equal budgets: hidden size 256, about 5 M parameters including the
embeddings, the same vocabulary size and the same maximum length.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    GPT2Config,
    PreTrainedConfig,
    PreTrainedTokenizerFast,
    RobertaConfig,
    T5Config,
)

from sentiment.events import LABELS

Architecture = Literal["bert", "roberta", "gpt2", "t5"]
ARCHITECTURES: tuple[Architecture, ...] = ("bert", "roberta", "gpt2", "t5")

_HIDDEN = 256
_HEADS = 4
_LAYERS = 4
_INNER = 1024
# T5 has two stacks, and its decoder attends twice. Two layers in each, with narrower inner layers, make the same size.
_T5_LAYERS = 2
_T5_INNER = 768


def save_untrained(
    architecture: Architecture,
    directory: Path,
    texts: Sequence[str],
    *,
    vocabulary_size: int = 8_000,
    max_length: int = 64,
    seed: int,
) -> int:
    """Write a backbone with random weights, and a tokenizer trained on `texts`, to `directory`.

    Texts are redacted and normalised. The vocabulary has at most `vocabulary_size` entries, fewer if there are few
    texts. `max_length` counts tokens, special ones included. The same seed and texts give the same files. Returns the
    number of parameters, including embeddings and classification head.
    """
    tokenizer = _TOKENIZERS[architecture](texts, vocabulary_size, max_length)
    config = _CONFIGS[architecture](tokenizer, max_length)
    config.id2label = dict(enumerate(LABELS))
    config.label2id = {label: index for index, label in enumerate(LABELS)}
    torch.manual_seed(seed)
    model = AutoModelForSequenceClassification.from_config(config, dtype=torch.float32)
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return sum(parameter.numel() for parameter in model.parameters())


def _wordpiece(texts: Sequence[str], vocabulary_size: int, max_length: int) -> PreTrainedTokenizerFast:
    """BERT's: lower case, words cut into pieces, [CLS] text [SEP]."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token=special[1]))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=vocabulary_size, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=max_length, **names)


def _roberta_bpe(texts: Sequence[str], vocabulary_size: int, max_length: int) -> PreTrainedTokenizerFast:
    """RoBERTa's: byte pairs, case-sensitive, <s> text </s>. The padding id is 1, as its positions expect."""
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer = _byte_pairs(texts, vocabulary_size, special)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    names = {"pad_token": "<pad>", "unk_token": "<unk>", "cls_token": "<s>", "sep_token": "</s>"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=max_length, **names)


def _gpt2_bpe(texts: Sequence[str], vocabulary_size: int, max_length: int) -> PreTrainedTokenizerFast:
    """GPT-2's: byte pairs, case-sensitive, nothing around the text, plus the padding token that GPT-2 lacks."""
    tokenizer = _byte_pairs(texts, vocabulary_size, ["<|endoftext|>", "<|pad|>"])
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    names = {"pad_token": "<|pad|>", "unk_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=max_length, **names)


def _byte_pairs(texts: Sequence[str], vocabulary_size: int, special: Sequence[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        special_tokens=list(special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def _unigram(texts: Sequence[str], vocabulary_size: int, max_length: int) -> PreTrainedTokenizerFast:
    """T5's: the unigram model of SentencePiece, case-sensitive, text </s>."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    special = ["<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(
        vocab_size=vocabulary_size, special_tokens=special, unk_token=special[2], show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    names = {"pad_token": "<pad>", "unk_token": "<unk>", "eos_token": "</s>"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=max_length, **names)


def _bert(tokenizer: PreTrainedTokenizerFast, max_length: int) -> PreTrainedConfig:
    return BertConfig(**_encoder(tokenizer), max_position_embeddings=max_length)


def _roberta(tokenizer: PreTrainedTokenizerFast, max_length: int) -> PreTrainedConfig:
    pad_id = int(tokenizer.pad_token_id)
    # Positions start after the padding id. There is only one type of segment.
    return RobertaConfig(**_encoder(tokenizer), max_position_embeddings=max_length + pad_id + 1, type_vocab_size=1)


def _encoder(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": _HIDDEN,
        "num_hidden_layers": _LAYERS,
        "num_attention_heads": _HEADS,
        "intermediate_size": _INNER,
        "pad_token_id": tokenizer.pad_token_id,
    }


def _gpt2(tokenizer: PreTrainedTokenizerFast, max_length: int) -> PreTrainedConfig:
    return GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=max_length,
        n_embd=_HIDDEN,
        n_layer=_LAYERS,
        n_head=_HEADS,
        n_inner=_INNER,
        bos_token_id=tokenizer.eos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        use_cache=False,
    )


def _t5(tokenizer: PreTrainedTokenizerFast, _: int) -> PreTrainedConfig:
    return T5Config(
        vocab_size=len(tokenizer),
        d_model=_HIDDEN,
        d_kv=_HIDDEN // _HEADS,
        d_ff=_T5_INNER,
        num_layers=_T5_LAYERS,
        num_decoder_layers=_T5_LAYERS,
        num_heads=_HEADS,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.pad_token_id,
        use_cache=False,
    )


_Configure = Callable[[PreTrainedTokenizerFast, int], PreTrainedConfig]
_Tokenise = Callable[[Sequence[str], int, int], PreTrainedTokenizerFast]
_CONFIGS: dict[Architecture, _Configure] = {"bert": _bert, "roberta": _roberta, "gpt2": _gpt2, "t5": _t5}
_TOKENIZERS: dict[Architecture, _Tokenise] = {
    "bert": _wordpiece,
    "roberta": _roberta_bpe,
    "gpt2": _gpt2_bpe,
    "t5": _unigram,
}
