"""Street addresses, by their form."""

from __future__ import annotations

import random

import pytest

from sentiment.privacy.addresses import find_addresses
from tests.sentiment.privacy import samples

ADDRESSES = [
    "221B Baker Street",
    "12 Elm Rd, Springfield, IL 62704",
    "4405 N. William Avenue Apt. 12",
    "1600 Pennsylvania Avenue NW, Washington, DC 20500",
    "10 Downing Street, London SW1A 2AA",
    "725 Daniel Haven Suite 016",
    "Hauptstraße 12, 10115 Berlin",
    "Kastanienallee 7b",
    "Lange Straße 3",
    "12 rue de la Paix, 75002 Paris",
    "Calle de Alcalá 45, 28014 Madrid",
    "Via Roma 12",
    "Nassaustraat 123",
    "K1A 0B1",
]
NO_ADDRESSES = [
    "I waited 20 minutes on the street",
    "the 2 way street of support",
    "In Spring 2024 it was fine",
    "version 10 of the App Store",
    "my 3 Star Hotel was a 5 star experience",
    "Windows 10 Home and 2 Blue Lights",
    "a 4 lane road trip of 300 miles",
    "S10 8GB and DDR4 2GB are fine",
    "the top 10 Road Trip apps",
    "100 dollars St Patrick",
]


def covered(text: str) -> str:
    """`text` with # in the place of every character of an address."""
    for start, end in find_addresses(text):
        text = text[:start] + "#" * (end - start) + text[end:]
    return text


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_found_as_a_whole(address: str) -> None:
    """House, street, flat, town and postcode, wherever it stands in a sentence."""
    rng = random.Random(address)
    for sentence in rng.sample(samples.SENTENCES, 4):
        before, _, after = sentence.partition("{}")
        assert covered(f"{before}{address}{after}") == f"{before}{'#' * len(address)}{after}"


@pytest.mark.parametrize("address", ["8 wressle road", "87 Jakobi 69"])
def test_without_a_usual_form_a_word_has_to_speak_of_it(address: str) -> None:
    """In small letters, or without a word for a street: only as an address."""
    assert covered(f"please deliver to {address} again") == f"please deliver to {'#' * len(address)} again"
    assert covered(f"we counted {address} again") == f"we counted {address} again"


@pytest.mark.parametrize("text", NO_ADDRESSES)
def test_other_numbers_and_streets_stay(text: str) -> None:
    """Nothing is found in them."""
    assert list(find_addresses(text)) == []
