"""E-mail over SMTP: plain text with a link to the web page."""

import contextlib
import re
import smtplib
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

from callback.channels.protocol import Accepted, ChannelError, Outgoing
from callback.domain.sending import OUR_CREDENTIALS, OUR_SENDER, Kind
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
        # The customer's own page, which is in every letter that invites to a survey (`renderings.survey_link`).
        self._link = re.compile(re.escape(settings.public_url.rstrip("/")) + r"/s/[\w-]+")

    def send(self, outgoing: Outgoing, *, now: datetime) -> Accepted:
        """Hand the letter to the mail server, with a Message-ID made of our handle."""
        letter = self._letter(outgoing, now)
        server: smtplib.SMTP | None = None
        try:
            server = self._connected()
            server.send_message(letter)
        except smtplib.SMTPRecipientsRefused as error:
            raise _of_reply(*next(iter(error.recipients.values()))) from error
        except smtplib.SMTPAuthenticationError as error:
            raise _ours(error, OUR_CREDENTIALS) from error
        except smtplib.SMTPSenderRefused as error:
            # About our own address, whatever the number says: it is not the customer's box that is missing.
            raise _ours(error, OUR_SENDER) from error
        except smtplib.SMTPResponseException as error:
            raise _of_reply(error.smtp_code, error.smtp_error) from error
        except (OSError, smtplib.SMTPException) as error:
            # Before the letter was begun nothing can have arrived; afterwards only the server knows.
            kind = Kind.TEMPORARY if server is None else Kind.UNKNOWN
            raise ChannelError(kind, raw=type(error).__name__) from error
        finally:
            if server is not None:
                _leave(server)
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
        self._add_way_out(letter, outgoing)
        letter.set_content(outgoing.body)
        return letter

    def _add_way_out(self, letter: EmailMessage, outgoing: Outgoing) -> None:
        """RFC 2369, and RFC 8058's one click where the page is under TLS, as it asks for: a mail program shows a button
        that stops these letters, which beats the one that says "junk"."""
        link = self._link.search(outgoing.body)
        if link is None:
            return
        letter["List-Unsubscribe"] = f"<{link[0]}/unsubscribe>"
        if link[0].startswith("https://"):
            letter["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"

    def _message_id(self, outgoing: Outgoing) -> str:
        domain = self.sender.rpartition("@")[2].rstrip(">") or "localhost"
        return f"<{outgoing.handle}@{domain}>"


def _leave(server: smtplib.SMTP) -> None:
    """Say goodbye. Whatever the server answers, or whether it does: what became of the letter is known already."""
    with contextlib.suppress(OSError, smtplib.SMTPException):
        server.quit()
    server.close()


def _ours(error: smtplib.SMTPResponseException, code: str) -> ChannelError:
    """Our credentials or our address are refused: for good, unless the server says that it is for now."""
    if error.smtp_code < 500:
        return _of_reply(error.smtp_code, error.smtp_error)
    return ChannelError(Kind.PERMANENT, code=code, raw=str(error.smtp_code))


def _of_reply(code: int, words: bytes | str) -> ChannelError:
    """5xx is for good, 4xx for now (RFC 5321 §4.2.1)."""
    raw = f"{code} {words.decode(errors='replace') if isinstance(words, bytes) else words}"
    if code >= 500:
        number = "21211" if code in NO_SUCH_BOX else str(code)
        return ChannelError(Kind.PERMANENT, code=number, raw=raw)
    return ChannelError(Kind.TEMPORARY, code=str(code), raw=raw)
