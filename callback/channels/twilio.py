"""Twilio: messages and calls through its own client library, with failures told apart, and its signatures checked."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from urllib3.exceptions import NewConnectionError

from callback.channels.protocol import Accepted, Addresses, ChannelError, Outgoing
from callback.domain.sending import NOT_NOW, OUR_CREDENTIALS, Kind
from callback.domain.words import Channel, SendKind
from callback.errors import Invalid
from callback.settings import Settings

CALL_EVENTS = ["initiated", "ringing", "answered", "completed"]
RING_S = 25
"""Seconds; shorter than most machines take to answer."""
LONGEST_CALL_S = 300
"""An automatic call never lasts longer."""
LONGEST_AGENT_CALL_S = 3600
LATEST_VALIDITY_S = 36_000
"""The longest `ValidityPeriod` that the carrier takes."""
LOOKED_THROUGH = 200
"""Messages to one number that are looked through when the carrier is asked."""
CLOCKS_DIFFER = timedelta(seconds=60)
SIGNATURE_HEADER = "X-Twilio-Signature"


class OnceHttpClient(HttpClient):  # type: ignore[misc]
    """The client library's transport without repetition and without its log of numbers and texts."""

    def __init__(self, *, timeout: float) -> None:
        super().__init__(None, False, timeout)
        self._timeout = timeout
        self._session = requests.Session()
        adapter = HTTPAdapter(pool_connections=2, pool_maxsize=64, max_retries=0)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def close(self) -> None:
        self._session.close()

    def request(  # noqa: PLR0917  the library's own signature
        self,
        method: str,
        url: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """One request, sent once."""
        answer = self._session.request(
            method,
            url,
            params=params,  # type: ignore[arg-type]
            data=data,
            headers=headers,
            auth=auth,
            timeout=timeout or self._timeout,
            allow_redirects=allow_redirects,
        )
        return Response(answer.status_code, answer.text, answer.headers)


class _Twilio:
    """What messages and calls share."""

    is_real = True

    def __init__(self, settings: Settings, *, sender: str | None, rate: float) -> None:
        if settings.twilio_account_sid is None or settings.twilio_auth_token is None or not sender:
            raise Invalid("channel_not_configured", channel=self.__class__.__name__)
        self.sender = sender
        self.rate = rate
        self.addresses = Addresses(settings.public_url)
        self._account = settings.twilio_account_sid
        self._token = settings.twilio_auth_token.get_secret_value()
        self._api_url = settings.twilio_api_url
        self._http = OnceHttpClient(timeout=settings.send_timeout_s)
        self._local = threading.local()

    def close(self) -> None:
        self._http.close()

    def _client(self) -> Client:
        """One for each thread; the connections are shared."""
        client: Client | None = getattr(self._local, "client", None)
        if client is None:
            client = Client(self._account, self._token, http_client=self._http)
            if self._api_url is not None:
                client.api.base_url = self._api_url
            self._local.client = client
        return client


class TwilioSms(_Twilio):
    name = "twilio_sms"
    channel = Channel.SMS

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, sender=settings.twilio_from, rate=settings.twilio_segments_per_s)

    def send(self, outgoing: Outgoing, *, now: datetime) -> Accepted:
        """Hand the message over; the carrier drops it when the customer's window has closed."""
        whose: dict[str, Any] = {"from_": outgoing.sender}
        if outgoing.sender.startswith("MG"):
            whose = {"messaging_service_sid": outgoing.sender}
        if outgoing.closes_at is not None:
            whose["validity_period"] = validity(outgoing.closes_at, now)
        try:
            message = self._client().messages.create(
                to=outgoing.address,
                body=outgoing.body,
                status_callback=self.addresses.of("message", outgoing.handle),
                **whose,
            )
        except Exception as error:
            raise failed(error) from error
        return Accepted(message.sid, _word(message.status))

    def find(self, outgoing: Outgoing, *, since: datetime, known: frozenset[str]) -> Accepted | None:
        """The message with exactly this text to this number, made no earlier than we began to hand it over."""
        try:
            found = self._client().messages.list(to=outgoing.address, limit=LOOKED_THROUGH)
        except Exception as error:
            raise asked_in_vain(error) from error
        ours = [one for one in found if one.body == outgoing.body and one.direction != "inbound"]
        return _earliest(ours, since=since, known=known)


