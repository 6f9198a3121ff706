"""What customers write back, through the real server on PostgreSQL: how fast it is taken, and that none is lost.

The carrier holds 64 connections open and delivers a tenth of all messages twice, half of those at the same time as the
first. Two loads: as many as the server takes (every connection sends as soon as it has its answer), and a fixed rate,
each message timed from the moment at which it was due.
"""

import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import func, select, text

from bench_parts import Bench, Figure, percentile
from bench_parts._carrier import ACCOUNT, CENTRE, PUBLIC_URL, ROOT, TOKEN, server, settings_of, worker
from bench_parts._due import seed
from bench_parts._posting import Delivered, deliver, signed
from callback.bootstrap import House
from callback.channels.protocol import Accepted
from callback.clock import utc_now
from callback.db.tables import Answer, InboundMessage, Response, Send
from callback.domain.words import Channel, InboundOutcome, SendKind
from callback.services import sends
from callback.services.sends import Result
from callback.services.sends.compose import texts_of
from callback.settings import Settings

SUMMARY = "customers' answers by message: 64 connections, a tenth delivered twice, beside a bare endpoint"
CONNECTIONS = 64
REPEATS = 0.1
RATE = 100.0
"""Messages a second of the steady load: 360,000 an hour."""
SAID: tuple[tuple[str, str, object], ...] = (
    ("solved", "1", True),
    ("accepted", "yes", True),
    ("attitude", "Five", 5),
    ("speed", "4", 4),
    ("recommend", "9", 9),
    ("improve", "call me a little earlier", "call me a little earlier"),
)
"""Question of the short form, what the customer writes, what it means."""


def run(bench: Bench) -> list[Figure]:
    customers = 60 if bench.small else 1_500
    bare = _bare(bench, customers)
    flat_out, figures = _ours(bench, customers, rate=None)
    steady, more = _ours(bench, customers, rate=RATE)
    bench.note(
        f"{CONNECTIONS} connections, one server process; bare endpoint {bare.per_second:.0f}/s, "
        f"ours {flat_out.per_second:.0f}/s"
    )
    return [
        Figure(name=f"answers at {RATE:.0f}/s, p99", figure=percentile(steady.times, 0.99), unit="ms", at_most=100),
        Figure(name=f"answers at {RATE:.0f}/s, p50", figure=percentile(steady.times, 0.5), unit="ms"),
        Figure(name="answers flat out, p99", figure=percentile(flat_out.times, 0.99), unit="ms", at_most=100),
        Figure(name="answers flat out, p50", figure=percentile(flat_out.times, 0.5), unit="ms"),
        Figure(name="answers flat out", figure=flat_out.per_second, unit="1/s"),
        Figure(name="bare endpoint", figure=bare.per_second, unit="1/s"),
        Figure(name="bare endpoint, p99", figure=percentile(bare.times, 0.99), unit="ms"),
        Figure(name="share of the bare endpoint", figure=flat_out.per_second / bare.per_second, unit=""),
        *figures,
        *more,
    ]


def _ours(bench: Bench, customers: int, *, rate: float | None) -> tuple[Delivered, list[Figure]]:
    settings = settings_of(bench, "http://127.0.0.1:9")  # nothing is sent in this benchmark
    with bench.house(settings) as house:
        addresses = _invited(house, settings, customers)
    with server(settings) as address:
        conversations = _conversations(addresses, port=int(address.rsplit(":", 1)[1]))
        deliver(address, _conversations(["+19990000000"], port=0, first=customers), connections=8, repeats=0, rate=None)
        reader = worker(settings, "[Reader(house)]", clock="utc_now")
        try:
            with bench.house(settings) as house:
                _wait_until_read(house)  # the one above: then the reader is at work
            began = time.monotonic()
            delivered = deliver(address, conversations, connections=CONNECTIONS, repeats=REPEATS, rate=rate)
            with bench.house(settings) as house:
                _wait_until_read(house)
                seconds = time.monotonic() - began
        finally:
            reader.kill()
            reader.wait()
    name = "flat out" if rate is None else "steady"
    bench.note(
        f"{name}: {len(delivered.times)} deliveries in {delivered.seconds:.0f} s, all read after {seconds:.0f} s"
    )
    with bench.house(settings) as house:
        return delivered, _checked(house, delivered, customers, name=name)


