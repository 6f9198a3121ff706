"""The fake carrier: accepts messages and calls over HTTP, lists them, and signs what it calls back.

It reads HTTP by itself, on asyncio streams, because it must be able to do what no framework does: take a request and
cut the connection, or answer with half of a line.
"""

import asyncio
import base64
import json
import random
import re
import secrets
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote

from twilio.request_validator import RequestValidator

from tests.fake_carrier.description import Description

ACCOUNT = "AC" + "0" * 32
TOKEN = "fake-auth-token"
_PATH = re.compile(r"^/2010-04-01/Accounts/(AC[0-9a-f]{32})/(Messages|Calls)(?:/([A-Z]{2}[0-9a-f]{32}))?\.json$")


@dataclass
class Behaviour:
    """How it misbehaves: shares of all requests (0 to 1), and numbers with a fate of their own."""

    latency_s: float = 0.0
    lost_reply: float = 0.0
    """Accepted, and the connection cut before the answer."""
    reset: float = 0.0
    """The connection cut before anything is accepted."""
    too_many: float = 0.0
    """429, code 20429."""
    server_error: float = 0.0
    """503 before anything is accepted."""
    error_after_accepting: float = 0.0
    """502 although it was accepted."""
    slow: float = 0.0
    slow_s: float = 1.0
    down: bool = False
    """Every request is answered 503, whether something is handed over or asked."""
    refused: dict[str, int] = field(default_factory=dict)
    """Number → code of a 400, as 21211 or 21610."""
    fate: dict[str, tuple[str, int | None]] = field(default_factory=dict)
    """Number → last status and error code, as ("undelivered", 30005); default: delivered, or completed."""
    machines: set[str] = field(default_factory=set)
    """Numbers at which an answering machine takes the call."""


@dataclass
class Message:
    sid: str
    form: Mapping[str, str]
    created: datetime
    status: str = "queued"
    error_code: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The members of the description's example, in its types."""
        uri = f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{self.sid}"
        service = self.form.get("MessagingServiceSid")
        return {
            "account_sid": ACCOUNT,
            "api_version": "2010-04-01",
            "body": self.form.get("Body"),
            "date_created": format_datetime(self.created),
            "date_sent": None if self.status == "queued" else format_datetime(self.created),
            "date_updated": format_datetime(self.created),
            "direction": "outbound-api",
            "error_code": self.error_code,
            "error_message": None,
            "from": self.form.get("From"),
            "messaging_service_sid": service,
            "num_media": "0",
            "num_segments": "1",
            "price": None,
            "price_unit": None,
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": self.form["To"],
            "uri": f"{uri}.json",
        }


@dataclass
class Call:
    sid: str
    form: Mapping[str, str]
    created: datetime
    status: str = "queued"
    answered_by: str | None = None
    duration: str | None = None

    def to_json(self) -> dict[str, Any]:
        uri = f"/2010-04-01/Accounts/{ACCOUNT}/Calls/{self.sid}"
        return {
            "account_sid": ACCOUNT,
            "answered_by": self.answered_by,
            "api_version": "2010-04-01",
            "caller_name": None,
            "date_created": format_datetime(self.created),
            "date_updated": format_datetime(self.created),
            "direction": "outbound-api",
            "duration": self.duration,
            "end_time": None,
            "forwarded_from": None,
            "from": self.form["From"],
            "from_formatted": self.form["From"],
            "group_sid": None,
            "parent_call_sid": None,
            "phone_number_sid": "PN" + "0" * 32,
            "price": None,
            "price_unit": "USD",
            "sid": self.sid,
            "start_time": None if self.status == "queued" else format_datetime(self.created),
            "status": self.status,
            "subresource_uris": {
                name: f"{uri}/{path}.json"
                for name, path in (
                    ("notifications", "Notifications"),
                    ("recordings", "Recordings"),
                    ("payments", "Payments"),
                    ("events", "Events"),
                    ("siprec", "Siprec"),
                    ("streams", "Streams"),
                    ("transcriptions", "Transcriptions"),
                    ("user_defined_message_subscriptions", "UserDefinedMessageSubscriptions"),
                    ("user_defined_messages", "UserDefinedMessages"),
                )
            },
            "to": self.form["To"],
            "to_formatted": self.form["To"],
            "trunk_sid": None,
            "uri": f"{uri}.json",
            "queue_time": "1000",
        }


