"""What the worker says about itself on its metrics endpoint."""

from __future__ import annotations

from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families


def read_stages(port: int) -> tuple[dict[str, float], float]:
    """Microseconds a message in each stage since the worker started, and the share of computed tokens that is padding.

    It is wall time: threads of the model that compute together count once.
    """
    with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        families = text_string_to_metric_families(answer.read().decode())
    samples = [sample for family in families for sample in family.samples]
    sums = {each.labels["stage"]: each.value for each in samples if each.name == "sentiment_stage_seconds_sum"}
    n = sum(each.value for each in samples if each.name == "sentiment_events_total")
    tokens = {each.labels["kind"]: each.value for each in samples if each.name == "sentiment_tokens_total"}
    return {name: value / n * 1e6 for name, value in sums.items()}, tokens["padding"] / sum(tokens.values())