class TwilioVoice(_Twilio):
    name = "twilio_voice"
    channel = Channel.VOICE

    def __init__(self, settings: Settings) -> None:
        sender = settings.twilio_voice_from or settings.twilio_from
        super().__init__(settings, sender=sender, rate=settings.twilio_calls_per_s)

    def send(self, outgoing: Outgoing, *, now: datetime) -> Accepted:  # noqa: ARG002
        """Have the number called; what is said is asked for when somebody answers."""
        bridge = outgoing.kind is SendKind.BRIDGE
        more: dict[str, Any] = {"time_limit": LONGEST_AGENT_CALL_S if bridge else LONGEST_CALL_S}
        if not bridge:
            more["machine_detection"] = "Enable"
        try:
            call = self._client().calls.create(
                to=outgoing.address,
                from_=outgoing.sender,
                url=self.addresses.of("bridge" if bridge else "voice", outgoing.handle),
                method="POST",
                status_callback=self.addresses.of("call", outgoing.handle),
                status_callback_method="POST",
                status_callback_event=CALL_EVENTS,
                timeout=RING_S,
                **more,
            )
        except Exception as error:
            raise failed(error) from error
        return Accepted(call.sid, _word(call.status))

    def find(self, outgoing: Outgoing, *, since: datetime, known: frozenset[str]) -> Accepted | None:
        """The call from our number to this one, made no earlier than we began to hand it over."""
        try:
            found = self._client().calls.list(to=outgoing.address, from_=outgoing.sender, limit=LOOKED_THROUGH)
        except Exception as error:
            raise asked_in_vain(error) from error
        return _earliest(found, since=since, known=known)


def validity(closes_at: datetime, now: datetime) -> int:
    """`ValidityPeriod` in seconds: 1 to 36,000."""
    return max(1, min(int((closes_at - now).total_seconds()), LATEST_VALIDITY_S))


def _earliest(found: Iterable[Any], *, since: datetime, known: frozenset[str]) -> Accepted | None:
    candidates = [
        one
        for one in found
        if one.sid not in known and one.date_created is not None and _made(one) >= since - CLOCKS_DIFFER
    ]
    if not candidates:
        return None
    first = min(candidates, key=_made)
    return Accepted(first.sid, _word(first.status))


def _made(one: Any) -> datetime:
    made: datetime = one.date_created
    return made if made.tzinfo is not None else made.replace(tzinfo=UTC)


def _word(status: Any) -> str | None:
    return None if status is None else str(getattr(status, "value", status))


def failed(error: Exception) -> ChannelError:
    """Which kind of failure this was. What may have been accepted is `UNKNOWN`, whatever the carrier called it."""
    if isinstance(error, TwilioRestException):
        return _refused(error)
    if isinstance(error, requests.exceptions.ConnectTimeout) or never_connected(error):
        return ChannelError(Kind.TEMPORARY, raw=type(error).__name__)
    if isinstance(error, requests.exceptions.RequestException | TwilioException | ValueError | KeyError | TypeError):
        # Also an answer that cannot be read: the request was taken, and nobody knows what for.
        return ChannelError(Kind.UNKNOWN, raw=type(error).__name__)
    raise error


def never_connected(error: Exception) -> bool:
    """Nobody listened: the request never left."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.exceptions.ConnectionError) and isinstance(reason, NewConnectionError)


def _refused(error: TwilioRestException) -> ChannelError:
    code = None if error.code is None else str(error.code)
    status = int(error.status)
    if status == 429 or (status < 500 and code in NOT_NOW):
        return ChannelError(Kind.TEMPORARY, code=code or "20429", raw=str(status))
    if status >= 500:
        # Some gateways in between say 502 or 504 for what has been accepted: asked first, repeated then.
        return ChannelError(Kind.UNKNOWN, code=code, raw=str(status))
    if status in (401, 403) and code is None:
        return ChannelError(Kind.PERMANENT, code=OUR_CREDENTIALS, raw=str(status))
    if code is None:
        return ChannelError(Kind.UNKNOWN, raw=str(status))
    return ChannelError(Kind.PERMANENT, code=code, raw=str(status))


def asked_in_vain(error: Exception) -> ChannelError:
    """The carrier could not be asked: ask again later."""
    if isinstance(error, TwilioException | requests.exceptions.RequestException | ValueError | KeyError | TypeError):
        return ChannelError(Kind.UNKNOWN, raw=type(error).__name__)
    raise error


class Signature:
    """Whether a request comes from the carrier: HMAC over the configured public address and the form.

    Behind a proxy the address in the request is not the one that the carrier has signed, so it is never used.
    """

    def __init__(self, *, auth_token: str, public_url: str) -> None:
        self._validator = RequestValidator(auth_token)
        self._public_url = public_url.rstrip("/")

    def holds(self, *, path: str, query: str, form: Sequence[tuple[str, str]], signature: str) -> bool:
        """`path` and `query` as they were requested; `form` as it came, with repeated names."""
        address = self._public_url + path + (f"?{query}" if query else "")
        return bool(self._validator.validate(address, _Form(form), signature))


class _Form(dict[str, str]):
    """A form in the shape that the validator reads: a repeated name counts with each of its values."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        super().__init__(pairs)
        self._pairs = pairs

    def getall(self, name: str) -> list[str]:
        return [value for key, value in self._pairs if key == name]