def _wait_until_read(house: House) -> None:
    """A worker reads what was acknowledged; nothing is lost that is not read within five minutes."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        with house.sessions() as session:
            if not session.scalar(select(func.count()).where(InboundMessage.outcome == InboundOutcome.WAITING)):
                return
        time.sleep(0.2)


def _invited(house: House, settings: Settings, customers: int) -> list[str]:
    """Customers who have just been sent their first question, through the ledger itself."""
    now = utc_now()
    seed(house, channel=Channel.SMS, count=customers, now=now.replace(hour=15))
    way, compose, done = house.channels[Channel.SMS], texts_of(settings), 0
    while done < customers:
        with house.sessions.begin() as session:
            claimed = sends.claim(
                session, way=way, now=now.replace(hour=15), lease=timedelta(minutes=5), limit=500, compose=compose
            )
            accepted = [Result(one, accepted=Accepted(f"SM{one.send_id:032d}", "queued")) for one in claimed]
            sends.record(session, accepted, way=way, now=now, settle=timedelta(minutes=1))
        if not claimed:
            raise SystemExit("the invitations are not claimed")
        done += len(claimed)
    with house.sessions() as session:
        return list(session.scalars(select(Send.address).order_by(Send.id)))


def _conversations(addresses: Sequence[str], *, port: int, first: int = 0) -> list[list[bytes]]:
    url = f"{PUBLIC_URL}/api/v1/carrier/twilio/inbound"
    return [
        [
            signed(url, _form(address, said, sid=f"SM{person:016x}{place:016x}"), token=TOKEN, port=port)
            for place, (_, said, _) in enumerate(SAID)
        ]
        for person, address in enumerate(addresses, first)
    ]


def _form(address: str, said: str, *, sid: str) -> dict[str, str]:
    """The parameters that the carrier sends with a message."""
    return {
        "ToCountry": "US",
        "ToState": "NY",
        "SmsMessageSid": sid,
        "NumMedia": "0",
        "ToCity": "NEW YORK",
        "FromZip": "10001",
        "SmsSid": sid,
        "FromState": "NY",
        "SmsStatus": "received",
        "FromCity": "NEW YORK",
        "Body": said,
        "FromCountry": "US",
        "To": CENTRE,
        "ToZip": "10001",
        "NumSegments": "1",
        "MessageSid": sid,
        "AccountSid": ACCOUNT,
        "From": address,
        "ApiVersion": "2010-04-01",
    }


def _checked(house: House, delivered: Delivered, customers: int, *, name: str) -> list[Figure]:
    """What is in the database against what was said."""
    with house.sessions() as session:
        given = session.execute(select(Answer.response_id, Answer.question, Answer.value)).tuples().all()
        complete = session.scalar(select(func.count()).select_from(Response).where(text("state = 'complete'"))) or 0
        kept = session.scalar(select(func.count()).where(InboundMessage.response_id.is_not(None))) or 0
        replies = session.scalar(select(func.count()).where(Send.kind != SendKind.INVITATION)) or 0
    meant = {question: value for question, _, value in SAID}
    right = sum(meant[question] == value for _, question, value in given)
    many = Counter((response, question) for response, question, _ in given)
    wanted = customers * len(SAID)
    return [
        Figure(name=f"{name}: not answered with 200", figure=len(delivered.bad), unit="", at_most=0),
        Figure(name=f"{name}: answers lost", figure=wanted - right, unit="", at_most=0),
        Figure(
            name=f"{name}: answers, messages or replies doubled",
            figure=sum(n - 1 for n in many.values()) + max(0, kept - wanted) + max(0, replies - wanted),
            unit="",
            at_most=0,
        ),
        Figure(name=f"{name}: surveys not complete", figure=customers - complete, unit="", at_most=0),
        Figure(name=f"{name}: replies missing", figure=max(0, wanted - replies), unit="", at_most=0),
    ]


def _bare(bench: Bench, customers: int) -> Delivered:
    """A FastAPI endpoint that reads the same form and inserts one row: no signature, no rules, no answer."""
    settings = settings_of(bench, "http://127.0.0.1:9")
    with server(settings, sys.executable, str(ROOT / "scripts/bench_parts/_bare.py")) as address:
        conversations = _conversations([f"+1212{n:07d}" for n in range(customers)], port=0)
        deliver(address, conversations[:1], connections=8, repeats=0, rate=None)
        return deliver(address, conversations[1:], connections=CONNECTIONS, repeats=0, rate=None)
