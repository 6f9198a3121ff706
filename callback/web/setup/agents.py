"""`/setup/agents`: the people. A list that is searched and changed many at a time, and a page for each of them."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any
from urllib.parse import urlencode
from zoneinfo import available_timezones

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy.orm import Session

from callback.db import agents as rows
from callback.db.tables import Agent
from callback.domain.account import Scope
from callback.domain.address import mask
from callback.domain.words import Role, SetupKind
from callback.services import accounts, contacts, shifts
from callback.services import agents as service
from callback.services.setups.record import Act
from callback.web.desk import Desk, at_desk
from callback.web.setup.forms import Fields, Form, PathId
from callback.web.setup.history import history_of

router = APIRouter()
Reader = Annotated[Desk, Depends(at_desk(Scope.AGENTS_READ))]
Writer = Annotated[Desk, Depends(at_desk(Scope.AGENTS_WRITE))]
PER_PAGE = 30
MOST_AT_ONCE = 2_000
LACKING = ("", "shifts", "skills", "languages")
PLACES = {
    "login_taken": "login",
    "number_taken": "number",
    "zone_not_known": "time_zone",
    "team_not_known": "team_id",
    "language_not_known": "languages",
    "last_administrator": "role",
}
"""Where an error of the service is told."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What the address of the list asks for."""

    q: str = ""
    team: str = ""
    role: str = ""
    state: str = "active"
    lacking: str = ""
    skill: str = ""

    def wanted(self) -> rows.Wanted:
        return rows.Wanted(
            text=self.q.strip()[:120],
            team_id=int(self.team) if self.team.isdecimal() else None,
            without_team=self.team == "none",
            role=Role(self.role) if self.role in set(Role) else None,
            active={"active": True, "inactive": False}.get(self.state),
            lacking=self.lacking if self.lacking in LACKING else "",
            skill=self.skill,
        )

    def address(self, **more: object) -> str:
        said = {name: getattr(self, name) for name in self.__slots__ if getattr(self, name)} | more
        return urlencode({name: value for name, value in said.items() if value})


def _filter(
    q: Annotated[str, Query(max_length=200)] = "",
    team: Annotated[str, Query(max_length=18)] = "",
    role: Annotated[str, Query(max_length=20)] = "",
    state: Annotated[str, Query(max_length=10)] = "active",
    lacking: Annotated[str, Query(max_length=20)] = "",
    skill: Annotated[str, Query(max_length=64)] = "",
) -> Filter:
    return Filter(q, team, role, state, lacking, skill)


Wish = Annotated[Filter, Depends(_filter)]


@router.get("/setup/agents")
def agents(desk: Reader, wish: Wish, after: Annotated[str, Query(max_length=120)] = "") -> Response:
    with desk.reading() as session:
        values = _list(desk, session, wish, after=after)
        if desk.is_htmx:
            return desk.fragment("setup/agents/list.html", **values)
        return desk.page("setup/agents/page.html", **values, skills=sorted(rows.skills_in_use(session)))


def _list(desk: Desk, session: Session, wish: Filter, *, after: str) -> dict[str, Any]:
    query = rows.found(session, wish.wanted())
    total = rows.count_of(session, query)
    page = query.where(Agent.login > after) if after else query
    people = list(session.scalars(page.order_by(Agent.login).limit(PER_PAGE + 1)))
    more = people[PER_PAGE - 1].login if len(people) > PER_PAGE else None
    people = people[:PER_PAGE]
    return {
        "wish": wish,
        "total": total,
        "people": people,
        "hours": _weekly_hours(session, [person.id for person in people]),
        "next": f"/setup/agents?{wish.address(after=more)}" if more else None,
        "first": f"/setup/agents?{wish.address()}" if after else None,
        "teams": rows.team_names(session),
        "may": Scope.AGENTS_WRITE in desk.me.scopes,
        "may_shifts": Scope.SHIFTS_WRITE in desk.me.scopes,
    }


def _weekly_hours(session: Session, ids: Sequence[int]) -> Mapping[int, float]:
    hours: dict[int, float] = {}
    for shift in rows.shifts_of_many(session, ids):
        length = datetime.combine(date.min, shift.ends) - datetime.combine(date.min, shift.starts)
        hours[shift.agent_id] = hours.get(shift.agent_id, 0) + length.total_seconds() / 3600
    return hours


# ── Many at once ────────────────────────────────────────────────────────────────────────────────────────────────────


