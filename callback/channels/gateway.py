"""Any SMS gateway that speaks HTTP, described by a file: address, templates, signature, and what its answers mean.

In mainland China Twilio is rarely the carrier; most gateways there take one signed POST. The file is TOML and described
in docs/channels.md; the secret comes from the environment variable that the file names and is never logged.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import tomllib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

import requests
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from callback.channels.protocol import Accepted, Addresses, ChannelError, Outgoing
from callback.channels.twilio import never_connected
from callback.domain.sending import OUR_CREDENTIALS, Kind
from callback.domain.words import Channel
from callback.errors import Invalid
from callback.settings import Settings

_ALGORITHMS = {"hmac-sha256": hashlib.sha256, "hmac-sha1": hashlib.sha1}
_FILTERS: Mapping[str, Callable[[Any], str]] = {
    "json": lambda value: json.dumps(value, ensure_ascii=False),
    # For gateways that sign by hashing a text with the secret in it; how good that is they have decided.
    "md5": lambda value: hashlib.md5(str(value).encode(), usedforsecurity=False).hexdigest(),
    "sha1": lambda value: hashlib.sha1(str(value).encode(), usedforsecurity=False).hexdigest(),
    "sha256": lambda value: hashlib.sha256(str(value).encode()).hexdigest(),
    "base64": lambda value: base64.b64encode(str(value).encode()).decode(),
}
"""Beside Jinja's own, of which `urlencode`, `upper` and `lower` are of use."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Signing(_Part):
    """`text` is signed with the secret; the signature goes into `header`, or into the templates as `signature`."""

    algorithm: Literal["hmac-sha256", "hmac-sha1"] = "hmac-sha256"
    text: str = "{{ body }}"
    encoding: Literal["hex", "base64"] = "hex"
    header: str | None = None


class Answers(_Part):
    """What the gateway's JSON answers mean. Paths are names with dots: `data.0.id`."""

    id: str
    code: str | None = None
    ok: tuple[str, ...] = ()
    """Codes that mean it was taken; empty: every 2xx does."""
    temporary: tuple[str, ...] = ()
    """Codes that mean it was certainly not taken, and may be tried later."""
    failures: dict[str, str] = Field(default_factory=dict)
    """The gateway's codes in Twilio's (docs/channels.md), so that the same follows."""


class Reports(_Part):
    """What the gateway's delivery reports say. `statuses` are mapped to those of a Twilio message."""

    id: str
    status: str
    code: str | None = None
    each: str | None = None
    """Path of the list of reports in one request; without it the request is one report, or a list of them."""
    ref: str | None = None
    """Path of our own handle, where the gateway gives it back; else a report at the common address goes by its id."""
    statuses: dict[str, str]
    signature_header: str
    """Carries the signature of the raw body, made with the same algorithm and secret."""
    answer: str | None = None
    """What the gateway wants to hear, as `OK`; without it the answer is 204 and empty."""


class Inbound(_Part):
    """What the gateway posts when a customer writes (an uplink message): paths in its JSON."""

    id: str
    """The gateway's own id of the message: the same one again is the same message."""
    address: str
    """Whose it is; a number without a country code is one of `country` in the settings."""
    text: str
    to: str | None = None
    signature_header: str
    """As in `[reports]`."""


class Query(_Part):
    """How the gateway is asked whether it has a message of ours. Without this, what may have left counts as sent."""

    url: str
    method: Literal["GET", "POST"] = "GET"
    body: str = ""
    id: str
    """Path of the gateway's id; an answer without it means that it never arrived."""
    status: str | None = None


class GatewayFile(_Part):
    """The whole description."""

    url: str
    method: Literal["POST", "PUT"] = "POST"
    sender: str
    segments_per_s: float = Field(default=10, gt=0)
    content_type: Literal["application/json", "application/x-www-form-urlencoded"] = "application/json"
    body: str | None = None
    """A template of the whole body; with `form` instead, of its fields."""
    form: dict[str, str] = Field(default_factory=dict)
    headers: dict[str, str] = Field(default_factory=dict)
    secret_env: str
    signing: Signing | None = None
    answers: Answers
    reports: Reports | None = None
    inbound: Inbound | None = None
    query: Query | None = None


