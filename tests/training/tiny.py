"""A tiny randomly initialised BERT with a tokenizer of its own, and labelled rows that can be learnt."""

from __future__ import annotations

import random
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

WORDS = {
    "negative": ["broken", "slow", "awful", "refund", "crash"],
    "neutral": ["invoice", "question", "monday", "address", "version"],
    "positive": ["great", "love", "fast", "thanks", "perfect"],
}
FILLER = ["the", "app", "order", "today", "again", "screen", "it", "was", "my"]


def rows(count: int, seed: int) -> list[dict[str, str]]:
    """Texts whose label is told by one of its words, from two sources; no two texts are alike."""
    draw = random.Random(seed)
    made = []
    for number in range(count):
        label = draw.choice(sorted(WORDS))
        words = [*draw.sample(FILLER, draw.randint(2, 5)), draw.choice(WORDS[label])]
        draw.shuffle(words)
        text = f"{' '.join(words)} {seed} {number}"
        made.append({"text": text, "label": label, "source": draw.choice(["mail", "chat"]), "kind": "human"})
    return made


def save_backbone(directory: Path) -> None:
    """Write a BertModel (2 layers × 32) with random weights and a WordPiece tokenizer to `directory`."""
    torch.manual_seed(0)
    wordpiece = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    wordpiece.normalizer = normalizers.BertNormalizer()
    wordpiece.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    corpus = [*FILLER, *(word for words in WORDS.values() for word in words), "0123456789"]
    wordpiece.train_from_iterator(corpus * 4, trainers.WordPieceTrainer(vocab_size=300, special_tokens=special))
    ids = {token: wordpiece.token_to_id(token) for token in special}
    wordpiece.post_processor = processors.BertProcessing(("[SEP]", ids["[SEP]"]), ("[CLS]", ids["[CLS]"]))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=wordpiece,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=64,
    )
    config = BertConfig(
        vocab_size=wordpiece.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        pad_token_id=ids["[PAD]"],
    )
    BertModel(config).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
