"""`/moves/…/undo`: what a supervisor moved goes back, from whichever page it was done."""

import json
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from callback.db.agents import names_of
from callback.db.tables import Callback, Customer
from callback.domain.account import Scope
from callback.services import moves
from callback.services.moves import Undone
from callback.web.desk import Desk, at_desk

router = APIRouter(include_in_schema=False)
Mover = Annotated[Desk, Depends(at_desk(Scope.CALLBACKS_WRITE))]
NAMED = 5
"""Of those that did not go back; the rest is counted."""


@router.post("/moves/{move_id}/undo")
def undo(desk: Mover, move_id: Annotated[int, Path(ge=1, le=2**63 - 1)]) -> Response:
    with desk.begin() as session:
        undone = moves.undo(session, move_id, by=desk.me.agent_id, now=desk.now, zone=desk.house.zone)
        text = _said(session, desk, undone)
    told_once = {"desk:notice": {"text": text, "undo": None}, "desk:refresh": "", "moves:undone": ""}
    return Response(status_code=204, headers={"HX-Trigger": json.dumps(told_once)})


def _said(session: Session, desk: Desk, undone: Undone) -> str:
    if not undone.stays:
        return desk.say("moves_desk.undone", count=undone.restored)
    stays = undone.stays[:NAMED]
    handles = [item.handle for item in stays]
    query = select(Callback.handle, Customer.name).join(Customer, Customer.id == Callback.customer_id)
    customers = dict(session.execute(query.where(Callback.handle.in_(handles))).tuples().all())
    names = names_of(session, moves.agents_named(stays))
    lines = [
        desk.say(
            "moves_desk.stayed",
            name=customers.get(item.handle) or item.handle,
            why=item.tell(desk.language, names),
        )
        for item in stays
    ]
    more = desk.say("moves_desk.more", count=len(undone.stays) - NAMED) if len(undone.stays) > NAMED else ""
    head = desk.say("moves_desk.undone_partly", count=undone.restored, stayed=len(undone.stays))
    return " ".join([head, *lines, more]).strip()
