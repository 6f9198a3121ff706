"""E-mail over SMTP: plain text with a link to the web page."""

import smtplib
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

from callback.channels.protocol import Accepted, ChannelError, Outgoing
from callback.domain.sending import Kind
from callback.domain.words import Channel
from callback.errors import Invalid
from callback.settings import Settings

NO_SUCH_BOX = {550, 551, 553}
"""Reply codes about the address itself (RFC 5321 §4.2.3)."""


class SmtpEmail:
    name = "smtp"
    channel = Channel.EMAIL
    is_real = True

    def __init__(self, settings: Settings) -> None:
        if settings.smtp_host is None or settings.smtp_from is None:
            raise Invalid("channel_not_configured", channel=self.name)
        self.sender = settings.smtp_from
        self.rate = settings.smtp_per_s
        self._settings = settings

    def send(self, outgoing: Outgoing, *, now: datetime) -> Accepted:
        """Hand the letter to the mail server, with a Message-ID made of our handle."""
        letter = self._letter(outgoing, now)
        handed_over = False
        try:
            with self._connected() as server:
                handed_over = True
                server.send_message(letter)
        except smtplib.SMTPRecipientsRefused as error:
            raise _of_reply(*next(iter(error.recipients.values()))) from error
        except smtplib.SMTPAuthenticationError as error:
            raise ChannelError(Kind.TEMPORARY, code=str(error.smtp_code), raw="our credentials are refused") from error
        except smtplib.SMTPResponseException as error:
            raise _of_reply(error.smtp_code, error.smtp_error) from error
        except (OSError, smtplib.SMTPException) as error:
            # Before the letter was begun nothing can have arrived; afterwards only the server knows.
            raise ChannelError(Kind.UNKNOWN if handed_over else Kind.TEMPORARY, raw=type(error).__name__) from error
        return Accepted(str(letter["Message-ID"]), "sent")

    def close(self) -> None:
        """Nothing is kept open."""

    def find(self, outgoing: Outgoing, *, since: datetime, known: frozenset[str]) -> Accepted | None:  # noqa: ARG002
        """A mail server cannot be asked. What may have left counts as sent: one letter too few rather than twice."""
        return Accepted(self._message_id(outgoing), None)

    def _connected(self) -> smtplib.SMTP:
        settings = self._settings
        host = settings.smtp_host or ""
        server = smtplib.SMTP(host, settings.smtp_port, timeout=settings.send_timeout_s)
        try:
            if settings.smtp_starttls:
                server.starttls()
            if settings.smtp_user is not None and settings.smtp_password is not None:
                server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
        except BaseException:
            server.close()
            raise
        return server

    def _letter(self, outgoing: Outgoing, now: datetime) -> EmailMessage:
        letter = EmailMessage()
        letter["Subject"] = outgoing.subject or ""
        letter["From"] = self.sender
        letter["To"] = outgoing.address
        letter["Date"] = format_datetime(now)
        letter["Message-ID"] = self._message_id(outgoing)
        letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office replies
        letter.set_content(outgoing.body)
        return letter

    def _message_id(self, outgoing: Outgoing) -> str:
        domain = self.sender.rpartition("@")[2].rstrip(">") or "localhost"
        return f"<{outgoing.handle}@{domain}>"


def _of_reply(code: int, words: bytes | str) -> ChannelError:
    """5xx is for good, 4xx for now (RFC 5321 §4.2.1)."""
    raw = f"{code} {words.decode(errors='replace') if isinstance(words, bytes) else words}"
    if code >= 500:
        number = "21211" if code in NO_SUCH_BOX else str(code)
        return ChannelError(Kind.PERMANENT, code=number, raw=raw)
    return ChannelError(Kind.TEMPORARY, code=str(code), raw=raw)
