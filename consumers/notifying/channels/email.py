"""Alerts as e-mail. All messages of an episode are one conversation."""

from __future__ import annotations

import hashlib
import smtplib
import socket
import ssl
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

from consumers.notifying.channels.channel import Attempt, DeliveryOutcome
from consumers.notifying.channels.console import as_text
from consumers.notifying.channels.outbound import is_forbidden
from consumers.timing.deadline import run_with_deadline
from sentiment.errors import ConfigurationError, DeadlineExceeded
from sentiment.events import Alert
from sentiment.settings.channels import EmailSettings

_SUBJECT_CHARS = 150


class EmailChannel:
    """Sends to one mail server, with one connection for each alert. `timeout_s` is for a whole attempt."""

    def __init__(self, name: str, settings: EmailSettings, password: str | None, *, timeout_s: float) -> None:
        if is_forbidden(settings.host):
            raise ConfigurationError(f"the host of the channel {name} is a link-local address")
        self.name = name
        self._settings = settings
        self._password = password
        self._timeout_s = timeout_s

    def attempt(self, alert: Alert, now: datetime) -> Attempt:
        """Send once. A server that says so for good (5xx) is misconfigured, all else may pass."""
        try:
            run_with_deadline(
                lambda: self._send(as_message(alert, self._settings)), self._timeout_s, "sending the mail"
            )
        except (smtplib.SMTPAuthenticationError, smtplib.SMTPNotSupportedError, ssl.SSLCertVerificationError) as error:
            return Attempt(DeliveryOutcome.MISCONFIGURED, type(error).__name__)
        except smtplib.SMTPRecipientsRefused as error:
            return _answered(max((code for code, _ in error.recipients.values()), default=0), error)
        except smtplib.SMTPResponseException as error:
            return _answered(error.smtp_code, error)
        except (smtplib.SMTPException, OSError, DeadlineExceeded) as error:
            return Attempt(DeliveryOutcome.UNAVAILABLE, type(error).__name__)
        return Attempt(DeliveryOutcome.DELIVERED)

    def close(self) -> None:
        """Nothing is held open."""

    def _send(self, message: EmailMessage) -> None:
        mail = self._settings
        if any(is_forbidden(str(info[4][0])) for info in socket.getaddrinfo(mail.host, mail.port)):
            raise smtplib.SMTPNotSupportedError("the name leads to a link-local address")
        context = ssl.create_default_context()
        with (
            smtplib.SMTP_SSL(mail.host, mail.port, timeout=self._timeout_s, context=context)
            if mail.tls == "tls"
            else smtplib.SMTP(mail.host, mail.port, timeout=self._timeout_s)
        ) as server:
            if mail.tls == "starttls":
                server.starttls(context=context)
            if mail.user is not None and self._password is not None:
                server.login(mail.user, self._password)
            refused = server.send_message(message)
        if refused:
            raise smtplib.SMTPRecipientsRefused(refused)


def as_message(alert: Alert, mail: EmailSettings) -> EmailMessage:
    """The mail. The same alert has the same id, so that a mail program shows one that came twice only once."""
    message = EmailMessage()
    message["Subject"] = " ".join(f"{alert.status.upper()} {alert.severity}: {alert.message}".split())[:_SUBJECT_CHARS]
    message["From"] = mail.sender
    message["To"] = ", ".join(mail.to)
    message["Date"] = format_datetime(alert.created_at)
    domain = mail.sender.rpartition("@")[2]
    message["Message-ID"] = f"<{_digest(alert.alert_id)}@{domain}>"
    message["References"] = f"<{_digest(alert.episode_id)}.episode@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(as_text(alert))
    return message


def _digest(identifier: str) -> str:
    return hashlib.sha256(identifier.encode()).hexdigest()[:32]


def _answered(code: int, error: smtplib.SMTPException) -> Attempt:
    outcome = DeliveryOutcome.MISCONFIGURED if code >= 500 else DeliveryOutcome.UNAVAILABLE
    return Attempt(outcome, f"SMTP {code} ({type(error).__name__})")
