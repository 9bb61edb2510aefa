"""The loss: of the labels, of a teacher's probabilities, or of a mix of both.

    loss(text) = hard_share · CE(label, student) + (1 − hard_share) · T² · KL(teacher at T ‖ student at T)

Hinton, Vinyals and Dean 2015, "Distilling the Knowledge in a Neural Network": the temperature T softens both
distributions, and T² keeps the gradients of the soft part at the same size for any T. A text without a label has only
the soft part; without a teacher there is only the hard part.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn.functional import cross_entropy, kl_div, log_softmax

NO_LABEL = -1


@dataclass(frozen=True, slots=True)
class MixedLoss:
    """`label_smoothing` in [0, 1) applies to the hard part: a teacher is smooth already. `hard_share` is in [0, 1]."""

    label_smoothing: float = 0.0
    temperature: float = 1.0
    hard_share: float = 1.0

    def __call__(
        self,
        logits: torch.Tensor,
        labels: torch.Tensor,
        weights: torch.Tensor,
        teacher: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The mean over a batch, weighted by `weights` (n,).

        `logits` (n, 3); `labels` (n,), ``NO_LABEL`` if there is none; `teacher` (n, 3) log-probabilities.
        """
        logits = logits.float()
        hard = cross_entropy(
            logits, labels, reduction="none", label_smoothing=self.label_smoothing, ignore_index=NO_LABEL
        )
        losses = hard if teacher is None else self._mixed(hard, logits, labels, teacher)
        return (losses * weights).sum() / weights.sum().clamp_min(1e-6)

    def _mixed(
        self, hard: torch.Tensor, logits: torch.Tensor, labels: torch.Tensor, teacher: torch.Tensor
    ) -> torch.Tensor:
        ours = log_softmax(logits / self.temperature, dim=-1)
        theirs = log_softmax(teacher.float() / self.temperature, dim=-1)
        soft = self.temperature**2 * kl_div(ours, theirs, reduction="none", log_target=True).sum(dim=-1)
        share = torch.where(labels == NO_LABEL, 0.0, self.hard_share)
        return share * hard + (1.0 - share) * soft
