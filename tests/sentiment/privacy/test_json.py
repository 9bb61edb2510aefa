"""Metadata: strings and keys at any depth."""

from sentiment.privacy import redact_json


def test_strings_and_keys_at_any_depth() -> None:
    """Every string is redacted, keys too; other values stay unchanged."""
    value = {"a": ["john@example.com", {"call 415-555-2671": None}], "n": 1.5, "ok": True, "john@example.com": 7}
    redacted, counts = redact_json(value)
    assert redacted == {"a": ["[EMAIL]", {"call [PHONE]": None}], "n": 1.5, "ok": True, "[EMAIL]": 7}
    assert counts == {"email": 2, "phone": 1}


def test_a_key_is_context_for_its_value() -> None:
    """A bare number is a phone number only under a key that says so."""
    value = {"customerPhone": "9876543210", "mobile_number": 9876543210, "order_id": "9876543210", "count": 9876543210}
    redacted, _ = redact_json(value)
    expected = {"customerPhone": "[PHONE]", "mobile_number": "[PHONE]", "order_id": "9876543210", "count": 9876543210}
    assert redacted == expected


def test_keys_that_become_equal_lose_no_value() -> None:
    """Two addresses as keys give two entries."""
    redacted, _ = redact_json({"a@b.co": 1, "c@d.co": 2})
    assert redacted == {"[EMAIL]": 1, "[EMAIL] 2": 2}


def test_a_card_as_a_number() -> None:
    """A whole number that is a card is replaced; times in milliseconds and flags are not."""
    redacted, counts = redact_json([4111111111111111, 1696000000000, True, -5, None])
    assert redacted == ["[CARD]", 1696000000000, True, -5, None]
    assert counts == {"card": 1}


def test_idempotent() -> None:
    """Redacting twice changes nothing."""
    once, _ = redact_json({"phone": "9876543210", "a@b.co": {"ip": ["192.168.1.17"]}, "c@d.co": "x"})
    assert redact_json(once) == (once, {})
