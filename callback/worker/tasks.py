"""What a worker can do, by name. A task is safe to do twice and on two machines at once.

A task gets the house and the job's arguments; it opens its own transactions. A `CallbackError` or any other exception
pushes the job into the future, and lays it aside after some tries (`db/jobs.py`).
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType

from callback.bootstrap import House
from callback.db.engine import reading
from callback.db.jobs import enqueue
from callback.db.shards import Shard
from callback.services import (
    campaigns,
    contact_rates,
    escalations,
    gains,
    housekeeping,
    outlooks,
    plans,
    progress,
    reminders,
    uploads,
    visits,
)
from callback.services.assignments import assign
from callback.services.planning import plan_day, shards
from callback.texts import Language

TaskFunction = Callable[..., object]


def plan(house: House) -> None:
    """Decide and place whatever is due for a decision; with `plan_by_team`, each team's placing is a job of its own."""
    now = house.clock()
    parts = shards(house.sessions)
    if len(parts) == 1:
        plan_day(house.sessions, now=now, zone=house.zone, carriers=house.carriers, keep=_keeps(house))
        return
    plans.plan(house.sessions, now=now, carriers=house.carriers)
    with house.sessions.begin() as session:
        for shard in parts:
            enqueue(session, "plan_shard", {"team_id": shard.team_id}, queueing_lock=f"plan_shard:{shard.name}")


def plan_shard(house: House, *, team_id: int | None) -> None:
    """Place the callbacks of one team (None: of no team). Two at once end in one plan: the second waits its turn."""
    shard = Shard(by_team=True, team_id=team_id)
    assign(house.sessions, now=house.clock(), zone=house.zone, shard=shard, keep=_keeps(house))


def _keeps(house: House) -> bool:
    return house.settings.keep_plans_days > 0


def release_leases(house: House) -> None:
    """Callbacks whose agent or worker went away without a word go back to the list."""
    from callback.services import attempts  # noqa: PLC0415

    attempts.release_expired(house.sessions, now=house.clock())


def watch_promises(house: House) -> None:
    """Promises whose time has passed are broken, and their cases are looked at again."""
    with house.sessions.begin() as session:
        housekeeping.break_promises(session, now=house.clock())


def look_ahead(house: House) -> None:
    """Which promises will break with the people there are, for the board."""
    with reading(house.sessions) as session:
        seen = outlooks.see(session, now=house.clock(), zone=house.zone)
    with house.sessions.begin() as session:
        outlooks.keep(session, seen)


def ask_gains(house: House) -> None:
    """What one more agent of each kind that the plan lacks would bring, for the page of what is to be put right."""
    gains.ask_all(house.sessions, now=house.clock(), zone=house.zone, shards=shards(house.sessions))


def learn_contacts(house: House) -> None:
    """Ended calls are counted for the forecast of when people answer."""
    contact_rates.learn(house.sessions)


def arrange_visits(house: House) -> None:
    """Recurring visits whose turn has come become callbacks."""
    visits.take_turns(house.sessions, now=house.clock())


def enrol_campaigns(house: House) -> None:
    """Contacts that have been planned since join the campaign that they fit."""
    campaigns.enrol_all(house.sessions, now=house.clock())


def count_campaigns(house: House) -> None:
    """The figures of campaigns, so that a page need not count a million rows."""
    progress.count_all(house.sessions, now=house.clock())


def chase_surveys(house: House) -> None:
    """Surveys to which nothing is said are reminded of once, then closed with what was answered."""
    reminders.chase(house.sessions, now=house.clock())


def read_upload(house: House, *, upload_id: int, language: Language | None = None) -> None:
    """Read in a case file that was sent over the browser; what is wrong with a row is told in `language`."""
    uploads.read_in(
        house.sessions, house.settings, upload_id=upload_id, language=language or house.settings.language,
        clock=house.clock,
    )  # fmt: skip


def escalate(house: House) -> None:
    """What has become too late or too bad for whoever has it is marked, made more urgent, and somebody is told."""
    escalations.look(house.sessions, now=house.clock())


def purge(house: House) -> None:
    """Throw away what has served its time: sessions, idempotency keys, wrong passwords, finished jobs."""
    with house.sessions.begin() as session:
        housekeeping.purge(session, now=house.clock(), keep_plans=timedelta(days=house.settings.keep_plans_days))
        uploads.purge(session, now=house.clock())


TASKS: Mapping[str, TaskFunction] = MappingProxyType(
    {
        "plan": plan,
        "plan_shard": plan_shard,
        "release_leases": release_leases,
        "watch_promises": watch_promises,
        "look_ahead": look_ahead,
        "ask_gains": ask_gains,
        "learn_contacts": learn_contacts,
        "arrange_visits": arrange_visits,
        "enrol_campaigns": enrol_campaigns,
        "count_campaigns": count_campaigns,
        "chase_surveys": chase_surveys,
        "read_upload": read_upload,
        "escalate": escalate,
        "purge": purge,
    }
)
