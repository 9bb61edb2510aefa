"""What augmentation may change in a text, and what it must not."""

from __future__ import annotations

import random
import re
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from sentiment.events import LABELS
from sentiment.privacy import redact
from sentiment.text import normalise
from training.augmentation import AUGMENTED_SOURCE, augment
from training.augmentation.noise import add_marks, change_case, mistype, swap_gender
from training.augmentation.templates import behaviour, saying_in_dialect, statement_about_somebody, table
from training.data.examples import Example

ORIGINALS = [
    Example("The waiter told him that she was late.", 0, "mail", "human"),
    Example("it opens at nine", 1, "stars", "stars"),
    Example("Lovely, thank you!", 2, "mail", "human"),
]
texts = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=60)
seeds = st.integers(0, 2**32)


def test_the_same_seed_gives_the_same_examples() -> None:
    """A training is repeatable from its seed, and another seed gives other examples."""
    assert augment(ORIGINALS, 200, seed=7) == augment(ORIGINALS, 200, seed=7)
    assert augment(ORIGINALS, 200, seed=7) != augment(ORIGINALS, 200, seed=8)


def test_examples_are_ready_for_training() -> None:
    """Augmented texts are not empty, normalised, free of personal data, of their own data set, and have every label."""
    made = augment(ORIGINALS, 3000, seed=1)
    assert {example.source for example in made} == {AUGMENTED_SOURCE}
    assert all(example.text == normalise(example.text) != "" for example in made)
    assert all(normalise(redact(example.text).text) == example.text for example in made)
    assert min(Counter(example.label for example in made).values()) > 600
    assert {example.label for example in made if example.kind == "stars"} == {1}


def test_every_slot_of_every_template_can_be_filled() -> None:
    """No sentence leaves with a slot in it, whatever is drawn."""
    slots = {
        slot
        for name in ("behaviours", "identities", "dialects")
        for label in LABELS
        for sentence in table(name)[label]
        for slot in re.findall(r"\{(\w+)\}", sentence)
    }
    used = {slot for words in table("lexicon").values() for slot in re.findall(r"\{(\w+)\}", " ".join(words))}
    assert (slots | used) - {"P", "G", "A"} <= set(table("lexicon"))
    draw = random.Random(0)
    assert not any(
        "{" in text
        for make in (behaviour, saying_in_dialect, statement_about_somebody)
        for text, _ in (make(draw) for _ in range(2000))
    )


@given(texts, seeds)
def test_letter_case_is_all_that_case_changes(text: str, seed: int) -> None:
    """Case folding gives the same text before and after."""
    simple = text.encode("ascii", "ignore").decode()
    assert change_case(simple, random.Random(seed)).casefold() == simple.casefold()


@given(texts, seeds)
def test_a_slip_of_the_finger_is_small(text: str, seed: int) -> None:
    """Two slips change the length by two letters at most, and nothing but words of four letters or more."""
    slipped = mistype(text, random.Random(seed))
    assert abs(len(slipped) - len(text)) <= 2
    assert re.sub(r"[A-Za-z]", "", slipped) == re.sub(r"[A-Za-z]", "", text)


@given(texts, seeds)
def test_marks_stand_around_a_text(text: str, seed: int) -> None:
    """The text itself stays whole between what is added."""
    marked = add_marks(text, random.Random(seed))
    assert text in marked
    assert len(marked) > len(text)


def test_gender_is_swapped_and_swapped_back() -> None:
    """Swapping is its own inverse on the words it knows, and keeps capitals."""
    draw = random.Random(0)
    text = "She and her husband met Mr. Lee; HE is a waiter, like his sister."
    once = swap_gender(text, draw)
    assert once == "He and him wife met Mrs. Lee; SHE is a waitress, like his brother."
    assert swap_gender(once, draw) == text
