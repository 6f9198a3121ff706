"""The only place that puts the parts together: settings → engine, sessions, queue, clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from callback.channels.protocol import SendChannel
from callback.channels.registry import open_channels
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
    channels: Mapping[Channel, SendChannel] = field(default_factory=dict)
    """The ways out, one for each channel that something can be sent on."""

    @property
    def carriers(self) -> frozenset[Channel]:
        """Automatic channels that something can be sent on."""
        return frozenset(self.channels)

    @property
    def zone(self) -> ZoneInfo:
        """The centre's: decides what "today" is."""
        return ZoneInfo(self.settings.time_zone)

    def close(self) -> None:
        for way in self.channels.values():
            way.close()
        self.engine.dispose()


def build(settings: Settings | None = None, *, clock: Clock = utc_now) -> House:
    """Put the house together from `settings` (default: the environment)."""
    settings = settings or load_settings()
    engine = make_engine(settings)
    queue: Queue = ProcrastinateQueue() if settings.is_postgresql else TableQueue(clock)
    return House(
        settings=settings,
        engine=engine,
        sessions=make_session_factory(engine, queue=queue),
        clock=clock,
        channels=open_channels(settings),
    )
