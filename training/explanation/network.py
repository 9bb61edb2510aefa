"""A classifier opened for explanation: its score as a function of token ids and of word embeddings.

This is the fp32 network of the torch backend. The served int8 form gives slightly different scores; see the parity
report of the export.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from sentiment.errors import ModelError
from sentiment.events import LABELS, ModelRef
from sentiment.model.directory import ModelDirectory
from sentiment.model.files import has_file
from sentiment.model.loading import locate
from sentiment.model.manifest import MANIFEST_FILE, TOKENIZER_FILE, load_manifest, verify_files
from sentiment.model.tokenizer import TextTokenizer, read_tokenizer
from sentiment.model.torch_backend import load_pretrained
from sentiment.privacy import redact
from sentiment.text import normalise
from training.explanation.words import Word, align

# A review has about 30 tokens, a long one 200. The cost of a gradient grows faster than the length.
MAX_TOKENS = 256
_SEQUENCES_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class EncodedText:
    """A redacted and normalised text as the network reads it: `prefix` + `ids` + `suffix`.

    `words` refer to positions in `ids`. `truncated`: the end of the text was not read.
    """

    text: str
    prefix: tuple[int, ...]
    ids: tuple[int, ...]
    suffix: tuple[int, ...]
    words: tuple[Word, ...]
    truncated: bool

    def without(self, positions: frozenset[int]) -> tuple[int, ...]:
        """All ids, special ones included, except those at `positions`."""
        kept = (token for position, token in enumerate(self.ids) if position not in positions)
        return (*self.prefix, *kept, *self.suffix)


class ExplainedNetwork:
    """The calibrated score p(positive) − p(negative) of a sequence classifier of any architecture."""

    def __init__(
        self, network: Any, tokenizer: Tokenizer, directory: ModelDirectory, *, max_tokens: int = MAX_TOKENS
    ) -> None:
        self.model: ModelRef = directory.ref
        self.decision = directory.decision
        self._network = network
        self._tokenizer = tokenizer
        around = TextTokenizer(tokenizer)
        self._prefix, self._suffix = around.prefix, around.suffix
        self._capacity = min(directory.max_length, max_tokens) - len(self._prefix) - len(self._suffix)
        self._pad_id = directory.pad_id
        self._temperature = directory.calibration.temperature_fp32
        self._label_of_output = torch.eye(len(LABELS))[list(directory.targets)]

    @classmethod
    def load(
        cls,
        model: str | Path | None,
        label_map: Mapping[str, str] | None = None,
        *,
        max_tokens: int = MAX_TOKENS,
        threads: int = 0,
    ) -> ExplainedNetwork:
        """Open a directory, a hub id, or the shipped model (None). `threads` 0 leaves the number to torch.

        Raises ``ModelError`` if it has no safetensors: an OpenVINO graph gives no gradients.
        """
        if threads:
            torch.set_num_threads(threads)
        directory = locate(model, label_map)
        if not directory.safetensors:
            raise ModelError(f"{directory.path} has no *.safetensors, which explanations need")
        tokenizer = read_tokenizer(directory.path / TOKENIZER_FILE)
        if has_file(directory.path / MANIFEST_FILE):
            weights = [path.relative_to(directory.path).as_posix() for path in directory.safetensors]
            verify_files(directory.path, load_manifest(directory.path), weights)
        return cls(load_pretrained(directory.path), tokenizer, directory, max_tokens=max_tokens)

    def encode(self, text: str) -> EncodedText:
        """Redact, normalise and tokenise `text`. Words beyond the maximum number of tokens are cut off whole."""
        prepared = normalise(redact(text).text)
        encoding = self._tokenizer.encode(prepared, add_special_tokens=False)
        # As in serving: a special token that is spelt out in the text is not one.
        around = {*self._prefix, *self._suffix}
        kept = [place for place, token in enumerate(encoding.ids) if token not in around]
        ids = [encoding.ids[place] for place in kept]
        aligned = align(prepared, [encoding.offsets[place] for place in kept])
        words = [word for word in aligned if word.tokens[-1] < self._capacity]
        n_read = max((word.tokens[-1] + 1 for word in words), default=0)
        return EncodedText(
            text=prepared[: words[-1].end] if words else "",
            prefix=self._prefix,
            ids=tuple(ids[:n_read]),
            suffix=self._suffix,
            words=tuple(words),
            truncated=n_read < len(ids),
        )

    def probabilities(self, sequences: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        """(n, 3) probabilities of token ids, special ones included, in the order of ``LABELS``."""
        rows = []
        for start in range(0, len(sequences), _SEQUENCES_AT_ONCE):
            group = [list(ids) or [self._pad_id] for ids in sequences[start : start + _SEQUENCES_AT_ONCE]]
            width = max(map(len, group))
            ids = torch.tensor([row + [self._pad_id] * (width - len(row)) for row in group])
            mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in group])
            with torch.no_grad():
                rows.append(self._probabilities(ids, mask).numpy().astype(np.float64))
        return np.concatenate(rows) if rows else np.empty((0, len(LABELS)))

    def scores(self, sequences: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        """(n,) scores of token ids, special ones included."""
        probabilities = self.probabilities(sequences)
        scores: NDArray[np.float64] = probabilities[:, 2] - probabilities[:, 0]
        return scores

    def embeddings(self, encoded: EncodedText) -> tuple[torch.Tensor, torch.Tensor]:
        """(1, tokens, width) word embeddings of the text and of the baseline.

        The baseline is the same sequence with every token of the text replaced by the padding token.
        """
        ids = torch.tensor([encoded.without(frozenset())])
        blank = torch.tensor([[*encoded.prefix, *[self._pad_id] * len(encoded.ids), *encoded.suffix]])
        table = self._network.get_input_embeddings()
        with torch.no_grad():
            return table(ids), table(blank)

    def score_of_embeddings(self, encoded: EncodedText, embeddings: torch.Tensor) -> torch.Tensor:
        """(n,) scores for (n, tokens, width) word embeddings in place of those of the text."""
        ids = torch.tensor([encoded.without(frozenset())]).expand(len(embeddings), -1)
        with self._replaced(ids, embeddings):
            probabilities = self._probabilities(ids, torch.ones_like(ids))
        return probabilities[:, 2] - probabilities[:, 0]

    def _probabilities(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        logits = self._network(input_ids=ids, attention_mask=mask).logits
        return torch.softmax(logits.float() / self._temperature, dim=-1) @ self._label_of_output

    @contextmanager
    def _replaced(self, ids: torch.Tensor, embeddings: torch.Tensor) -> Iterator[None]:
        """While open, every lookup of `ids` in the network gives `embeddings`.

        Passing ``inputs_embeds`` is not enough, because GPT-2 and T5 find the end of the text in the ids, which must
        stay. T5 looks up its input a second time for its decoder, shifted one place to the right.
        """

        def replace(_: Any, arguments: tuple[Any, ...], looked_up: torch.Tensor) -> torch.Tensor:
            wanted = arguments[0]
            if wanted.shape == ids.shape and torch.equal(wanted, ids):
                return embeddings
            if wanted.shape == ids.shape and torch.equal(wanted[:, 1:], ids[:, :-1]):
                return torch.cat([looked_up[:, :1], embeddings[:, :-1]], dim=1)
            raise ModelError("the network looks up tokens other than its input, which gradients cannot explain")

        weight = self._network.get_input_embeddings().weight
        tables = [part for part in self._network.modules() if getattr(part, "weight", None) is weight]
        hooks = [table.register_forward_hook(replace) for table in tables if isinstance(table, torch.nn.Embedding)]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()
