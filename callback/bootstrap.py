"""The only place that puts the parts together: settings → engine, sessions, queue, clock."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from callback.clock import Clock, utc_now
from callback.db.engine import SessionFactory, make_engine, make_session_factory
from callback.db.jobs import ProcrastinateQueue, Queue, TableQueue
from callback.domain.words import Channel
from callback.settings import Settings, load_settings


@dataclass(frozen=True, slots=True)
class House:
    """Everything an edge needs. One per process."""

    settings: Settings
    engine: Engine
    sessions: SessionFactory
    clock: Clock
    carriers: frozenset[Channel] = frozenset()
    """Automatic channels that something can really be sent on."""

    @property
    def zone(self) -> ZoneInfo:
        """The centre's: decides what "today" is."""
        return ZoneInfo(self.settings.time_zone)

    def close(self) -> None:
        self.engine.dispose()


def build(settings: Settings | None = None, *, clock: Clock = utc_now) -> House:
    """Put the house together from `settings` (default: the environment)."""
    settings = settings or load_settings()
    engine = make_engine(settings)
    queue: Queue = ProcrastinateQueue() if settings.is_postgresql else TableQueue(clock)
    return House(settings=settings, engine=engine, sessions=make_session_factory(engine, queue=queue), clock=clock)
