"""The simulation behind the figures on parts is sound."""

from __future__ import annotations

from collections import Counter

import numpy as np

from tests.sentiment.spikes.simulation import DAY, Scenario, Spike, simulate
from tests.sentiment.spikes.simulation_of_parts import BAD, VERSIONS, Counts, product

SCENARIO = Scenario(96.0, days=4)


def total(counts: list[Counts]) -> tuple[Counter[int], Counter[int]]:
    """Results and negatives by minute."""
    n, k = Counter[int](), Counter[int]()
    for each in counts:
        n.update({minute: a for minute, (a, _) in each.items()})
        k.update({minute: b for minute, (_, b) in each.items()})
    return n, k


def test_parts_of_a_kind_make_up_the_product() -> None:
    """Minute by minute, results and negatives; without a spike the product is that of the plain simulation."""
    made = product(np.random.default_rng(3), SCENARIO)
    whole = made["app", None, ""]
    assert whole == simulate(np.random.default_rng(3), SCENARIO)
    for kind in ("version", "source"):
        assert total([counts for (_, _, each), counts in made.items() if each == kind]) == total([whole])
    sizes = [sum(n for n, _ in made[f"app / version={v}", "app", "version"].values()) for v in range(len(VERSIONS))]
    assert np.allclose(np.array(sizes) / sum(sizes), VERSIONS, atol=0.03)


def test_an_incident_is_of_one_version() -> None:
    """Its share rises by the factor, that of the others does not."""
    spike = Spike(2 * DAY, DAY, 3.0)
    calm = product(np.random.default_rng(4), SCENARIO)
    made = product(np.random.default_rng(4), SCENARIO, [spike])

    def share(counts: Counts) -> float:
        inside = [each for minute, each in counts.items() if spike.start <= minute < spike.start + spike.minutes]
        return sum(k for _, k in inside) / sum(n for n, _ in inside)

    bad = (f"app / version={BAD}", "app", "version")
    assert 2.3 < share(made[bad]) / share(calm[bad]) < 3.7
    assert all(made[key] == calm[key] for key in made if key[2] == "version" and key != bad)
