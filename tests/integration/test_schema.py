from datetime import datetime

from sqlalchemy import select

from callback.db.engine import SessionFactory, reading
from callback.db.tables import Team


def test_a_moment_comes_back_aware_and_equal(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        session.add(Team(name="North", created_at=now))
    with reading(sessions) as session:
        assert session.scalars(select(Team.created_at)).one() == now
