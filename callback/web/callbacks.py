"""`/callbacks/{handle}` and `/cases/{id}`: the whole story, why it is as it is, and what can be done about it now."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Response
from sqlalchemy.orm import Session

from callback.db.tables import Callback, Decision
from callback.domain.account import Scope
from callback.domain.words import CallbackState, Channel, Purpose, Role
from callback.errors import Invalid
from callback.services import alternatives, callbacks, cases, customers, explanations, stories, supervision
from callback.services.placements import PLACEABLE
from callback.web.choices import BIGGEST_ID, Chosen, Id, moment_of
from callback.web.desk import Desk, at_desk
from callback.web.reassign import barred

router = APIRouter(include_in_schema=False)
Leader = Annotated[Desk, Depends(at_desk(Scope.CALLBACKS_WRITE, Role.SUPERVISOR, Role.ADMINISTRATOR))]
Handle = Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
CaseId = Annotated[int, Path(ge=1, le=BIGGEST_ID)]
Reason = Annotated[str, Form(max_length=2_000)]
Version = Annotated[int, Form(ge=1, le=2**31 - 1)]


@router.get("/callbacks/{handle}")
def show(handle: Handle, desk: Leader) -> Response:
    with desk.reading() as session:
        callback = callbacks.find_callback(session, handle)
        return _story(session, desk, callback.case_id, callback)


@router.get("/callbacks/{handle}/alternatives")
def show_alternatives(handle: Handle, desk: Leader) -> Response:
    """What lost against its place, or stands against it. Asked for by itself: it looks at everybody's list."""
    with desk.reading() as session:
        callback = callbacks.find_callback(session, handle)
        weighed = alternatives.weigh(session, callback, now=desk.now, zone=desk.zone)
        lines = alternatives.tell(weighed, desk.language, desk.zone)
    return desk.fragment("callbacks/alternatives.html", lines=_indented(lines))


@router.get("/cases/{case_id}")
def show_case(case_id: CaseId, desk: Leader) -> Response:
    with desk.reading() as session:
        return _story(session, desk, case_id, None)


def _story(session: Session, desk: Desk, case_id: int, callback: Callback | None) -> Response:
    story = stories.of_case(session, case_id)
    explanation = None if callback is None else explanations.explain(session, callback, now=desk.now)
    if explanation is None:
        why = explanations.tell_case(session, str(case_id), desk.language)[1:]
    else:
        why = explanations.tell(explanation, desk.language, history=False)[1:]
    placeable = callback is not None and callback.state in PLACEABLE and callback.channel is Channel.AGENT
    return desk.page(
        "callbacks/story.html",
        story=story,
        case=story.case,
        customer=story.case.customer,
        callback=callback,
        why=_indented(why),
        next_legal=explanation.next_legal if explanation else None,
        may=explanation.may if explanation and placeable else (),
        may_not=barred(explanation.may_not, desk) if explanation and placeable else (),
        placeable=placeable,
        cancellable=callback is not None and callback.state in PLACEABLE,
        undecided=callback is not None and callback.state is CallbackState.EXHAUSTED and callback.decided_at is None,
        is_second_call=callback is not None and callback.purpose is Purpose.SECOND_CALL,
        live_flag=next((flag for flag in story.flags if flag.closed_at is None), None),
        answers={response.id: stories.answers(session, response, desk.language) for response in story.responses},
        decision_said=lambda decision: _decision(decision, desk),
    )


def _indented(lines: Sequence[str]) -> list[tuple[str, bool]]:
    """Each line, and whether it belongs to the one before it."""
    return [(line.strip().removeprefix("- "), line.startswith(" ")) for line in lines]


def _decision(decision: Decision, desk: Desk) -> str:
    return desk.say(
        "work_desk.decision",
        about=desk.say(f"about.{decision.about}"),
        verdict=desk.say(f"verdict.{decision.verdict}"),
        rule=explanations.rule_name(decision.rule, desk.language),
    )


# ── What is decided here ────────────────────────────────────────────────────────────────────────────────────────────


@router.post("/callbacks/{handle}/assign")
def assign(
    handle: Handle,
    desk: Leader,
    version: Version,
    agent_id: Annotated[Id | None, Chosen, Form()] = None,
    reason: Reason = "",
    at: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """To this agent; the reason is needed only against a rule about persons."""
    if agent_id is None:
        raise Invalid("agent_not_chosen")
    with desk.begin() as session:
        callback = supervision.assign(
            session,
            handle=handle,
            agent_id=agent_id,
            by=desk.me.agent_id,
            now=desk.now,
            at=moment_of(at, desk.zone),
            override_reason=reason,
            version=version,
        )
        name = callback.agent.name if callback.agent is not None else ""
    return desk.go(f"/callbacks/{handle}", said="work_desk.assigned", name=name)


@router.post("/callbacks/{handle}/cancel")
def cancel(handle: Handle, desk: Leader, version: Version, reason: Reason = "") -> Response:
    with desk.begin() as session:
        supervision.cancel(session, handle=handle, reason=reason, by=desk.me.agent_id, now=desk.now, version=version)
    return desk.go(f"/callbacks/{handle}", said="work_desk.cancelled")


@router.post("/callbacks/{handle}/again")
def again(handle: Handle, desk: Leader, reason: Reason = "") -> Response:
    """Came to nothing, and shall be tried anew."""
    with desk.begin() as session:
        supervision.call_again(session, handle=handle, reason=reason, by=desk.me.agent_id, now=desk.now)
    return desk.go(f"/callbacks/{handle}", said="work_desk.again")


@router.post("/callbacks/{handle}/rest")
def rest(handle: Handle, desk: Leader, reason: Reason = "") -> Response:
    """Came to nothing, and nothing follows."""
    with desk.begin() as session:
        supervision.let_rest(session, handle=handle, reason=reason, by=desk.me.agent_id, now=desk.now)
    return desk.go(f"/callbacks/{handle}", said="work_desk.rests")


@router.post("/cases/{case_id}/contact")
def add_contact(
    case_id: CaseId,
    desk: Annotated[Desk, Depends(at_desk(Scope.CUSTOMERS_WRITE, Role.SUPERVISOR, Role.ADMINISTRATOR))],
    kind: Annotated[str, Form(pattern="^(phone|email)$")] = "phone",
    text: Annotated[str, Form(max_length=400)] = "",
    handle: Annotated[str, Form(max_length=64, pattern=r"^[A-Za-z0-9_-]*$")] = "",
) -> Response:
    """A number that was found; the planner looks at the customer's cases again."""
    with desk.begin() as session:
        case = cases.find_case(session, case_id)
        customers.add_contact_point(
            session, customer=case.customer, kind=kind, text=text, by=desk.me.agent_id, now=desk.now
        )
    return desk.go(f"/callbacks/{handle}" if handle else f"/cases/{case_id}", said="work_desk.contact_added")
