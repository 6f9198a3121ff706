"""The clockwork of a worker process: a handful of static ticks that only ask for work.

Each tick is a nudge with a queueing lock, so it is safe to tick twice and from several machines: as long as nobody has
started the first job, there is no second one, and what the job does is found in the rows, not in the tick.
"""

from dataclasses import dataclass
from datetime import timedelta

from apscheduler.schedulers.background import BackgroundScheduler

from callback.bootstrap import House
from callback.clock import utc_now
from callback.db.jobs import enqueue
from callback.log import get_logger

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Tick:
    task: str
    every: timedelta


TICKS: tuple[Tick, ...] = (
    Tick("plan", timedelta(minutes=1)),
    Tick("release_leases", timedelta(minutes=1)),
    Tick("watch_promises", timedelta(minutes=1)),
    Tick("look_ahead", timedelta(minutes=5)),
    Tick("ask_gains", timedelta(minutes=15)),
    Tick("learn_contacts", timedelta(minutes=1)),
    Tick("arrange_visits", timedelta(hours=1)),
    Tick("enrol_campaigns", timedelta(minutes=1)),
    Tick("count_campaigns", timedelta(minutes=1)),
    Tick("chase_surveys", timedelta(minutes=10)),
    Tick("escalate", timedelta(minutes=1)),
    Tick("purge", timedelta(hours=1)),
)


def make_clockwork(house: House, ticks: tuple[Tick, ...] = TICKS) -> BackgroundScheduler:
    """A scheduler that is not started yet. Every tick fires once at the start."""
    scheduler = BackgroundScheduler(timezone="UTC")
    for tick in ticks:
        scheduler.add_job(
            fire,
            "interval",
            args=[house, tick.task],
            id=tick.task,
            seconds=tick.every.total_seconds(),
            jitter=min(5, int(tick.every.total_seconds()) // 4),
            next_run_time=utc_now(),  # the scheduler runs on the real clock, also in a try-out on old data
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
    return scheduler


def fire(house: House, task: str) -> None:
    """Ask for `task` once. A database that does not answer costs this tick, not the worker."""
    try:
        with house.sessions.begin() as session:
            enqueue(session, task, queueing_lock=task)
    except Exception:
        log.exception("tick failed", task=task)
