"""`sentiment explain`: show which words moved the score of a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sentiment.cli.extras import train_extra
from sentiment.cli.flags import json_option, seed_option
from sentiment.cli.options import common_options

if TYPE_CHECKING:
    from sentiment.settings import Settings


@click.command(
    epilog="""\b
Example:
  sentiment explain "The update made the app faster, but support is still awful."
  sentiment explain --method occlusion --json "Not bad at all!"

Requires the `train` extra, and a model with safetensors: the fp32 network is explained, not its int8 form. An
attribution is in units of the score, p(positive) − p(negative); a positive one moved it up."""
)
@click.argument("text")
@click.option(
    "--method",
    type=click.Choice(["integrated-gradients", "occlusion"]),
    default="integrated-gradients",
    help="Integrate gradients from an empty text to this one, or leave out one word at a time.",
)
@click.option(
    "--steps",
    "max_steps",
    type=click.IntRange(8, 1024),
    default=256,
    metavar="N",
    help="Maximum steps of integrated gradients. Higher can be more exact, but takes longer.",
)
@click.option(
    "--max-tokens",
    type=click.IntRange(8, 512),
    default=256,
    metavar="N",
    help="Maximum tokens to read; the model may take fewer.",
)
@seed_option
@json_option()
@common_options("model")
def explain(
    settings: Settings, text: str, method: Any, max_steps: int, max_tokens: int, seed: int, as_json: bool
) -> None:
    """Show which words of TEXT moved its score, and how far to trust the answer.

    The text is redacted and normalised first, as in scoring. Completeness: do the attributions add up to the score?
    Comprehensiveness and sufficiency: how far does the score fall without the most important words, and with only them?
    """
    from sentiment.errors import InputError

    if not text.strip():
        raise InputError("the text is empty")
    with train_extra("explaining"):
        from training.explanation.explain import explain as explain_text
        from training.explanation.network import ExplainedNetwork
    model = settings.model
    network = ExplainedNetwork.load(model.path, model.label_map or None, max_tokens=max_tokens, threads=model.threads)
    explanation = explain_text(network, text, method=method, seed=seed, max_steps=max_steps)
    if as_json:
        from sentiment.cli.outputs import print_json

        print_json(explanation)
        return
    from sentiment.cli.explanation_view import print_explanation

    print_explanation(explanation)
