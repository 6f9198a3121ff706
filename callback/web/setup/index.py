"""`/setup`: a card for every part, and what wants attention."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from callback.domain.account import Scope
from callback.services import attention
from callback.web.desk import Desk, at_desk
from callback.web.setup.cards import cards_of

router = APIRouter()
Reader = Annotated[Desk, Depends(at_desk(Scope.AGENTS_READ))]


@router.get("/setup")
def setup(desk: Reader) -> Response:
    with desk.reading() as session:
        matters = attention.look(session, channels=desk.house.carriers)
    return desk.page("setup/index.html", groups=cards_of(desk.me), matters=matters)