def read_file(path: str) -> GatewayFile:
    """Raises `Invalid("gateway_file")` naming what is wrong with it."""
    try:
        return GatewayFile.model_validate(tomllib.loads(Path(path).expanduser().read_text(encoding="utf-8")))
    except OSError as error:
        raise Invalid("gateway_file", problem=f"{path}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise Invalid("gateway_file", problem=f"{path}: {error}") from error
    except (UnicodeDecodeError, RuntimeError) as error:  # no text at all; `~somebody` who is not there
        raise Invalid("gateway_file", problem=f"{path}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise Invalid("gateway_file", problem=f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


class GatewaySms:
    name = "gateway"
    channel = Channel.SMS
    is_real = True

    def __init__(self, settings: Settings) -> None:
        if settings.gateway_file is None:
            raise Invalid("channel_not_configured", channel=self.name)
        self.file = read_file(settings.gateway_file)
        secret = os.environ.get(self.file.secret_env, "")
        if not secret:
            raise Invalid("gateway_file", problem=f"the environment has no {self.file.secret_env}")
        self._secret = secret.encode()
        self.sender = self.file.sender
        self.rate = self.file.segments_per_s
        self._timeout = settings.send_timeout_s
        self._addresses = Addresses(settings.public_url)
        self._session = requests.Session()
        self._templates = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
        self._templates.filters.update(_FILTERS)

    def send(self, outgoing: Outgoing, *, now: datetime) -> Accepted:
        """One request by the file's templates. An answer that is neither a yes nor a known no is `UNKNOWN`."""
        values = self._values(outgoing, now)
        try:
            body, headers, url = self._request(values, self.file.url, self.file.body, self.file.form)
        except TemplateError as error:
            raise ChannelError(Kind.TEMPORARY, raw=f"template: {error}") from error
        answer = self._exchange(self.file.method, url, body, headers)
        return self._understood(answer)

    def find(self, outgoing: Outgoing, *, since: datetime, known: frozenset[str]) -> Accepted | None:  # noqa: ARG002
        """Asked by the file's `[query]`. Without one it counts as sent: one message too few rather than twice."""
        query = self.file.query
        if query is None:
            return Accepted(f"GW{outgoing.handle}", None)
        body, headers, url = self._request(self._values(outgoing, since), query.url, query.body or None, {})
        try:
            answer = self._exchange(query.method, url, body, headers)
        except ChannelError as error:
            raise ChannelError(Kind.UNKNOWN, raw=error.raw) from error
        if answer.status_code == 404:
            return None
        document = _json(answer)
        if answer.status_code // 100 != 2 or document is None:
            raise ChannelError(Kind.UNKNOWN, raw=str(answer.status_code))
        found = at_path(document, query.id)
        status = at_path(document, query.status) if query.status else None
        if found in (None, ""):
            return None
        return Accepted(str(found), self.status_of(str(status)) if status is not None else None)

    def close(self) -> None:
        self._session.close()

    def status_of(self, word: str) -> str | None:
        """The gateway's word for a status in ours; None when the file does not know it."""
        return self.file.reports.statuses.get(word) if self.file.reports is not None else None

    def signature(self, text: bytes) -> str:
        """Of `text`, by the file's algorithm and the secret."""
        signing = self.file.signing or Signing()
        digest = hmac.new(self._secret, text, _ALGORITHMS[signing.algorithm]).digest()
        return digest.hex() if signing.encoding == "hex" else base64.b64encode(digest).decode()

    def _values(self, outgoing: Outgoing, now: datetime) -> dict[str, Any]:
        return {
            "to": outgoing.address,
            "to_national": outgoing.address.removeprefix("+86"),
            "sender": outgoing.sender,
            "text": outgoing.body,
            "handle": outgoing.handle,
            "report_url": self._addresses.of("gateway", outgoing.handle),
            "secret": self._secret.decode(),
            "timestamp": int(now.timestamp()),
            "time": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "nonce": secrets.token_hex(8),
        }

    def _render(self, template: str, values: Mapping[str, Any]) -> str:
        return self._templates.from_string(template).render(values)

    def _request(
        self, values: dict[str, Any], url: str, body: str | None, form: Mapping[str, str]
    ) -> tuple[bytes, dict[str, str], str]:
        """Body, headers and address. The signature is made of what the file says, the rendered body included."""
        signing = self.file.signing
        signs_body = signing is not None and "body" in signing.text
        if signing is not None and not signs_body:
            values["signature"] = self.signature(self._render(signing.text, values).encode())
        if body is not None:
            rendered = self._render(body, values)
        else:
            rendered = urlencode({name: self._render(template, values) for name, template in form.items()})
        values["body"] = rendered
        if signing is not None and signs_body:
            values["signature"] = self.signature(self._render(signing.text, values).encode())
        headers = {name: self._render(template, values) for name, template in self.file.headers.items()}
        if signing is not None and signing.header is not None:
            headers[signing.header] = values["signature"]
        if rendered:
            headers["Content-Type"] = f"{self.file.content_type}; charset=utf-8"
        return rendered.encode(), headers, self._render(url, values)

    def _exchange(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> requests.Response:
        try:
            return self._session.request(
                method, url, data=body or None, headers=headers, timeout=self._timeout, allow_redirects=False
            )
        except requests.exceptions.ConnectTimeout as error:
            raise ChannelError(Kind.TEMPORARY, raw="ConnectTimeout") from error
        except requests.exceptions.RequestException as error:
            kind = Kind.TEMPORARY if never_connected(error) else Kind.UNKNOWN
            raise ChannelError(kind, raw=type(error).__name__) from error

    def _understood(self, answer: requests.Response) -> Accepted:
        meaning = self.file.answers
        if answer.status_code == 429:
            raise ChannelError(Kind.TEMPORARY, code="20429", raw="429")
        if answer.status_code >= 500:
            raise ChannelError(Kind.UNKNOWN, raw=str(answer.status_code))
        document = _json(answer)
        if document is None:
            raise ChannelError(Kind.UNKNOWN, raw=f"{answer.status_code} without JSON")
        code = str(at_path(document, meaning.code)) if meaning.code else ""
        if code in meaning.temporary:
            raise ChannelError(Kind.TEMPORARY, code=code)
        if answer.status_code // 100 == 2 and (not meaning.ok or code in meaning.ok):
            found = at_path(document, meaning.id)
            if found in (None, ""):
                raise ChannelError(Kind.UNKNOWN, code=code, raw="no id in the answer")
            # One that never reports: nothing of it is ever known to wait in its queue.
            return Accepted(str(found), "queued" if self.file.reports is not None else "sent")
        if answer.status_code in (401, 403) and not code:
            raise ChannelError(Kind.PERMANENT, code=OUR_CREDENTIALS, raw=str(answer.status_code))
        raise ChannelError(Kind.PERMANENT, code=meaning.failures.get(code, code or str(answer.status_code)))


def _json(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None


def reports_in(document: Any, told: Reports) -> list[Any]:
    """The single reports of one request."""
    found = at_path(document, told.each) if told.each else document
    return found if isinstance(found, list) else [found]


def at_path(document: Any, path: str) -> Any:
    """The value at `data.0.id`; None when there is none."""
    for name in path.split("."):
        if isinstance(document, Mapping):
            document = document.get(name)
        elif isinstance(document, list) and name.isdecimal() and int(name) < len(document):
            document = document[int(name)]
        else:
            return None
    return document
