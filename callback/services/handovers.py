"""The handover at the end of a shift (交接班): open points pre-filled, remarked on, given, and signed by the next one.

A draft is read anew each time, so that what has been settled meanwhile is gone; when it is handed over its points are
frozen. What is remarked on a call that is still owed also reaches whoever makes that call, as a message.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import delete
from sqlalchemy.orm import Session

from callback.db import callbacks as callback_rows
from callback.db import handovers as rows
from callback.db.tables import Agent, Handover, HandoverPoint
from callback.domain import handover as rules
from callback.domain.handle import new_handle
from callback.domain.handover import Found
from callback.domain.moment import start_of_day
from callback.domain.text import is_storable
from callback.domain.words import CallbackState, CaseStatus, HandoverState, OpenPoint, Purpose
from callback.errors import Conflict, Forbidden, Invalid, NotFound
from callback.services import audit, notes

LONGEST_REMARKS = 5_000
PAST_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One open point: whom it is about and why. Of a call that is owed nothing is told of what the case is about."""

    kind: OpenPoint
    """The sentence is `handover.kind_<…>`."""
    subject: str
    customer_id: int
    customer_name: str | None
    case: str
    """Its number; of a case that is worked on (nobody is called about it yet) its subject, by which it is known."""
    callback: str | None
    """Handle."""
    purpose: Purpose | None
    due_at: datetime | None
    remark: str
    settled: bool
    """By now: the callback has ended, or the case is closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    day: date
    version: int
    """0: nothing is kept yet."""
    remarks: str
    points: tuple[Point, ...]


def draft_of(session: Session, *, agent_id: int, now: datetime, zone: ZoneInfo) -> Draft:
    """What is open for the agent now, with the remarks that were kept."""
    kept = rows.draft_of(session, agent_id)
    remarks = {point.subject: point.remark for point in kept.points} if kept is not None else {}
    return Draft(
        day=now.astimezone(zone).date(),
        version=kept.version if kept is not None else 0,
        remarks=kept.remarks if kept is not None else "",
        points=_told(session, _open(session, agent_id, now, zone), remarks),
    )


def save(
    session: Session,
    *,
    agent_id: int,
    remarks: str,
    by_subject: Mapping[str, str],
    version: int,
    now: datetime,
    zone: ZoneInfo,
) -> Handover:
    """Keep the draft: `by_subject` are the remarks on single points; those on points that are gone are dropped.

    Raises `Conflict` (`handover_changed`) when the draft was kept in another window meanwhile, and `Invalid`
    (`handover_too_long`, `text_not_storable`).
    """
    _check(remarks, by_subject)
    callback_rows.lock_agent(session, agent_id)
    draft = rows.draft_of(session, agent_id)
    if version != (draft.version if draft is not None else 0):
        raise Conflict("handover_changed")
    if draft is None:
        draft = Handover(handle=new_handle(), from_id=agent_id, day=now.astimezone(zone).date(), updated_at=now)
        draft.state, draft.remarks = HandoverState.DRAFT, remarks.strip()
        session.add(draft)
        session.flush()
    else:
        values = {"remarks": remarks.strip(), "updated_at": now, "day": now.astimezone(zone).date()}
        if not rows.move(session, draft, values, state=HandoverState.DRAFT, version=version):
            raise Conflict("handover_changed")
    found = [one for one in _open(session, agent_id, now, zone) if by_subject.get(one.subject, "").strip()]
    _write_points(session, draft, found, by_subject)
    session.refresh(draft)
    return draft


def give(
    session: Session,
    *,
    agent_id: int,
    to_id: int | None,
    remarks: str,
    by_subject: Mapping[str, str],
    version: int,
    now: datetime,
    zone: ZoneInfo,
) -> Handover:
    """Hand over to a colleague, or (None) to whoever of the team comes next. The points are frozen as they are now.

    Raises what `save` raises, `NotFound` (`agent_not_found`) and `Invalid` (`handover_to_self`, `handover_no_team`).
    """
    giver = session.get_one(Agent, agent_id)
    team_id = _recipient(session, giver, to_id)
    draft = save(
        session, agent_id=agent_id, remarks=remarks, by_subject=by_subject, version=version, now=now, zone=zone
    )
    found = _open(session, agent_id, now, zone)
    _write_points(session, draft, found, by_subject)
    values = {"state": HandoverState.GIVEN, "given_at": now, "updated_at": now, "to_id": to_id, "team_id": team_id}
    if not rows.move(session, draft, values, state=HandoverState.DRAFT, version=draft.version):
        raise Conflict("handover_changed")
    _leave_messages(session, agent_id, found, by_subject, now=now)
    _audit(session, "handover.given", draft, by=agent_id, now=now, to=to_id, team=team_id, points=len(found))
    session.refresh(draft)
    return draft


def take_back(session: Session, *, handle: str, by: int, now: datetime) -> Handover:
    """Not signed yet: a draft again. Raises `NotFound` and `Conflict` (`handover_signed`, `handover_other_draft`)."""
    handover = _find(session, handle)
    if handover.from_id != by:
        raise NotFound("handover_not_found")
    callback_rows.lock_agent(session, by)
    if rows.draft_of(session, by) is not None:
        raise Conflict("handover_other_draft")
    values = {"state": HandoverState.DRAFT, "given_at": None, "to_id": None, "team_id": None, "updated_at": now}
    if not rows.move(session, handover, values, state=HandoverState.GIVEN, version=handover.version):
        raise Conflict("handover_signed")
    _audit(session, "handover.taken_back", handover, by=by, now=now)
    session.refresh(handover)
    return handover


def sign(session: Session, *, handle: str, by: int, now: datetime) -> Handover:
    """The next one has read it and takes over. Signing again what one has signed changes nothing.

    Raises `NotFound` (`handover_not_found`), `Forbidden` (`handover_not_yours`) and `Conflict` (`handover_signed`).
    """
    handover = _find(session, handle)
    signer = session.get_one(Agent, by)
    if handover.state is HandoverState.SIGNED and handover.signed_by_id == by:
        return handover
    if not _may_sign(handover, signer):
        raise Forbidden("handover_not_yours")
    values = {"state": HandoverState.SIGNED, "signed_at": now, "signed_by_id": by, "updated_at": now}
    if not rows.move(session, handover, values, state=HandoverState.GIVEN, version=handover.version):
        raise Conflict("handover_signed")
    _audit(session, "handover.signed", handover, by=by, now=now)
    session.refresh(handover)
    return handover


def read(session: Session, handle: str, *, by: int, supervises: bool) -> tuple[Handover, tuple[Point, ...], bool]:
    """One that was handed over, its points with what has become of them, and whether this reader may sign it.

    Raises `NotFound` (`handover_not_found`), also for what is none of the reader's business.
    """
    handover = _find(session, handle)
    reader = session.get_one(Agent, by)
    mine = by in (handover.from_id, handover.to_id, handover.signed_by_id)
    team = handover.team_id is not None and handover.team_id == reader.team_id
    if handover.state is HandoverState.DRAFT or not (supervises or mine or team):
        raise NotFound("handover_not_found")
    kept = rows.points_of(session, handover.id)
    found = [Found(point.kind, point.case_id, point.callback_id, point.due_at) for point in kept]
    told = _told(session, found, {point.subject: point.remark for point in kept})
    return handover, told, handover.state is HandoverState.GIVEN and _may_sign(handover, reader)


def to_sign(session: Session, agent: Agent) -> Sequence[Handover]:
    return rows.to_sign(session, agent_id=agent.id, team_id=agent.team_id)


def unsigned(session: Session) -> Sequence[Handover]:
    """Everybody's, for supervisors, the oldest first."""
    return rows.page_of_unsigned(session, limit=rows.MOST)