@router.post("/setup/agents/many")
def change_many(desk: Writer, wish: Wish, form: Form) -> Response:
    """One change for everybody who is ticked, or for all that the list has."""
    fields = Fields(desk, form)
    change = _change_of_many(fields)
    act = Act.of(now=desk.now, actor_id=desk.me.agent_id)
    ids: Sequence[int] = fields.ids("agent", most=MOST_AT_ONCE)
    if not ids and not fields.on("everybody"):
        fields.fault("what", "setup_desk.nobody_chosen")
    count = 0
    if not fields.faults:
        with fields.telling(PLACES, otherwise="what"), desk.begin() as session:
            if fields.on("everybody"):
                ids = rows.ids_of(session, rows.found(session, wish.wanted()), limit=MOST_AT_ONCE)
            count = service.change_many(session, ids, change, act=act)
    if fields.faults:
        return desk.fragment("setup/agents/many_faults.html", status=422, fields=fields)
    undo = f"/setup/undo/{act.handle}" if count else None
    return desk.go(f"/setup/agents?{wish.address()}", said="setup_desk.many_changed", undo=undo, count=count)


def _change_of_many(fields: Fields) -> Any:
    """What is to become of each agent; None when the form does not say."""
    what = fields.one_of("what", ("add_skills", "drop_skills", "team", "languages", "capacity", "time_zone"))
    if what in ("add_skills", "drop_skills"):
        skills = fields.words("skills", most=20, longest=64)
        if not skills:
            fields.fault("skills", "setup_desk.needed")
        if what == "add_skills":
            return lambda agent: {"skills": [*agent.skills, *(s for s in skills if s not in agent.skills)]}
        return lambda agent: {"skills": [skill for skill in agent.skills if skill not in skills]}
    if what == "team":
        team_id = fields.identity("team_id")
        return lambda agent: {"team_id": team_id} | ({"leads_team": False} if agent.team_id != team_id else {})
    if what == "languages":
        languages = fields.several("languages", ("zh", "en"))
        if not languages:
            fields.fault("languages", "setup_desk.choose_language")
        return lambda _agent: {"languages": list(languages)}
    if what == "capacity":
        capacity = int(fields.number("daily_capacity", low=0, high=1000))
        return lambda _agent: {"daily_capacity": capacity}
    zone = fields.text("time_zone", most=64)
    return lambda _agent: {"time_zone": zone}


# ── One of them ─────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/setup/agents/new")
def new(desk: Writer) -> Response:
    with desk.reading() as session:
        fields = Fields(
            desk,
            role=Role.AGENT.value,
            languages=("zh", "en"),
            daily_capacity=60,
            time_zone=desk.house.settings.time_zone,
            password=True,
        )
        return desk.page("setup/agents/new.html", fields=fields, agent=None, may=True, **_choices(session))


@router.post("/setup/agents")
def create(desk: Writer, form: Form) -> Response:
    """A new agent. Their password is shown once, here, and kept nowhere."""
    fields = Fields(desk, form)
    said = _details(desk, fields)
    password = accounts.new_password() if fields.on("password") else None
    if not fields.faults:
        with fields.telling(PLACES), desk.begin() as session:
            details = service.AgentDetails(**said)
            agent = service.create(session, details, now=desk.now, actor_id=desk.me.agent_id, password=password)
            name, login, agent_id = agent.name, agent.login, agent.id
    if fields.faults:
        return _form(desk, fields, None)
    return desk.fragment("setup/agents/made.html", name=name, login=login, agent_id=agent_id, password=password)


@router.get("/setup/agents/{agent_id}")
def one(desk: Reader, agent_id: PathId) -> Response:
    with desk.reading() as session:
        agent = service.get(session, agent_id)
        week = shifts.week_of(session, agent_id, since=desk.now.date(), until=desk.now.date())
        return desk.page(
            "setup/agents/one.html",
            agent=agent,
            fields=_fields_of(desk, agent),
            week=week,
            hours=_weekly_hours(session, [agent_id]).get(agent_id, 0),
            burden=rows.burden(session, agent_id),
            phone=mask(agent.phone) if agent.phone else None,
            may=Scope.AGENTS_WRITE in desk.me.scopes,
            may_reveal=Scope.ADDRESSES_REVEAL in desk.me.scopes,
            history=history_of(desk, session, SetupKind.AGENT, agent_id),
            **_choices(session),
        )


