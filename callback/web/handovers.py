"""`/handover`: at the end of the shift what is open is written down and given on; the next one signs."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Path, Response

from callback.db import handovers as rows
from callback.db.tables import Agent
from callback.domain.account import Scope
from callback.errors import Invalid
from callback.services import handovers, notes
from callback.web.desk import Desk, at_desk

router = APIRouter(include_in_schema=False)
Reader = Annotated[Desk, Depends(at_desk(Scope.CALLBACKS_READ))]
Worker = Annotated[Desk, Depends(at_desk(Scope.CALLBACKS_WORK))]
Handle = Annotated[str, Path(min_length=1, max_length=32)]
Words = Annotated[str, Form(max_length=1_000_000)]
Subjects = Annotated[list[str], Form(max_length=1_000)]
Version = Annotated[int, Form(ge=0, le=2**31 - 1)]


@router.get("/handover")
def page(desk: Reader) -> Response:
    with desk.reading() as session:
        me = session.get_one(Agent, desk.me.agent_id)
        values: dict[str, Any] = {
            "draft": handovers.draft_of(session, agent_id=me.id, now=desk.now, zone=desk.zone),
            "colleagues": rows.colleagues(session, agent_id=me.id, team_id=me.team_id),
            "team": me.team.name if me.team is not None else None,
            "to_sign": handovers.to_sign(session, me),
            "unsigned": handovers.unsigned(session) if desk.me.supervises else (),
            "past": handovers.past(session, me, supervises=desk.me.supervises),
        }
    return desk.page("handovers/page.html", longest=notes.LONGEST, **values)


@router.post("/handover/save")
def save(
    desk: Worker, version: Version = 0, remarks: Words = "", subject: Subjects = [], remark: Subjects = []  # noqa: B006  read only
) -> Response:  # fmt: skip
    with desk.begin() as session:
        handovers.save(
            session,
            agent_id=desk.me.agent_id,
            remarks=remarks,
            by_subject=_by_subject(subject, remark),
            version=version,
            now=desk.now,
            zone=desk.zone,
        )
    return desk.go("/handover", said="handover_desk.saved")


@router.post("/handover/give")
def give(
    desk: Worker,
    to: Annotated[str, Form(max_length=20)] = "",
    version: Version = 0,
    remarks: Words = "",
    subject: Subjects = [],  # noqa: B006  read only
    remark: Subjects = [],  # noqa: B006  read only
) -> Response:
    """`to` is `team`, or the id of a colleague."""
    with desk.begin() as session:
        given = handovers.give(
            session,
            agent_id=desk.me.agent_id,
            to_id=_recipient(to),
            remarks=remarks,
            by_subject=_by_subject(subject, remark),
            version=version,
            now=desk.now,
            zone=desk.zone,
        )
    return desk.go(f"/handover/{given.handle}", said="handover_desk.given", undo=f"/handover/{given.handle}/take-back")


@router.get("/handover/{handle}")
def read(handle: Handle, desk: Reader) -> Response:
    """One that was handed over, fit to be printed."""
    with desk.reading() as session:
        handover, points, may_sign = handovers.read(session, handle, by=desk.me.agent_id, supervises=desk.me.supervises)
    return desk.page("handovers/read.html", handover=handover, points=points, may_sign=may_sign)


@router.post("/handover/{handle}/sign")
def sign(handle: Handle, desk: Worker) -> Response:
    with desk.begin() as session:
        handovers.sign(session, handle=handle, by=desk.me.agent_id, now=desk.now)
    return desk.go(f"/handover/{handle}", said="handover_desk.signed")


@router.post("/handover/{handle}/take-back")
def take_back(handle: Handle, desk: Worker) -> Response:
    with desk.begin() as session:
        handovers.take_back(session, handle=handle, by=desk.me.agent_id, now=desk.now)
    return desk.go("/handover", said="handover_desk.taken_back")


def _by_subject(subjects: list[str], remarks: list[str]) -> Mapping[str, str]:
    """One remark for each point, in the order of the page."""
    return dict(zip(subjects, remarks, strict=False))


def _recipient(to: str) -> int | None:
    """Raises `Invalid` (`handover_to_whom`)."""
    if to == "team":
        return None
    if not to.isascii() or not to.isdigit() or len(to) > 18:
        raise Invalid("handover_to_whom")
    return int(to)