def past(session: Session, agent: Agent, *, supervises: bool) -> Sequence[Handover]:
    """The latest that were handed over: of this agent and their team, or of everybody for a supervisor."""
    return rows.past(session, agent_id=None if supervises else agent.id, team_id=agent.team_id, limit=PAST_SHOWN)


def _open(session: Session, agent_id: int, now: datetime, zone: ZoneInfo) -> tuple[Found, ...]:
    today = now.astimezone(zone).date()
    since, until = (start_of_day(today + timedelta(days=ahead), zone) for ahead in (0, 2))
    return rules.points(rows.open_points(session, agent_id=agent_id, since=since, until=until))


def _told(session: Session, found: Sequence[Found], remarks: Mapping[str, str]) -> tuple[Point, ...]:
    about = rows.about(session, {one.case_id for one in found})
    calls = rows.callbacks_of(session, {one.callback_id for one in found if one.callback_id is not None})
    told = []
    for one in found:
        case = about[one.case_id]
        call = calls[one.callback_id] if one.callback_id is not None else None
        over = case.status is CaseStatus.CLOSED if call is None else not CallbackState(call.state).is_live
        told.append(
            Point(
                kind=one.kind,
                subject=one.subject,
                customer_id=case.customer_id,
                customer_name=case.name,
                case=case.subject if one.kind is OpenPoint.CHILD_CASE else case.external_id,
                callback=call.handle if call is not None else None,
                purpose=call.purpose if call is not None else None,
                due_at=one.due_at,
                remark=remarks.get(one.subject, ""),
                settled=over and one.kind is not OpenPoint.UNHAPPY,
            )
        )
    return tuple(told)


