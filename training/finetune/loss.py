"""What is minimised: the labels, a teacher's opinion, or a mix of both.

    loss(text) = hard_share · CE(label, student) + (1 − hard_share) · T² · KL(teacher at T ‖ student at T)

Hinton, Vinyals and Dean 2015, "Distilling the Knowledge in a Neural Network": both distributions are softened by the
temperature T, and T² gives the soft part gradients of the same size whatever T is. A text without a label has the soft
part alone, one without a teacher's opinion the hard part alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn.functional import cross_entropy, kl_div, log_softmax

NO_LABEL = -1


@dataclass(frozen=True, slots=True)
class MixedLoss:
    """`label_smoothing` in [0, 1) is for the hard part only; a teacher smooths by itself. `hard_share` in [0, 1]."""

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

        `logits` (n, 3); `labels` (n,), ``NO_LABEL`` where there is none; `teacher` (n, 3) log-probabilities.
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
