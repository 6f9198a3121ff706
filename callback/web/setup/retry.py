"""`/setup/retry`: what follows each way a call may end, step by step; told in words and with what would happen now."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from sqlalchemy.orm import Session

from callback.db.policies import load_policy
from callback.domain.account import Scope
from callback.domain.retry import DEFAULT_TABLE, RetryStep, RetryTable
from callback.domain.retry_table import ENDS, MOST_STEPS, UNCOUNTED, Foretold, beyond_budget, document_of, foretell
from callback.domain.words import Disposition, SetupKind
from callback.errors import Invalid
from callback.services import policies
from callback.services.calendars import load_calendar, years_around
from callback.services.setups.record import Act
from callback.web.desk import Desk, at_desk
from callback.web.setup.differences import steps_words
from callback.web.setup.forms import Fields, Form
from callback.web.setup.history import history_of

router = APIRouter()
Reader = Annotated[Desk, Depends(at_desk(Scope.POLICIES_READ))]
Writer = Annotated[Desk, Depends(at_desk(Scope.POLICIES_WRITE))]
UNITS: Mapping[str, int] = {"minutes": 1, "hours": 60, "days": 1440}
GROUPS: Mapping[str, Sequence[Disposition]] = {
    "not_reached": (
        Disposition.NO_ANSWER,
        Disposition.BUSY,
        Disposition.ANSWERING_MACHINE,
        Disposition.SWITCHED_OFF,
        Disposition.THIRD_PARTY,
        Disposition.TECHNICAL_FAILURE,
        Disposition.NO_RESPONSE,
    ),
    "spoken": (
        Disposition.NOT_CONVENIENT,
        Disposition.IDENTITY_NOT_CONFIRMED,
        Disposition.LANGUAGE_BARRIER,
        Disposition.UNABLE,
    ),
    "number": (Disposition.WRONG_NUMBER, Disposition.DEAD_NUMBER),
    "over": (Disposition.COMPLETED, Disposition.PARTIAL, Disposition.BREAK_OFF, Disposition.REFUSED),
}


@router.get("/setup/retry")
def retry(desk: Reader) -> Response:
    with desk.reading() as session:
        present = policies.present(session, SetupKind.RETRY)
        table = policies.check_retry(present.document)
        return desk.page(
            "setup/retry/page.html",
            groups=GROUPS,
            table=table,
            words={d: steps_words(desk, table[d]) for d in table},
            changed=set(document_of(table)),
            beyond={d.value: most for d, most in beyond_budget(table, load_policy(session)).items()},
            ends=ENDS,
            may=Scope.POLICIES_WRITE in desk.me.scopes,
            history=history_of(desk, session, SetupKind.RETRY),
        )


@router.get("/setup/retry/{disposition}")
def edit(desk: Writer, disposition: Disposition) -> Response:
    with desk.reading() as session:
        present = policies.present(session, SetupKind.RETRY)
        table = policies.check_retry(present.document)
        fields = Fields(desk, number=present.number, **_shown(table[disposition]))
        told = _foretold(desk, session, disposition, table)
        return desk.page("setup/retry/one.html", fields=fields, **_form(disposition), told=told)


def _form(disposition: Disposition) -> dict[str, Any]:
    return {
        "disposition": disposition,
        "steps": range(MOST_STEPS),
        "may_uncount": disposition in UNCOUNTED,
        "fixed": disposition in ENDS,
    }


def _shown(steps: Sequence[RetryStep]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for place, step in enumerate(steps):
        values[f"then_{place}"] = "stop" if step.delay is None else "again"
        minutes = 0 if step.delay is None else round(step.delay.total_seconds() / 60)
        unit = next((name for name in ("days", "hours") if minutes and minutes % UNITS[name] == 0), "minutes")
        values[f"amount_{place}"] = f"{minutes / UNITS[unit]:g}"
        values[f"unit_{place}"] = unit
        values[f"other_{place}"] = step.other_part_of_day
        values[f"next_{place}"] = step.next_contact_point
        values[f"uncounted_{place}"] = not step.counts
    return values


def _foretold(desk: Desk, session: Session, disposition: Disposition, table: RetryTable) -> Foretold:
    """As it would go for a customer in the house's own country from now on."""
    calendar = load_calendar(session, desk.house.settings.country, years_around(desk.now))
    policy = load_policy(session)
    return foretell(disposition, table, at=desk.now, zone=desk.house.zone, calendar=calendar, policy=policy)


