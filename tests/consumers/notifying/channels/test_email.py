"""E-mail, to a real SMTP server of this machine."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from consumers.notifying.channels.channel import DeliveryOutcome
from consumers.notifying.channels.email import EmailChannel, as_message
from sentiment.errors import ConfigurationError
from sentiment.settings.channels import EmailSettings
from tests.brokers import free_port
from tests.consumers.notifying.support import alert, changed
from tests.consumers.results import START


class Mailbox:
    """What a server got, and what it answers to the text of a mail."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], bytes]] = []
        self.answer = "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 the name is given
        self.mails.append((envelope.rcpt_tos, envelope.content))
        return self.answer


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    box, port = Mailbox(), free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, port
    controller.stop()


def settings(port: int, **values: Any) -> EmailSettings:
    given = {"tls": "none", "sender": "a@example.org", "to": ["b@example.org", "c@example.org"], **values}
    return EmailSettings(kind="email", host="127.0.0.1", port=port, **given)


def test_a_mail_reaches_all_and_is_one_conversation(mailbox: tuple[Mailbox, int]) -> None:
    """Text of others stays in the body and in one header line; the same alert has the same id."""
    box, port = mailbox
    channel = EmailChannel("mail", settings(port), None, timeout_s=10)
    for each in (changed(message="spike\r\nBcc: x@y é"), changed("resolved", alert_id="alert-1")):
        assert channel.attempt(each, START).outcome is DeliveryOutcome.DELIVERED
    assert [to for to, _ in box.mails] == [["b@example.org", "c@example.org"]] * 2
    fired, over = (email.message_from_bytes(content, policy=email.policy.default) for _, content in box.mails)
    assert fired["Bcc"] is None
    assert fired["Subject"].startswith("FIRING critical: spike Bcc: x@y é")
    assert "it [EMAIL] fails" in fired.get_content()
    assert fired["References"] == over["References"]
    assert fired["Message-ID"] == as_message(alert(), settings(port))["Message-ID"] != over["Message-ID"]


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("451 later", DeliveryOutcome.UNAVAILABLE),
        ("554 no", DeliveryOutcome.MISCONFIGURED),
    ],
)
def test_a_refusal_says_whose_fault_it_is(mailbox: tuple[Mailbox, int], answer: str, outcome: DeliveryOutcome) -> None:
    """Without the words of the server, which may hold anything."""
    box, port = mailbox
    box.answer = answer
    attempt = EmailChannel("mail", settings(port), None, timeout_s=10).attempt(alert(), START)
    assert attempt.outcome is outcome
    assert attempt.reason == f"SMTP {answer[:3]} (SMTPDataError)"


def test_no_password_without_encryption(mailbox: tuple[Mailbox, int]) -> None:
    """A server that does not offer STARTTLS gets neither mail nor password."""
    box, port = mailbox
    channel = EmailChannel("mail", settings(port, tls="starttls"), None, timeout_s=10)
    assert channel.attempt(alert(), START).outcome is DeliveryOutcome.MISCONFIGURED
    assert box.mails == []


def test_nobody_there_is_tried_again() -> None:
    attempt = EmailChannel("mail", settings(free_port()), None, timeout_s=10).attempt(alert(), START)
    assert (attempt.outcome, attempt.reason) == (DeliveryOutcome.UNAVAILABLE, "ConnectionRefusedError")


def test_link_local_servers_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="channel mail is a link-local address"):
        EmailChannel("mail", settings(25).model_copy(update={"host": "169.254.169.254"}), None, timeout_s=1)