@dataclass(frozen=True)
class Event:
    """One signed request that the carrier makes to us."""

    url: str
    form: Mapping[str, str]

    @property
    def headers(self) -> dict[str, str]:
        signature = RequestValidator(TOKEN).compute_signature(self.url, dict(self.form))
        return {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}


class FakeCarrier:
    """Runs in a thread of its own: `with FakeCarrier(description) as fake: … fake.url`.

    Two processes of ours can use one fake: it is a server like any other.
    """

    def __init__(self, description: Description | None = None, *, seed: int = 1) -> None:
        self.behaviour = Behaviour()
        self.messages: dict[str, Message] = {}
        self.calls: dict[str, Call] = {}
        self.faults: list[str] = []
        """What the description does not allow; a test that ends with one has failed."""
        self.requests: Counter[str] = Counter()
        self._description = description
        self._chance = random.Random(seed)  # noqa: S311
        self._by_number: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        self._loop: asyncio.AbstractEventLoop
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fake-carrier", daemon=True)
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "FakeCarrier":
        self._loop = asyncio.new_event_loop()
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    # ── What a test asks it ─────────────────────────────────────────────────────────────────────────────────────

    def sent_to(self, number: str) -> list[Message]:
        return [self.messages[sid] for sid in self._by_number["Messages", number]]

    def called(self, number: str) -> list[Call]:
        return [self.calls[sid] for sid in self._by_number["Calls", number]]

    def doubles(self) -> dict[str, int]:
        """Addresses of ours (each has its own handle) that were handed over more than once."""
        everything = [one.form["StatusCallback"] for one in self.messages.values()]
        everything += [one.form["StatusCallback"] for one in self.calls.values()]
        return {url: count for url, count in Counter(everything).items() if count > 1}

    def events_of(self, message: Message, *statuses: str) -> list[Event]:
        """What the carrier says about a message, in its right order; `statuses` or all that lead to its fate."""
        last, code = self.behaviour.fate.get(message.form["To"], ("delivered", None))
        events = []
        for status in statuses or ("queued", "sent", last):
            form = {
                "MessageSid": message.sid,
                "SmsSid": message.sid,
                "AccountSid": ACCOUNT,
                "ApiVersion": "2010-04-01",
                "From": message.form.get("From", ""),
                "To": message.form["To"],
                "MessageStatus": status,
                "SmsStatus": status,
            }
            if status == last and code is not None:
                form["ErrorCode"] = str(code)
            events.append(Event(message.form["StatusCallback"], form))
        return events

    def events_of_call(self, call: Call, *statuses: str, duration: int = 42) -> list[Event]:
        """As `events_of`, with the length and whether a machine took it."""
        last, _ = self.behaviour.fate.get(call.form["To"], ("completed", None))
        usual = ("initiated", "ringing", "in-progress", last) if last == "completed" else ("initiated", "ringing", last)
        events = []
        for status in statuses or usual:
            form = {
                "CallSid": call.sid,
                "AccountSid": ACCOUNT,
                "From": call.form["From"],
                "To": call.form["To"],
                "CallStatus": status,
                "Direction": "outbound-api",
                "ApiVersion": "2010-04-01",
            }
            if status == "completed":
                form["CallDuration"] = str(duration)
            if call.form["To"] in self.behaviour.machines:
                form["AnsweredBy"] = "machine_start"
            events.append(Event(call.form["StatusCallback"], form))
        return events

    # ── HTTP ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)

        async def begin() -> asyncio.Server:
            server = await asyncio.start_server(self._connection, "127.0.0.1", self.port, backlog=512)
            self.port = server.sockets[0].getsockname()[1]
            self._ready.set()
            return server

        async def end(server: asyncio.Server) -> None:
            server.close()
            tasks = asyncio.all_tasks(self._loop) - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        server = self._loop.run_until_complete(begin())
        self._loop.run_forever()
        self._loop.run_until_complete(end(server))
        self._loop.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                line, *rest = head.split("\r\n")
                method, target, _ = line.split(" ", 2)
                headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in rest)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                answer = await self._answer(method, target, headers, body)
                if answer is None:
                    return  # the connection is cut, without a goodbye
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    async def _answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> bytes | None:
        path, _, query = target.partition("?")
        if path.startswith("/_fake/"):
            return self._control(path, body)
        found = _PATH.match(path)
        self.requests[f"{method} {found[2] if found else path}"] += 1
        if not self._authorised(headers):
            return _reply(401, {"code": 20003, "message": "Authenticate", "status": 401})
        if found is None:
            return _reply(404, {"code": 20404, "message": "not found", "status": 404})
        if self._description is not None:
            faults = self._description.faults(method=method, path=path, query=query, body=body, account=found[1])
            if faults:
                self.faults += faults
                return _reply(400, {"code": 20001, "message": "; ".join(faults), "status": 400})
        if self.behaviour.latency_s:
            await asyncio.sleep(self.behaviour.latency_s)
        if method == "GET" and not self.behaviour.down:
            return self._list(found[2], query)
        return await self._create(found[2], dict(parse_qsl(body.decode(), keep_blank_values=True)))

    def _authorised(self, headers: Mapping[str, str]) -> bool:
        wanted = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        return headers.get("authorization") == f"Basic {wanted}"

    async def _create(self, kind: str, form: Mapping[str, str]) -> bytes | None:  # noqa: PLR0911  a list of fates
        bad = self.behaviour
        if bad.down or self._falls(bad.server_error):
            return _reply(503, {"code": 20503, "message": "unavailable", "status": 503})
        if self._falls(bad.reset):
            return None
        if self._falls(bad.too_many):
            return _reply(429, {"code": 20429, "message": "Too Many Requests", "status": 429})
        if form["To"] in bad.refused:
            code = bad.refused[form["To"]]
            return _reply(400, {"code": code, "message": f"{form['To']} refused", "status": 400})
        if self._falls(bad.slow):
            await asyncio.sleep(bad.slow_s)
        made = self._accept(kind, form)
        if self._falls(bad.lost_reply):
            return None
        if self._falls(bad.error_after_accepting):
            return _reply(502, None)
        return _reply(201, made.to_json())

    def _falls(self, share: float) -> bool:
        return share > 0 and self._chance.random() < share

    def _accept(self, kind: str, form: Mapping[str, str]) -> Message | Call:
        now = datetime.now(UTC)
        made: Message | Call
        if kind == "Messages":
            made = self.messages[f"SM{secrets.token_hex(16)}"] = Message("", form, now)
            made.sid = next(reversed(self.messages))
        else:
            made = self.calls[f"CA{secrets.token_hex(16)}"] = Call("", form, now)
            made.sid = next(reversed(self.calls))
        self._by_number[kind, form["To"]].append(made.sid)
        return made

    def _list(self, kind: str, query: str) -> bytes:
        """Newest first, by number, one page."""
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        everything: Mapping[str, Message | Call] = self.messages if kind == "Messages" else self.calls
        sids = self._by_number[kind, asked["To"]] if "To" in asked else list(everything)
        found = [everything[sid].to_json() for sid in reversed(sids)]
        if "From" in asked:
            found = [one for one in found if one["from"] == asked["From"]]
        size = int(asked.get("PageSize", "50"))
        uri = f"/2010-04-01/Accounts/{ACCOUNT}/{kind}.json?To={quote(asked.get('To', ''))}&PageSize={size}&Page=0"
        page = {
            "end": max(0, len(found[:size]) - 1),
            "first_page_uri": uri,
            "next_page_uri": None,
            "page": 0,
            "page_size": size,
            "previous_page_uri": None,
            "start": 0,
            "uri": uri,
            kind.lower(): found[:size],
        }
        return _reply(200, page)

    def _control(self, path: str, body: bytes) -> bytes:
        """For benchmarks, where the fake is a process of its own: read its figures, and set how it misbehaves."""
        if path == "/_fake/behaviour":
            for name, value in json.loads(body).items():
                setattr(self.behaviour, name, value)
        if path == "/_fake/forget":
            self.messages.clear()
            self.calls.clear()
            self._by_number.clear()
        doubles = self.doubles()
        return _reply(
            200,
            {
                "messages": len(self.messages),
                "calls": len(self.calls),
                "doubles": len(doubles),
                "distinct": len(self.messages) + len(self.calls) - sum(count - 1 for count in doubles.values()),
                "faults": self.faults[:5],
                "requests": dict(self.requests),
                "sids": [*self.messages, *self.calls] if path == "/_fake/sids" else [],
            },
        )


def _reply(status: int, document: Mapping[str, Any] | None) -> bytes:
    body = b"" if document is None else json.dumps(document).encode()
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def wait_until(true: Callable[[], object], *, seconds: float = 20) -> None:
    """Fails when it has not become true by then."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
