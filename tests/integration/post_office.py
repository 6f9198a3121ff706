"""A house that sends through the fake carrier, worked by hand: one step at a time, no threads, a clock that stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import select

from callback.bootstrap import House
from callback.channels.protocol import SendChannel
from callback.db.tables import Attempt, Callback, Case, ContactPoint, Customer, Decision, Send, Suppression
from callback.domain.handle import new_handle
from callback.domain.words import CallbackState, CaseStatus, Channel, ContactKind, Purpose
from callback.services import questionnaires, sends
from callback.services.planning import plan_day
from callback.services.sends import Claimed, Result
from callback.services.sends.compose import texts_of
from callback.worker.reading import Reader
from tests.fake_carrier import FakeCarrier
from tests.fake_carrier.server import Event
from tests.integration.conftest import StandingClock, application

PUBLIC_URL = "https://callback.example"
LEASE = timedelta(seconds=120)
TIMEOUT = timedelta(seconds=15)
SETTLE = timedelta(seconds=30)
_numbers = count(1)


@dataclass
class PostOffice:
    house: House
    fake: FakeCarrier
    clock: StandingClock

    def open(self) -> "PostOffice":
        with self.house.sessions.begin() as session:
            questionnaires.seed_content(session, self.clock())
        return self

    @property
    def now(self) -> datetime:
        return self.clock()

    def way(self, channel: Channel = Channel.SMS) -> SendChannel:
        return self.house.channels[channel]

    # ── What is owed ────────────────────────────────────────────────────────────────────────────────────────────

    def due(self, *, channel: Channel = Channel.SMS, phone: str | None = None, **columns: Any) -> str:
        """A survey that is due on this channel, of a customer of their own in New York; the callback's handle."""
        number = next(_numbers)
        personal = {"language", "country", "time_zone", "consents"} & columns.keys()
        whose: dict[str, Any] = {name: columns.pop(name) for name in personal}
        point = columns.pop("point", {})
        with self.house.sessions.begin() as session:
            customer = Customer(
                **{
                    "source": "post",
                    "external_id": f"P{number}",
                    "name": "Ann Smith",
                    "language": "en",
                    "country": "US",
                    "time_zone": "Asia/Shanghai",  # awake when the standing clock is
                    "consents": ["sms", "voice", "email"],
                    "created_at": self.now,
                    "updated_at": self.now,
                    **whose,
                }
            )
            session.add(customer)
            session.flush()
            address = phone or (f"p{number}@example.com" if channel is Channel.EMAIL else f"+1212555{number:04d}")
            kind = ContactKind.EMAIL if channel is Channel.EMAIL else ContactKind.PHONE
            session.add(ContactPoint(customer_id=customer.id, kind=kind, address=address, **point))
            case = Case(
                source="post",
                external_id=f"C{number}",
                customer_id=customer.id,
                subject="The lift stops",
                answer="Repaired.",
                status=CaseStatus.CLOSED,
                opened_at=self.now - timedelta(days=4),
                answered_at=self.now - timedelta(days=3),
                told_at=self.now - timedelta(days=3),
                closed_at=self.now - timedelta(days=2),
                created_at=self.now,
                updated_at=self.now,
            )
            session.add(case)
            session.flush()
            callback = Callback(
                **{
                    "handle": new_handle(),
                    "case_id": case.id,
                    "customer_id": customer.id,
                    "purpose": Purpose.SURVEY,
                    "channel": channel,
                    "state": CallbackState.WAITING,
                    "priority": 20,
                    "earliest_at": self.now - timedelta(hours=1),
                    "due_at": self.now + timedelta(hours=8),
                    "created_at": self.now,
                    "updated_at": self.now,
                    **columns,
                }
            )
            session.add(callback)
            session.flush()
            return callback.handle

    # ── One step at a time ──────────────────────────────────────────────────────────────────────────────────────

    def claim(self, *, channel: Channel = Channel.SMS, limit: int = 50) -> list[Claimed]:
        with self.house.sessions.begin() as session:
            return sends.claim(
                session,
                way=self.way(channel),
                now=self.now,
                lease=LEASE,
                limit=limit,
                compose=texts_of(self.house.settings),
            )

    def hand_over(self, claimed: Sequence[Claimed], *, channel: Channel = Channel.SMS) -> list[Result]:
        return [sends.hand_over(one, way=self.way(channel), now=self.now, timeout=TIMEOUT) for one in claimed]

    def record(self, results: Sequence[Result], *, channel: Channel = Channel.SMS) -> None:
        with self.house.sessions.begin() as session:
            sends.record(session, results, way=self.way(channel), now=self.now, settle=SETTLE)

    def round(self, *, channel: Channel = Channel.SMS, limit: int = 50) -> list[Result]:
        """Claim, hand over, record."""
        results = self.hand_over(self.claim(channel=channel, limit=limit), channel=channel)
        self.record(results, channel=channel)
        return results

    def look_after(self, *, channel: Channel = Channel.SMS) -> int:
        return sends.look_after(self.house.sessions, way=self.way(channel), clock=self.clock, settle=SETTLE)

    def plan(self) -> None:
        plan_day(self.house.sessions, now=self.now, zone=self.house.zone, carriers=self.house.carriers)

    def client(self) -> TestClient:
        return TestClient(application(self.house, of="post office"), base_url=PUBLIC_URL, client=("192.0.2.9", 5000))

    def receive(self, *events: Event) -> list[int]:
        """The carrier's requests, over HTTP with their signatures; the statuses we answer with."""
        client = self.client()
        answers = [client.post(event.url, data=dict(event.form), headers=event.headers) for event in events]
        self.read()
        return [answer.status_code for answer in answers]

    def read(self) -> int:
        """What customers wrote, as a worker reads it."""
        return Reader(self.house).round()

    # ── Looking ─────────────────────────────────────────────────────────────────────────────────────────────────

    def callback(self, handle: str) -> Callback:
        with self.house.sessions() as session:
            return session.scalars(select(Callback).where(Callback.handle == handle)).one()

    def addresses(self, handle: str) -> Sequence[str]:
        """Of the callback's customer."""
        with self.house.sessions() as session:
            query = select(ContactPoint.address).join(Callback, Callback.customer_id == ContactPoint.customer_id)
            return session.scalars(query.where(Callback.handle == handle)).all()

    def attempts(self, handle: str) -> Sequence[Attempt]:
        with self.house.sessions() as session:
            query = select(Attempt).join(Callback, Callback.id == Attempt.callback_id)
            return session.scalars(query.where(Callback.handle == handle).order_by(Attempt.id)).all()

    def sends(self, handle: str) -> Sequence[Send]:
        with self.house.sessions() as session:
            query = select(Send).join(Callback, Callback.id == Send.callback_id)
            return session.scalars(query.where(Callback.handle == handle).order_by(Send.id)).all()

    def the_send(self, handle: str) -> Send:
        (send,) = self.sends(handle)
        return send

    def segments(self) -> Sequence[int]:
        with self.house.sessions() as session:
            return session.scalars(select(Send.segments)).all()

    def decisions(self, handle: str) -> list[tuple[str, str]]:
        with self.house.sessions() as session:
            query = select(Decision).join(Callback, Callback.id == Decision.callback_id)
            found = session.scalars(query.where(Callback.handle == handle).order_by(Decision.id))
            return [(one.rule, one.verdict) for one in found]

    def suppressions(self) -> list[tuple[str, str | None, str]]:
        with self.house.sessions() as session:
            return [(one.scope.value, one.address, one.reason) for one in session.scalars(select(Suppression))]

    def point(self, address: str) -> ContactPoint:
        with self.house.sessions() as session:
            return session.scalars(select(ContactPoint).where(ContactPoint.address == address)).one()
