"""What a centre sets up by itself: windows and limits, the retry table, escalation rules; and what is open by those."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field

from callback.api.schemas import Body, Out
from callback.db import escalations as escalation_rows
from callback.db import setups as rows
from callback.db.engine import reading
from callback.domain.account import Scope
from callback.domain.words import Disposition, EscalationTold, EscalationTrigger, SetupKind, Severity
from callback.entrance import HouseDep, Now, Principal, caller
from callback.services import escalations, policies
from callback.services.setups import undo
from callback.services.setups.record import Act, Document

router = APIRouter(tags=["setup"])

Reader = Annotated[Principal, Depends(caller(Scope.POLICIES_READ))]
Writer = Annotated[Principal, Depends(caller(Scope.POLICIES_WRITE))]
Number = Annotated[int, Field(ge=0, le=2**31 - 1, description="The version that was read; 0 before the first change.")]
Figures = Annotated[
    dict[str, Any],
    Field(max_length=100, description="All that differ from the defaults. Durations in seconds, windows as pairs."),
]


class PolicyOut(Out):
    number: int
    figures: dict[str, Any]


class PolicyBody(Body):
    number: Number
    figures: Figures


class Step(Body):
    """What the n-th attempt that ended so leads to. `delay_minutes` null: no further try."""

    delay_minutes: Annotated[int, Field(ge=0, le=20_160)] | None
    other_part_of_day: bool = False
    next_contact_point: bool = False
    counts: bool = True


Table = Annotated[
    dict[Disposition, Annotated[list[Step], Field(max_length=6)]],
    Field(description="The dispositions that differ from the default table, each with its steps."),
]


class RetryOut(Out):
    number: int
    table: dict[str, Any]


class RetryBody(Body):
    number: Number
    table: Table


class Rule(Body):
    """One escalation rule."""

    key: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    trigger: EscalationTrigger
    after_minutes: Annotated[int, Field(ge=0, le=43_200)]
    severity: Severity = Severity.MINOR
    mark: bool = True
    raise_to: Annotated[int, Field(ge=0, le=100)] | None = None
    told: EscalationTold = EscalationTold.NOBODY
    enabled: bool = True


class RulesOut(Out):
    number: int
    rules: list[Rule]


class RulesBody(Body):
    number: Number
    rules: Annotated[list[Rule], Field(max_length=20)]


class SetupVersionOut(Out):
    number: int
    document: dict[str, Any]
    created_at: datetime
    created_by_id: int | None
    restores: int | None


class EscalationOut(Out):
    id: int
    rule: str
    trigger: EscalationTrigger
    case_id: int | None
    callback: str | None = Field(description="Handle.")
    team_id: int | None
    since: datetime
    raised_at: datetime
    raised_to: int | None
    told: EscalationTold


@router.get("/policy", operation_id="readPolicy")
def read_policy(house: HouseDep, me: Reader) -> PolicyOut:
    """The figures that differ from the defaults."""
    with reading(house.sessions) as session:
        found = policies.present(session, SetupKind.POLICY)
    return PolicyOut(number=found.number, figures=found.document)


@router.put("/policy", operation_id="changePolicy")
def change_policy(body: PolicyBody, house: HouseDep, now: Now, me: Writer) -> PolicyOut:
    """Make these the figures. Windows may only be narrower than the legal limits; every fault is named."""
    with house.sessions.begin() as session:
        act = Act.of(now=now, actor_id=me.agent_id)
        policies.change_figures(session, body.figures, number=body.number, act=act)
        found = policies.present(session, SetupKind.POLICY)
    return PolicyOut(number=found.number, figures=found.document)


@router.get("/retry-table", operation_id="readRetryTable")
def read_retry_table(house: HouseDep, me: Reader) -> RetryOut:
    """The dispositions whose steps differ from the default table."""
    with reading(house.sessions) as session:
        found = policies.present(session, SetupKind.RETRY)
    return RetryOut(number=found.number, table=found.document)


@router.put("/retry-table", operation_id="changeRetryTable")
def change_retry_table(body: RetryBody, house: HouseDep, now: Now, me: Writer) -> RetryOut:
    """Make these the steps; a disposition that is left out has its default ones."""
    document = {outcome.value: [step.model_dump() for step in steps] for outcome, steps in body.table.items()}
    with house.sessions.begin() as session:
        act = Act.of(now=now, actor_id=me.agent_id)
        policies.change_retry(session, document, number=body.number, act=act)
        found = policies.present(session, SetupKind.RETRY)
    return RetryOut(number=found.number, table=found.document)


@router.get("/escalation-rules", operation_id="readEscalationRules")
def read_escalation_rules(house: HouseDep, me: Reader) -> RulesOut:
    """The rules in force, in their order."""
    with reading(house.sessions) as session:
        number = policies.present(session, SetupKind.ESCALATION).number
        return _rules(number, escalations.document(session))


@router.put("/escalation-rules", operation_id="changeEscalationRules")
def change_escalation_rules(body: RulesBody, house: HouseDep, now: Now, me: Writer) -> RulesOut:
    """Make these the rules, in this order; none at all is possible."""
    document = {"rules": [rule.model_dump(mode="json") for rule in body.rules]}
    with house.sessions.begin() as session:
        act = Act.of(now=now, actor_id=me.agent_id)
        escalations.change(session, document, number=body.number, act=act)
        number = policies.present(session, SetupKind.ESCALATION).number
        return _rules(number, escalations.document(session))


def _rules(number: int, document: Document) -> RulesOut:
    return RulesOut(number=number, rules=[Rule.model_validate(raw) for raw in document["rules"]])


@router.get("/escalations", operation_id="listOpenEscalations")
def list_escalations(
    house: HouseDep,
    me: Annotated[Principal, Depends(caller(Scope.CALLBACKS_WRITE))],
    team_id: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
) -> list[EscalationOut]:
    """What is open and marked for the board, the oldest first."""
    with reading(house.sessions) as session:
        return [
            EscalationOut(
                id=found.id,
                rule=found.rule,
                trigger=found.trigger,
                case_id=found.case_id,
                callback=found.callback.handle if found.callback else None,
                team_id=found.team_id,
                since=found.since,
                raised_at=found.raised_at,
                raised_to=found.raised_to,
                told=found.told,
            )
            for found in escalation_rows.marked(session, team_id=team_id, limit=limit)
        ]


HouseKind = Annotated[
    SetupKind, Path(description="`policy`, `retry` or `escalation`; of calendars, teams, agents: `key`.")
]
Key = Annotated[str, Query(max_length=64, pattern=r"^[A-Za-z0-9]*$")]


@router.get("/setup/{kind}/versions", operation_id="listSetupVersions")
def list_versions(
    kind: HouseKind,
    house: HouseDep,
    me: Annotated[Principal, Depends(caller(Scope.POLICIES_WRITE))],
    key: Key = "",
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> list[SetupVersionOut]:
    """Who set it up how, the newest first, 50 at a time."""
    with reading(house.sessions) as session:
        found = rows.history(session, kind, key, before=before, limit=50)
        return [SetupVersionOut.model_validate(version) for version in found]


@router.post("/setup/{kind}/versions/{number}/restore", status_code=204, operation_id="restoreSetupVersion")
def restore_version(
    kind: HouseKind,
    number: Annotated[int, Path(ge=0, le=2**31 - 1)],
    house: HouseDep,
    now: Now,
    me: Writer,
    key: Key = "",
) -> None:
    """An earlier version counts again, as a new one, if it would be accepted today."""
    with house.sessions.begin() as session:
        undo.restore(session, kind, key, number, scopes=me.scopes, now=now, actor_id=me.agent_id)
