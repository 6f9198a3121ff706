"""The sample: a small centre with its people and about 200 cases, for a try-out. All of it is invented.

The cases are a file like any other and go through the real importer. Their times are kept relative to the day on which
they are loaded (`-2d 09:30`, wall-clock in the centre's zone), so that the sample is as fresh next year as today.
"""

import csv
import re
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from callback.clock import Clock
from callback.db.engine import SessionFactory
from callback.db.tables import Agent, Case
from callback.domain.roster import Stretch
from callback.domain.words import CaseStatus, Role
from callback.errors import Conflict
from callback.services import agents, cases, questionnaires, quick_replies, scripts, shifts
from callback.services.imports.profile import load_profile
from callback.services.imports.run import Order, Summary, import_file
from callback.settings import Settings

SAMPLE = Path(__file__).resolve().parents[1] / "sample"
PASSWORD = "try-callback-out"  # noqa: S105  of invented people on the machine of who tries it out
_RELATIVE = re.compile(r"^([+-]\d+)d (\d\d):(\d\d)$")


@dataclass(frozen=True, slots=True)
class Login:
    login: str
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Loaded:
    """What is in the house now. Everybody's password is `PASSWORD`."""

    logins: tuple[Login, ...]
    cases: Summary


def load(sessions: SessionFactory, settings: Settings, *, clock: Clock) -> Loaded:
    """Fill an empty house: content, people, cases. Raises `Conflict` (`sample_needs_empty_house`) in any other.

    Raises `Conflict` (`sample_with_real_carrier`) when something could really be sent.
    """
    if settings.has_real_carrier:
        raise Conflict("sample_with_real_carrier")
    now = clock()
    with sessions.begin() as session:
        if (
            session.scalar(select(Agent.id).limit(1)) is not None
            or session.scalar(select(Case.id).limit(1)) is not None
        ):
            raise Conflict("sample_needs_empty_house")
        scripts.seed_content(session, now)
        questionnaires.seed_content(session, now)
        quick_replies.seed_content(session, now)
        logins = _people(session, now=now)
    summary = _cases(sessions, settings, clock=clock)
    with sessions.begin() as session:
        _new_needs(session, now=clock())
    return Loaded(logins=logins, cases=summary)


def _people(session: Session, *, now: datetime) -> tuple[Login, ...]:
    document = tomllib.loads((SAMPLE / "people.toml").read_text(encoding="utf-8"))
    teams = {
        team["name"]: agents.create_team(session, team["name"], now=now, actor_id=None).id for team in document["team"]
    }
    return tuple(_person(session, person, teams, now=now) for person in document["person"])


def _person(session: Session, person: Mapping[str, Any], teams: Mapping[str, int], *, now: datetime) -> Login:
    details = agents.AgentDetails(
        login=person["login"],
        name=person["name"],
        number=person["number"],
        role=Role(person.get("role", Role.AGENT)),
        team_id=teams[person["team"]] if "team" in person else None,
        leads_team=person.get("leads_team", False),
        languages=tuple(person.get("languages", ("zh", "en"))),
        skills=tuple(person.get("skills", ())),
        time_zone=person["time_zone"],
    )
    agent = agents.create(session, details, now=now, actor_id=None, password=PASSWORD)
    pattern = [
        Stretch(day, time.fromisoformat(starts), time.fromisoformat(ends))
        for day in person.get("days", ())
        for starts, ends in person["hours"]
    ]
    if pattern:
        shifts.set_pattern(session, agent.id, pattern, version=agent.version, now=now, actor_id=None)
    return Login(agent.login, agent.name, agent.role)


def _cases(sessions: SessionFactory, settings: Settings, *, clock: Clock) -> Summary:
    with tempfile.TemporaryDirectory(prefix="callback-sample-") as folder:
        path = Path(folder) / "sample.csv"
        write_cases(path, now=clock(), zone=ZoneInfo(settings.time_zone))
        order = Order(path=path, profile=load_profile("sample"), language=settings.language)
        return import_file(sessions, settings, order, clock=clock)


def write_cases(path: Path, *, now: datetime, zone: ZoneInfo) -> None:
    """The sample's cases as a file of today: relative times become absolute ones."""
    with (
        (SAMPLE / "cases.csv").open(encoding="utf-8", newline="") as source,
        path.open("w", encoding="utf-8", newline="") as target,
    ):
        rows = csv.reader(source)
        writer = csv.writer(target)
        writer.writerow(next(rows))
        for row in rows:
            writer.writerow([absolute(cell, now=now, zone=zone) for cell in row])


def absolute(cell: str, *, now: datetime, zone: ZoneInfo) -> str:
    """`-2d 09:30` as that moment in ISO 8601; what has happened "today" has happened by now. Other cells stay."""
    found = _RELATIVE.match(cell)
    if found is None:
        return cell
    day = now.astimezone(zone).date() + timedelta(days=int(found[1]))
    moment = datetime.combine(day, time(int(found[2]), int(found[3])), tzinfo=zone)
    return (moment if found[1].startswith("+") else min(moment, now.astimezone(zone))).isoformat(timespec="minutes")


_NEW_NEEDS = (
    (
        "zh",
        "净化器装到二楼后想再加一台",
        "回访时客户提出：二楼卧室也想装一台，想知道有没有老客户价。",
        "老客户第二台享八五折，含免费安装。",
    ),
    ("en", "Quote for a second line", "Said in the call: would like a second line for the office upstairs.", None),
)
"""Language, subject, description, and the answer that makes a follow-up call due, or none yet."""


def _new_needs(session: Session, *, now: datetime) -> None:
    """New needs that were heard in earlier calls: child cases, owned by the leader of the parent's team."""
    for language, subject, description, answer in _NEW_NEEDS:
        parent = session.scalars(
            select(Case)
            .where(Case.source == "sample", Case.status == CaseStatus.CLOSED, Case.told_at.is_not(None))
            .where(Case.external_id.like(f"{language.upper()}-%"))
            .order_by(Case.id)
            .limit(1)
        ).one()
        child = cases.create_child_case(
            session, parent=parent, subject=subject, description=description, by=None, now=now
        )
        if answer is not None:
            cases.answer_case(session, case=child, text=answer, by=child.owner_id, now=now)
