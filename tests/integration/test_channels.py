"""The other ways out: a gateway by description, a mail server, the sandbox; and the judge of them all."""

import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from callback.channels.protocol import ChannelError, Outgoing, SendChannel
from callback.channels.registry import GROUP, OURS, open_channels
from callback.domain.sending import Kind, failure_of
from callback.domain.words import Channel, SendKind
from callback.errors import Invalid
from callback.settings import load_settings
from tests.fake_carrier.description import ACCOUNT, load
from tests.fake_carrier.server import Call, Message
from tests.integration.conftest import StandingClock

SECRET = "gateway-secret"
FILE = """
url = "{url}/send"
sender = "1069012345"
segments_per_s = 20
secret_env = "TEST_SMS_SECRET"
body = '''{{
  "mobile": {{{{ to_national | json }}}}, "content": {{{{ text | json }}}}, "ref": {{{{ handle | json }}}}
}}'''
[signing]
header = "X-Signature"
[answers]
id = "data.msgid"
code = "code"
ok = ["0"]
temporary = ["busy"]
failures = {{ "1001" = "21211" }}
[reports]
id = "msgid"
status = "status"
signature_header = "X-Signature"
statuses = {{ DELIVRD = "delivered" }}
[inbound]
id = "moid"
address = "from"
text = "content"
signature_header = "X-Signature"
[query]
url = "{url}/query?ref={{{{ handle }}}}"
id = "data.msgid"
"""