@router.post("/setup/retry/{disposition}")
def change(desk: Writer, disposition: Disposition, form: Form) -> Response:
    fields = Fields(desk, form)
    steps = _steps(fields)
    number = int(fields.number("number", low=0, high=10**9))
    act = Act.of(now=desk.now, actor_id=desk.me.agent_id)
    if not fields.faults:
        try:
            with desk.begin() as session:
                document = _with(policies.present(session, SetupKind.RETRY).document, disposition, steps)
                policies.change_retry(session, document, number=number, act=act)
        except Invalid as error:
            _tell(fields, error)
    if fields.faults:
        return desk.fragment("setup/retry/form.html", status=422, fields=fields, **_form(disposition), told=None)
    return desk.go("/setup/retry", said="setup_desk.saved", undo=f"/setup/undo/{act.handle}")


@router.post("/setup/retry/{disposition}/preview")
def preview(desk: Writer, disposition: Disposition, form: Form) -> Response:
    """How it would go with these steps; nothing is written."""
    fields = Fields(desk, form)
    steps = _steps(fields)
    told: Foretold | None = None
    if not fields.faults:
        with desk.reading() as session:
            try:
                document = _with(policies.present(session, SetupKind.RETRY).document, disposition, steps)
                table = policies.check_retry(document)
                told = _foretold(desk, session, disposition, table)
            except Invalid as error:
                _tell(fields, error)
    return desk.fragment("setup/retry/told.html", fields=fields, told=told)


@router.post("/setup/retry/{disposition}/default")
def to_default(desk: Writer, disposition: Disposition) -> Response:
    act = Act.of(now=desk.now, actor_id=desk.me.agent_id)
    with desk.begin() as session:
        document = dict(policies.present(session, SetupKind.RETRY).document)
        document.pop(disposition.value, None)
        policies.change_retry(session, document, number=None, act=act)
    return desk.go("/setup/retry", said="setup_desk.saved", undo=f"/setup/undo/{act.handle}")


def _with(document: Mapping[str, Any], disposition: Disposition, steps: Sequence[RetryStep]) -> dict[str, Any]:
    return (
        {**document, **document_of({disposition: tuple(steps)})}
        if tuple(steps) != DEFAULT_TABLE[disposition]
        else {name: found for name, found in document.items() if name != disposition.value}
    )


def _steps(fields: Fields) -> list[RetryStep]:
    found: list[RetryStep] = []
    for place in range(MOST_STEPS):
        then = fields.raw(f"then_{place}")
        if then == "stop":
            found.append(RetryStep(delay=None))
        if then != "again":
            continue
        unit = fields.one_of(f"unit_{place}", UNITS)
        amount = fields.number(f"amount_{place}", low=0, high=20_160, whole=False)
        found.append(
            RetryStep(
                delay=timedelta(minutes=round(amount * UNITS.get(unit, 1))),
                other_part_of_day=fields.on(f"other_{place}"),
                next_contact_point=fields.on(f"next_{place}"),
                counts=not fields.on(f"uncounted_{place}"),
            )
        )
    return found


def _tell(fields: Fields, error: Invalid) -> None:
    """Each fault at its step."""
    faults: Any = error.details.get("faults", ())
    for fault in faults:
        fields.fault(f"then_{fault['step']}", f"setup_retry.fault.{fault['code']}", **fault["params"])
    if not fields.faults:
        raise error
