"""Which texts are chosen, and with what probability."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.errors import InputError
from sentiment.events import encode
from tests.consumers.results import START, scored
from training.review.candidates import Candidate, item_id, read_candidates, without_doubles
from training.review.sampling import MAX_STRATA, choose, uncertainty


def candidates(n: int, seed: int, products: Sequence[str] = ("app", "web", "tv")) -> list[Candidate]:
    """Distinct texts with made-up predictions; the first product has most of them."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(n):
        answer = rng.dirichlet([1.5, 1.0, 1.0])
        text = f"text {number} of {seed}"
        product = products[min(int(rng.geometric(0.5)) - 1, len(products) - 1)]
        made.append(Candidate(item_id(text), text, product, (float(answer[0]), float(answer[1]), float(answer[2]))))
    return made


@given(st.integers(0, 60), st.integers(3, 60), st.integers(0, 2**20))
def test_what_is_chosen_is_unsure_or_random_and_never_twice(n_uncertain: int, n_random: int, seed: int) -> None:
    """Sizes hold, every product is drawn from, and within a product no text left out is surer of being unsure."""
    pool = candidates(80, 1)
    chosen = choose(pool, n_uncertain=n_uncertain, n_random=n_random, seed=seed)
    assert len({each.candidate.item for each in chosen}) == len(chosen) == min(80, n_uncertain + n_random)
    assert Counter(each.part for each in chosen)["uncertain"] == n_uncertain
    left = {each.item: each for each in pool}
    for each in chosen:
        assert 0 < each.inclusion_probability <= 1
        left.pop(each.candidate.item) if each.part == "uncertain" else None
    for each in chosen:
        if each.part == "uncertain":
            mine = uncertainty(each.candidate.probabilities, "margin")
            others = [c for c in left.values() if c.product == each.candidate.product]
            assert all(uncertainty(c.probabilities, "margin") <= mine for c in others)
    if n_uncertain + n_random < 80:
        assert {each.stratum for each in chosen if each.part == "random"} == {"app", "web", "tv"}


def test_choosing_is_deterministic_by_seed() -> None:
    """The order of the input does not matter, the seed does."""
    pool = candidates(200, 2)
    first = choose(pool, n_uncertain=10, n_random=20, seed=5)
    assert choose(pool[::-1], n_uncertain=10, n_random=20, seed=5) == first
    assert choose(pool, n_uncertain=10, n_random=20, seed=6) != first


def test_inverse_chances_make_the_sheet_unbiased() -> None:
    """Over many draws the weighted share of a trait is that of all texts, though the unsure ones differ."""
    pool = candidates(300, 3)
    trait = {each.item: uncertainty(each.probabilities, "margin") > -0.3 for each in pool}
    true_share = sum(trait.values()) / len(pool)
    estimates = []
    for seed in range(200):
        chosen = choose(pool, n_uncertain=30, n_random=45, seed=seed)
        weights = np.array([1 / each.inclusion_probability for each in chosen])
        estimates.append(np.average([trait[each.candidate.item] for each in chosen], weights=weights))
    assert np.mean(estimates) == pytest.approx(true_share, abs=0.01)


def test_many_products_share_a_stratum_and_too_few_random_texts_are_refused() -> None:
    """Every product gets at least one random text."""
    pool = candidates(400, 4, [f"p{number}" for number in range(2)])
    pool += [Candidate(f"x{n}", f"x {n}", f"small {n}", (0.2, 0.3, 0.5)) for n in range(100)]
    chosen = choose(pool, n_uncertain=0, n_random=60, seed=1)
    assert len({each.stratum for each in chosen}) == MAX_STRATA
    with pytest.raises(InputError, match="too few"):
        choose(pool, n_uncertain=50, n_random=5, seed=1)
    with pytest.raises(InputError, match="no text"):
        choose([], n_uncertain=1, n_random=1, seed=1)


def test_candidates_come_from_results_and_rescored_tables_redacted_and_once(tmp_path: Path) -> None:
    """A text in another case is the same text; results without text or in another language are left out."""
    results = [
        scored(1, START, "negative", text="Bad app!"),
        scored(2, START, "negative", text="bad APP"),
        scored(3, START, "neutral", text=None),
        scored(4, START, "neutral", text="no es bueno", unsupported_language=True),
    ]
    file = tmp_path / "results.jsonl"
    file.write_bytes(b"".join(encode(each) + b"\n" for each in results))
    [found] = read_candidates(file)
    assert (found.text, found.event_id) == ("Bad app!", "e1")
    table = tmp_path / "rescored.csv"
    table.write_text(
        "content,label,p_negative,p_neutral,p_positive,product\n"
        "call +1 415 555 2671 now,negative,0.7,0.2,0.1,tv\n,,,,,tv\nfine,neutral,0.1,0.8,0.1,tv\n"
    )
    rescored = read_candidates(table, "content")
    assert [(each.text, each.product) for each in rescored] == [("call [PHONE] now", "tv"), ("fine", "tv")]
    assert without_doubles(rescored * 2) == rescored
    (tmp_path / "other.jsonl").write_text('{"text": "x"}\n')
    with pytest.raises(InputError, match="neither results nor"):
        read_candidates(tmp_path / "other.jsonl")