def _check(remarks: str, by_subject: Mapping[str, str]) -> None:
    for words, most in ((remarks, LONGEST_REMARKS), *((one, notes.LONGEST) for one in by_subject.values())):
        if len(words.strip()) > most:
            raise Invalid("handover_too_long", most=most, length=len(words.strip()))
        if not is_storable(words):
            raise Invalid("text_not_storable")


def _recipient(session: Session, giver: Agent, to_id: int | None) -> int | None:
    """The team that may sign where nobody is named."""
    if to_id is None:
        if giver.team_id is None:
            raise Invalid("handover_no_team")
        return giver.team_id
    if to_id == giver.id:
        raise Invalid("handover_to_self")
    colleague = session.get(Agent, to_id)
    if colleague is None or not colleague.active:
        raise NotFound("agent_not_found", agent=to_id)
    return None


def _write_points(session: Session, handover: Handover, found: Sequence[Found], by_subject: Mapping[str, str]) -> None:
    session.execute(delete(HandoverPoint).where(HandoverPoint.handover_id == handover.id))
    session.expire(handover, ["points"])
    for place, one in enumerate(found):
        session.add(
            HandoverPoint(
                handover_id=handover.id,
                kind=one.kind,
                subject=one.subject,
                case_id=one.case_id,
                callback_id=one.callback_id,
                due_at=one.due_at,
                position=place,
                remark=by_subject.get(one.subject, "").strip(),
            )
        )
    session.flush()


def _leave_messages(
    session: Session, agent_id: int, found: Sequence[Found], by_subject: Mapping[str, str], *, now: datetime
) -> None:
    """Remarks go to whoever makes the call, once: taken back and given again they are not said twice."""
    calls = rows.callbacks_of(session, {one.callback_id for one in found if one.callback_id is not None})
    for callback_id, call in calls.items():
        remark = by_subject.get(f"callback-{callback_id}", "").strip()
        if not remark or not CallbackState(call.state).is_live:
            continue
        if remark not in {message.text for message in notes.messages_of(session, callback_id, by=agent_id)}:
            notes.leave(session, callback=call.handle, text=remark, by=agent_id, now=now)


def _may_sign(handover: Handover, signer: Agent) -> bool:
    return rules.may_sign(
        signer=signer.id,
        team=signer.team_id,
        given_by=handover.from_id,
        given_to=handover.to_id,
        given_to_team=handover.team_id,
    )


def _find(session: Session, handle: str) -> Handover:
    handover = rows.by_handle(session, handle)
    if handover is None:
        raise NotFound("handover_not_found")
    return handover


def _audit(session: Session, action: str, handover: Handover, *, by: int, now: datetime, **details: object) -> None:
    audit.record(
        session, now=now, actor_id=by, action=action, subject_kind="handover", subject_id=handover.handle, **details
    )