@router.post("/setup/agents/{agent_id}")
def change(desk: Writer, agent_id: PathId, form: Form) -> Response:
    fields = Fields(desk, form)
    changes = _details(desk, fields)
    if not changes["phone"] and not fields.on("no_phone"):
        del changes["phone"]
    version = int(fields.number("version", low=1, high=2**31 - 1))
    act = Act.of(now=desk.now, actor_id=desk.me.agent_id)
    if not fields.faults:
        with fields.telling(PLACES), desk.begin() as session:
            agent = service.change(
                session, agent_id, changes, version=version, now=desk.now, actor_id=desk.me.agent_id, act=act
            )
            name = agent.name
    if fields.faults:
        return _form(desk, fields, agent_id)
    return desk.go(
        f"/setup/agents/{agent_id}", said="setup_desk.agent_saved", undo=f"/setup/undo/{act.handle}", name=name
    )


def _form(desk: Desk, fields: Fields, agent_id: int | None) -> Response:
    """The form with its faults."""
    with desk.reading() as session:
        agent = None if agent_id is None else service.get(session, agent_id)
        return desk.fragment(
            "setup/agents/form.html", status=422, fields=fields, agent=agent, may=True, **_choices(session)
        )


@router.post("/setup/agents/{agent_id}/password")
def give_password(desk: Writer, agent_id: PathId) -> Response:
    """A new password, shown once; every session of theirs ends."""
    password = accounts.new_password()
    with desk.begin() as session:
        service.give_password(session, agent_id, password, now=desk.now, actor_id=desk.me.agent_id)
        agent = service.get(session, agent_id)
        name, login = agent.name, agent.login
    return desk.fragment("setup/agents/password.html", name=name, login=login, password=password)


@router.post("/setup/agents/{agent_id}/phone")
def reveal(
    desk: Annotated[Desk, Depends(at_desk(Scope.ADDRESSES_REVEAL, Role.SUPERVISOR, Role.ADMINISTRATOR))],
    agent_id: PathId,
) -> Response:
    with desk.begin() as session:
        phone = service.reveal_phone(session, agent_id, now=desk.now, actor_id=desk.me.agent_id)
    return desk.fragment("setup/agents/phone.html", phone=phone or "–")


@router.post("/setup/agents/{agent_id}/active")
def activate(desk: Writer, agent_id: PathId, form: Form) -> Response:
    """Send home or take back. Their calls go to colleagues at the next planning, which is asked for at once."""
    fields = Fields(desk, form)
    active = fields.on("active")
    version = int(fields.number("version", low=1, high=2**31 - 1))
    act = Act.of(now=desk.now, actor_id=desk.me.agent_id)
    with desk.begin() as session:
        waiting = rows.burden(session, agent_id).assigned
        agent = service.change(
            session, agent_id, {"active": active}, version=version, now=desk.now, actor_id=desk.me.agent_id, act=act
        )
        name = agent.name
    said = "setup_desk.agent_back" if active else "setup_desk.agent_gone"
    undo = f"/setup/undo/{act.handle}"
    return desk.go(f"/setup/agents/{agent_id}", said=said, undo=undo, name=name, count=waiting)


def _choices(session: Session) -> dict[str, Any]:
    return {
        "teams": rows.team_names(session),
        "skills": sorted(rows.skills_in_use(session)),
        "zones": _zones(),
    }


@functools.cache
def _zones() -> Sequence[str]:
    """The names that are offered; the others are understood too."""
    return sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/"))


def _fields_of(desk: Desk, agent: Agent) -> Fields:
    return Fields(desk, **service.document_of(agent) | {"skills": ", ".join(agent.skills), "phone": None})


def _details(desk: Desk, fields: Fields) -> dict[str, Any]:
    """What the form says about an agent, by the names of `AgentDetails`."""
    languages = fields.several("languages", ("zh", "en"))
    if not languages:
        fields.fault("languages", "setup_desk.choose_language")
    role = fields.one_of("role", [role.value for role in Role])
    return {
        "name": fields.text("name", most=120),
        "number": fields.text("number", most=32),
        "login": fields.text("login", most=120),
        "role": Role(role) if "role" not in fields.faults else Role.AGENT,
        "team_id": fields.identity("team_id"),
        "leads_team": fields.on("leads_team"),
        "languages": languages,
        "skills": fields.words("skills", most=50, longest=64),
        "daily_capacity": int(fields.number("daily_capacity", low=0, high=1000)),
        "time_zone": fields.text("time_zone", most=64),
        "phone": _phone(desk, fields),
    }


def _phone(desk: Desk, fields: Fields) -> str | None:
    """As people write it; without a country code it is one of the house's own country."""
    typed = fields.text("phone", most=40, needed=False)
    if not typed or "phone" in fields.faults:
        return None
    try:
        found = contacts.phones(typed, desk.house.settings.country, fictional=True)
    except contacts.BadContactError:
        found = []
    if len(found) != 1:
        fields.fault("phone", "setup_desk.not_a_phone")
        return None
    return found[0].address
