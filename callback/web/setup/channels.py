"""`/setup/channels`: the ways out and the files that are understood, to read: who runs the house sets both."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from callback.db.policies import load_policy
from callback.domain.account import Scope
from callback.services.imports.builtin import FIELDS
from callback.web.desk import Desk, at_desk

router = APIRouter()
Reader = Annotated[Desk, Depends(at_desk(Scope.POLICIES_READ))]


@router.get("/setup/channels")
def channels(desk: Reader) -> Response:
    with desk.reading() as session:
        countries = load_policy(session).automatic_countries
    return desk.page(
        "setup/channels.html",
        ways=sorted(desk.house.channels.items()),
        countries=countries,
        headings=[heading[desk.language == "zh"] for heading in FIELDS.values()],
    )