class Gateway:
    """Somebody else's gateway: checks our signature, answers as it is told."""

    def __init__(self) -> None:
        self.taken: dict[str, dict[str, Any]] = {}
        self.answer: tuple[int, Any] = (200, None)
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                wanted = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
                assert self.headers["X-Signature"] == wanted
                asked = json.loads(body)
                status, document = gateway.answer
                if document is None:
                    gateway.taken[asked["ref"]] = asked
                    document = {"code": 0, "data": {"msgid": f"G{len(gateway.taken)}"}}
                self._reply(status, document)

            def do_GET(self) -> None:
                reference = self.path.partition("ref=")[2]
                if reference in gateway.taken:
                    self._reply(200, {"data": {"msgid": "G1"}})
                else:
                    self._reply(404, {})

            def _reply(self, status: int, document: Any) -> None:
                data = document if isinstance(document, bytes) else json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    made = Gateway()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def way(gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    path = tmp_path / "gateway.toml"
    path.write_text(FILE.format(url=gateway.url), encoding="utf-8")
    monkeypatch.setenv("TEST_SMS_SECRET", SECRET)
    opened = open_channels(load_settings(gateway_file=str(path)))
    yield opened[Channel.SMS]
    opened[Channel.SMS].close()


def _outgoing(**columns: Any) -> Outgoing:
    return Outgoing(
        **{
            "handle": "h" * 22,
            "kind": SendKind.INVITATION,
            "address": "+8613800138000",
            "sender": "1069012345",
            "body": "【Demo】“满意”吗？",
            **columns,
        }
    )


def test_a_gateway_by_description(way: Any, gateway: Gateway, clock: StandingClock) -> None:
    accepted = way.send(_outgoing(), now=clock())
    assert accepted.provider_id == "G1"
    assert gateway.taken["h" * 22] == {"mobile": "13800138000", "content": "【Demo】“满意”吗？", "ref": "h" * 22}
    found = way.find(_outgoing(), since=clock(), known=frozenset())
    assert found is not None
    assert found.provider_id == "G1"
    assert way.find(_outgoing(handle="x" * 22), since=clock(), known=frozenset()) is None
    assert way.status_of("DELIVRD") == "delivered"
    assert way.status_of("NEVER_HEARD") is None


@pytest.mark.parametrize(
    ("status", "document", "kind", "code"),
    [
        (200, {"code": 1001}, Kind.PERMANENT, "21211"),
        (200, {"code": "busy"}, Kind.TEMPORARY, "busy"),
        (429, {}, Kind.TEMPORARY, "20429"),
        (502, b"<html>", Kind.UNKNOWN, None),
        (200, b"<html>", Kind.UNKNOWN, None),
        (200, {"code": 0}, Kind.UNKNOWN, "0"),
        (403, {"code": 9}, Kind.PERMANENT, "9"),
    ],
)
def test_a_gateway_that_refuses(  # noqa: PLR0917  pytest gives them by name
    way: Any, gateway: Gateway, clock: StandingClock, status: int, document: Any, kind: Kind, code: str | None
) -> None:
    gateway.answer = (status, document)
    with pytest.raises(ChannelError) as refused:
        way.send(_outgoing(), now=clock())
    assert (refused.value.kind, refused.value.code) == (kind, code)


def test_nobody_listens(way: Any, gateway: Gateway, clock: StandingClock) -> None:
    gateway.server.shutdown()
    gateway.server.server_close()
    with pytest.raises(ChannelError) as refused:
        way.send(_outgoing(), now=clock())
    assert refused.value.kind is Kind.TEMPORARY


# ── Mail ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Box:
    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.answer = "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address.startswith("nobody"):
            return "550 no such box"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802
        from email import message_from_bytes, policy

        if self.answer.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.letters.append(message_from_bytes(envelope.content, policy=policy.default))
        return self.answer


@pytest.fixture
def box() -> Iterator[tuple[Box, Any]]:
    handler = Box()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    settings = load_settings(smtp_host="127.0.0.1", smtp_port=port, smtp_from="care@example.com", smtp_starttls=False)
    yield handler, open_channels(settings)[Channel.EMAIL]
    controller.stop()


def test_a_letter(box: tuple[Box, Any], clock: StandingClock) -> None:
    handler, way = box
    letter = _outgoing(address="ann@example.com", subject="您满意吗？", body="https://x.example/s/abc\n谢谢")
    accepted = way.send(letter, now=clock())
    (got,) = handler.letters
    assert got["Message-ID"] == accepted.provider_id == f"<{'h' * 22}@example.com>"
    assert (got["Subject"], got["To"]) == ("您满意吗？", "ann@example.com")
    assert got.get_content().split() == ["https://x.example/s/abc", "谢谢"]


@pytest.mark.parametrize(
    ("address", "answer", "kind"),
    [
        ("nobody@example.com", "250 OK", Kind.PERMANENT),
        ("ann@example.com", "452 full", Kind.TEMPORARY),
        ("ann@example.com", "554 no", Kind.PERMANENT),
    ],
)
def test_a_letter_refused(box: tuple[Box, Any], clock: StandingClock, address: str, answer: str, kind: Kind) -> None:
    handler, way = box
    handler.answer = answer
    with pytest.raises(ChannelError) as refused:
        way.send(_outgoing(address=address, subject="x"), now=clock())
    assert refused.value.kind is kind


class Postman:
    """A mail server that answers word by word, and counts the letters that it has taken. `None` hangs up instead."""

    def __init__(self, **answers: str | None) -> None:
        self.answers = {"DATA": "354 go", ".": "250 taken", "QUIT": "221 bye", **answers}
        self.letters: list[str] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with self._socket:
            connection, _ = self._socket.accept()
        with connection, connection.makefile("rwb") as file:
            self._talk(file)

    def _talk(self, file: Any) -> None:
        letter: list[str] | None = None
        word: str | None = "220 hi"
        while word is not None:
            file.write(word.encode() + b"\r\n")
            file.flush()
            line = file.readline().decode().rstrip("\r\n")
            while letter is not None and line != ".":
                letter.append(line)
                line = file.readline().decode().rstrip("\r\n")
            verb = line.split(" ")[0].upper()
            word = self.answers.get(verb, "250 ok")
            if letter is not None:
                self.letters.append("\n".join(letter))
            letter = [] if verb == "DATA" and word is not None and word.startswith("354") else None
            if verb in ("QUIT", ""):
                if word is not None:
                    file.write(word.encode() + b"\r\n")
                    file.flush()
                return

    def way(self, **settings: object) -> SendChannel:
        found = load_settings(
            smtp_host="127.0.0.1", smtp_port=self.port, smtp_from="care@example.com", smtp_starttls=False, **settings
        )
        return open_channels(found)[Channel.EMAIL]


@pytest.mark.parametrize("goodbye", ["421 shutting down", "500 what?", None])
def test_a_letter_that_was_taken_was_sent_whatever_the_goodbye(clock: StandingClock, goodbye: str | None) -> None:
    postman = Postman(QUIT=goodbye)
    accepted = postman.way().send(_outgoing(address="ann@example.com", subject="x"), now=clock())
    assert accepted.status == "sent"
    assert len(postman.letters) == 1


def test_a_letter_whose_receipt_was_lost_may_have_arrived(clock: StandingClock) -> None:
    """Cut between the letter and its reply: not known, and what is asked about it says that it counts as sent."""
    postman = Postman(**{".": None})
    letter = _outgoing(address="ann@example.com", subject="x")
    with pytest.raises(ChannelError) as lost:
        postman.way().send(letter, now=clock())
    assert lost.value.kind is Kind.UNKNOWN
    assert len(postman.letters) == 1
    assert postman.way().find(letter, since=clock(), known=frozenset()) is not None


@pytest.mark.parametrize(
    ("verb", "answer", "kind", "code"),
    [
        ("MAIL", "550 you may not send", Kind.PERMANENT, "21606"),
        ("MAIL", "451 later", Kind.TEMPORARY, "451"),
        ("AUTH", "535 wrong password", Kind.PERMANENT, "20003"),
        ("AUTH", "454 later", Kind.TEMPORARY, "454"),
    ],
)
def test_a_mail_server_that_refuses_us_says_nothing_about_the_customer(
    clock: StandingClock, verb: str, answer: str, kind: Kind, code: str
) -> None:
    postman = Postman(**{verb: answer, "EHLO": "250-hi\r\n250 AUTH PLAIN"})
    secrets = {"smtp_user": "we", "smtp_password": "secret"} if verb == "AUTH" else {}
    with pytest.raises(ChannelError) as refused:
        postman.way(**secrets).send(_outgoing(address="ann@example.com", subject="x"), now=clock())
    assert (refused.value.kind, refused.value.code) == (kind, code)
    assert failure_of(refused.value.code).ours is (kind is Kind.PERMANENT)


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_a_letter_has_its_way_out(clock: StandingClock, scheme: str) -> None:
    postman = Postman()
    way = postman.way(public_url=f"{scheme}://callback.example/")
    body = f"Hello\n{scheme}://callback.example/s/AbC_d-1\nBye"
    way.send(_outgoing(address="ann@example.com", subject="x", body=body), now=clock())
    (letter,) = postman.letters
    assert f"List-Unsubscribe: <{scheme}://callback.example/s/AbC_d-1/unsubscribe>" in letter
    assert ("List-Unsubscribe-Post: List-Unsubscribe=One-Click" in letter) is (scheme == "https")


# ── All of them ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_ours_are_registered_as_anybody_s_would_be() -> None:
    import tomllib

    project = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    registered = project["project"]["entry-points"][GROUP]
    assert registered == {name: f"{one.__module__}:{one.__name__}" for name, one in OURS.items()}


def test_what_is_configured_is_used_and_faults_are_named() -> None:
    assert not open_channels(load_settings())
    assert set(open_channels(load_settings(channels="sandbox_sms,sandbox_email"))) == {Channel.SMS, Channel.EMAIL}
    for channels, code in (
        ("carrier_pigeon", "channel_unknown"),
        ("twilio_sms", "channel_not_configured"),
        ("sandbox_sms,sandbox_sms", "channel_twice"),
    ):
        with pytest.raises(Invalid) as refused:
            open_channels(load_settings(channels=channels))
        assert refused.value.code == code


def test_the_fake_speaks_as_the_description_s_own_examples(shared: Path, clock: StandingClock) -> None:
    description = load(shared / "data" / "twilio_api_v2010.json")
    form = {"To": "+12125550100", "From": "+15005550006", "Body": "x"}
    made = {
        "Messages": Message("SM" + "0" * 32, form, clock()).to_json(),
        "Calls": Call("CA" + "0" * 32, form, clock() - timedelta(seconds=1)).to_json(),
    }
    for kind, schema in (("Messages", "api.v2010.account.message"), ("Calls", "api.v2010.account.call")):
        known = set(description.schema(schema)["properties"])
        assert set(made[kind]) <= known
        for example in description.examples(f"{ACCOUNT}/{kind}.json", "post", "201"):
            assert set(made[kind]) >= set(example) - {"annotation"}, kind
            for name, value in example.items():
                ours = made[kind].get(name)
                assert value is None or ours is None or type(ours) is type(value), (kind, name, ours, value)
