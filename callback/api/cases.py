"""Cases: reported, changed, answered, closed, reopened."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field
from sqlalchemy.orm import Session

from callback.api.idempotency import OnceDep
from callback.api.paging import Page, PageDep
from callback.api.schemas import Body, BodyId, LongText, Moment, Out, PathId, Version
from callback.api.versions import IfMatch, check_version, set_etag
from callback.db import cases as rows
from callback.db.engine import reading
from callback.db.tables import Agent, Case, Team
from callback.domain.account import Scope
from callback.domain.words import CaseKind, CaseStatus, Channel, Priority
from callback.entrance import HouseDep, Now, Principal, caller
from callback.errors import NotFound
from callback.services import cases, customers

router = APIRouter(tags=["cases"])
Reader = Annotated[Principal, Depends(caller(Scope.CASES_READ))]
Writer = Annotated[Principal, Depends(caller(Scope.CASES_WRITE))]
Worker = Annotated[Principal, Depends(caller(Scope.CALLBACKS_WORK))]

Subject = Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]
Label = Annotated[str, Field(max_length=255)]
Address = Annotated[str, Field(min_length=1, max_length=254)]
Source = Annotated[str, Field(pattern=r"^[a-z0-9_.-]{1,64}$")]


class CaseOut(Out):
    id: int
    source: str
    external_id: str
    customer_id: int
    parent_id: int | None
    team_id: int | None
    owner_id: int | None
    subject: str
    description: str
    answer: str | None
    category: str | None
    product: str | None
    kind: CaseKind
    priority: Priority
    status: CaseStatus
    required_skill: str | None
    rating: int | None
    opened_at: datetime
    answered_at: datetime | None
    closed_at: datetime | None
    told_at: datetime | None
    promised_at: datetime | None
    repromises: int
    version: int


class NewCustomer(Body):
    """Whom the case is about: known by (the case's source, external_id), made when new."""

    external_id: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    name: Label | None = None
    salutation: Annotated[str, Field(max_length=64)] | None = None
    language: Annotated[str, Field(pattern="^(zh|en)$")] | None = None
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None
    region: Annotated[str, Field(max_length=64)] | None = None
    time_zone: Annotated[str, Field(max_length=64)] | None = None
    special: bool | None = None
    consents: Annotated[list[Channel], Field(max_length=5)] | None = None
    preferred_times: Annotated[str, Field(max_length=500)] | None = None
    forbidden_dates: Annotated[str, Field(max_length=500)] | None = None
    phones: Annotated[list[Address], Field(max_length=5, default_factory=list)]
    emails: Annotated[list[Address], Field(max_length=5, default_factory=list)]


class NewCase(Body):
    source: Source = "api"
    external_id: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    customer: NewCustomer
    subject: Subject
    description: LongText = ""
    answer: LongText | None = None
    status: CaseStatus = CaseStatus.OPEN
    kind: CaseKind = CaseKind.REQUEST
    priority: Priority = Priority.NORMAL
    category: Label | None = None
    product: Label | None = None
    required_skill: Annotated[str, Field(max_length=64)] | None = None
    team_id: BodyId | None = None
    owner_id: BodyId | None = None
    opened_at: Moment | None = None
    promised_at: Moment | None = None


class CaseChange(Body):
    """Only what is given is changed."""

    version: Version | None = None
    subject: Subject | None = None
    description: LongText | None = None
    category: Label | None = None
    product: Label | None = None
    kind: CaseKind | None = None
    priority: Priority | None = None
    required_skill: Annotated[str, Field(max_length=64)] | None = None
    team_id: BodyId | None = None
    owner_id: BodyId | None = None


class Answer(Body):
    text: Annotated[LongText, Field(min_length=1)]
    version: Version | None = None


class VersionOnly(Body):
    version: Version | None = None


_NEVER_NULL = frozenset({"subject", "description", "kind", "priority"})


@router.post("/cases", status_code=201, operation_id="createCase")
def create_case(body: NewCase, house: HouseDep, me: Writer, now: Now, once: OnceDep) -> CaseOut:
    """A new case; its customer is made or brought up to date. The planner looks at it at once."""
    with house.sessions.begin() as session:

        def run() -> CaseOut:
            _check_people(session, team_id=body.team_id, owner_id=body.owner_id)
            person = customers.Person(source=body.source, **body.customer.model_dump())
            customer = customers.welcome(session, person, settings=house.settings, now=now)
            given = body.model_dump(exclude={"customer"})
            case = cases.create_case(session, now=now, customer=customer, by=me.agent_id, **given)
            return CaseOut.model_validate(case)

        return once.run(session, me, run, now=now)


@router.get("/cases", operation_id="listCases")
def list_cases(
    house: HouseDep,
    me: Reader,
    page: PageDep,
    status: CaseStatus | None = None,
    needs_data: Annotated[bool, Query(description="Only those whose customer cannot be contacted.")] = False,
    source: Annotated[str | None, Query(max_length=64)] = None,
) -> Page[CaseOut]:
    """Cases, the newest first; agents see their own work alone."""
    query = rows.listed(status=status, needs_data=needs_data, source=source)
    if not me.supervises:
        query = rows.seen_by(query, me.agent_id)
    with reading(house.sessions) as session:
        return page.select(session, query, CaseOut.model_validate, kind="cases", order=(Case.id,), descending=True)


@router.get("/cases/{case_id}", operation_id="readCase")
def read_case(case_id: PathId, house: HouseDep, me: Reader, response: Response) -> CaseOut:
    """One case."""
    with reading(house.sessions) as session:
        case = _visible(session, case_id, me)
        set_etag(response, case.version)
        return CaseOut.model_validate(case)


@router.patch("/cases/{case_id}", operation_id="changeCase")
def change_case(
    case_id: PathId, body: CaseChange, house: HouseDep, me: Writer, now: Now, if_match: IfMatch, response: Response
) -> CaseOut:
    """Change what was reported. Status, answer and promise have actions of their own."""
    changes = body.model_dump(exclude_unset=True, exclude={"version"})
    changes = {name: value for name, value in changes.items() if value is not None or name not in _NEVER_NULL}
    with house.sessions.begin() as session:
        case = cases.find_case(session, case_id)
        version = check_version(case.version, if_match=if_match, body=body.version)
        _check_people(session, team_id=changes.get("team_id"), owner_id=changes.get("owner_id"))
        cases.update_case(session, case=case, changes=changes, by=me.agent_id, now=now, version=version)
        set_etag(response, case.version)
        return CaseOut.model_validate(case)


@router.post("/cases/{case_id}/answer", operation_id="answerCase")
def answer_case(
    case_id: PathId, body: Answer, house: HouseDep, me: Worker, now: Now, if_match: IfMatch, response: Response
) -> CaseOut:
    """The answer was found, by the case's owner or by a supervisor: from now on the customer is owed a call."""
    with house.sessions.begin() as session:
        case = _own(session, case_id, me)
        version = check_version(case.version, if_match=if_match, body=body.version)
        cases.answer_case(session, case=case, text=body.text, by=me.agent_id, now=now, version=version)
        set_etag(response, case.version)
        return CaseOut.model_validate(case)


@router.post("/cases/{case_id}/close", operation_id="closeCase")
def close_case(
    case_id: PathId, body: VersionOnly, house: HouseDep, me: Worker, now: Now, if_match: IfMatch, response: Response
) -> CaseOut:
    """Nothing more will be done."""
    with house.sessions.begin() as session:
        case = _own(session, case_id, me)
        version = check_version(case.version, if_match=if_match, body=body.version)
        cases.close_case(session, case=case, by=me.agent_id, now=now, version=version)
        set_etag(response, case.version)
        return CaseOut.model_validate(case)


@router.post("/cases/{case_id}/reopen", operation_id="reopenCase")
def reopen_case(
    case_id: PathId, body: VersionOnly, house: HouseDep, me: Writer, now: Now, if_match: IfMatch, response: Response
) -> CaseOut:
    """The answer did not settle it: a new one has to be found and told."""
    with house.sessions.begin() as session:
        case = cases.find_case(session, case_id)
        version = check_version(case.version, if_match=if_match, body=body.version)
        cases.reopen_case(session, case=case, by=me.agent_id, now=now, version=version)
        set_etag(response, case.version)
        return CaseOut.model_validate(case)


def _visible(session: Session, case_id: int, me: Principal) -> Case:
    """Somebody else's case does not exist for an agent."""
    case = cases.find_case(session, case_id)
    if not me.supervises:
        query = rows.seen_by(rows.listed(), me.agent_id).where(Case.id == case_id)
        if session.scalars(query).one_or_none() is None:
            raise NotFound("case_not_found", case=case_id)
    return case


def _own(session: Session, case_id: int, me: Principal) -> Case:
    case = cases.find_case(session, case_id)
    if not me.supervises and case.owner_id != me.agent_id:
        raise NotFound("case_not_found", case=case_id)
    return case


def _check_people(session: Session, *, team_id: int | None, owner_id: int | None) -> None:
    if team_id is not None and session.get(Team, team_id) is None:
        raise NotFound("team_not_found", team=team_id)
    if owner_id is not None and session.get(Agent, owner_id) is None:
        raise NotFound("agent_not_found", agent=owner_id)
