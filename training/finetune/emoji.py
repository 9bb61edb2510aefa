"""Tokens for the emoji that carry sentiment, in a model whose vocabulary has none.

A BERT vocabulary from before emoji reads 😍 and 😡 as the same unknown token, and a word that an emoji touches becomes
unknown too. Here the tokenizer separates emoji from words. Every known emoji gets an embedding that starts as the mean
of the word pieces of its name ("smiling face with heart-shaped eyes"), so that rare ones mean something before they are
trained. Only the model directory changes; serving does not.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import torch
from tokenizers import AddedToken, Regex, Tokenizer, pre_tokenizers
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from sentiment.errors import ModelError

# Faces, gestures and hearts; then single signs that people add to what they say.
_RANGES = (
    (0x1F600, 0x1F64F),
    (0x1F910, 0x1F917),
    (0x1F920, 0x1F92F),
    (0x1F970, 0x1F97A),
    (0x1F493, 0x1F49F),
    (0x1F440, 0x1F450),
)
_SINGLE = (
    "❤♥☹☺⭐🌟✨🔥🎉🎊💯💩💪💔💋🤌🤗🤘🤙🤚🤛🤜🤝🤞🤟🤠🤡🤢🤣🤤🤥🤦🤧🤷🤍"
    "🤎🖤🧡🥱🖕🏆🚀💰⚠❌✅❗❓‼🚫🐛🐌🗑💀👻😻🙄📦📅📍🕒📎ℹ📱🚚🏢📄🗓📞✉🔗"
)
# Words in names that only say what kind of sign it is.
_FILLER = frozenset(
    {"face", "with", "sign", "and", "of", "symbol", "mark", "black", "white", "heavy", "emoji", "person"}
)
_SIGNS = r"\p{So}"
# Skin tones, variants and joiners change how a sign looks, not what it means.
_LOOKS = r"[\x{1f3fb}-\x{1f3ff}\x{fe0e}\x{fe0f}\x{200d}]"


def emoji_tokens() -> list[str]:
    """The emoji that get tokens, without duplicates, in a fixed order."""
    ranged = [chr(code) for low, high in _RANGES for code in range(low, high + 1)]
    return [token for token in dict.fromkeys([*ranged, *_SINGLE]) if unicodedata.name(token, "")]


def add_emoji(tokenizer: Any, model: PreTrainedModel) -> PreTrainedTokenizerFast:
    """Give `model` embeddings for emoji, and return a tokenizer that reads them. `tokenizer` is modified.

    Raises:
        ModelError: the vocabulary has emoji already.
    """
    fast: Tokenizer = tokenizer.backend_tokenizer
    known = fast.get_vocab(with_added_tokens=True)
    new = [token for token in emoji_tokens() if token not in known and _unknown(fast) in fast.encode(token).tokens]
    if not new:
        raise ModelError("the vocabulary of the backbone has emoji already", hint="leave out --emoji-tokens")
    starts = _starting_embeddings(fast, model.get_input_embeddings().weight, new)
    fast.add_tokens([AddedToken(token, normalized=False) for token in new])
    before = fast.pre_tokenizer
    fast.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(_LOOKS), "removed"), pre_tokenizers.Split(Regex(_SIGNS), "isolated"), before]
    )
    model.resize_token_embeddings(len(known) + len(new), mean_resizing=False)
    with torch.no_grad():
        weight = model.get_input_embeddings().weight
        for token, start in zip(new, starts, strict=True):
            weight[fast.token_to_id(token)] = start
    # The generic class uses tokenizer.json as it is; the model's own class would restore its usual splitting.
    return PreTrainedTokenizerFast(
        tokenizer_object=fast,
        **tokenizer.special_tokens_map,
        model_max_length=tokenizer.model_max_length,
        padding_side=tokenizer.padding_side,
    )


def _unknown(tokenizer: Tokenizer) -> Any:
    return getattr(tokenizer.model, "unk_token", None)


def _starting_embeddings(tokenizer: Tokenizer, weight: torch.Tensor, tokens: Sequence[str]) -> list[torch.Tensor]:
    """(width,) for each of `tokens`: the mean embedding of the word pieces of its Unicode name."""
    starts = []
    for token in tokens:
        words = re.findall(r"[a-z]+", unicodedata.name(token).lower())
        telling = [word for word in words if word not in _FILLER] or words
        ids = tokenizer.encode(" ".join(telling), add_special_tokens=False).ids
        starts.append(weight[ids].detach().mean(dim=0))
    return starts
