"""`/setup/skills`: which skills there are, who has them, which calls ask for them; one word for what is the same."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from callback.db import agents as rows
from callback.domain.account import Scope
from callback.services import agents as service
from callback.services.attention import wanted_skills
from callback.services.setups.record import Act
from callback.web.desk import Desk, at_desk
from callback.web.setup.agents import MOST_AT_ONCE
from callback.web.setup.forms import Fields, Form

router = APIRouter()
Reader = Annotated[Desk, Depends(at_desk(Scope.AGENTS_READ))]
Writer = Annotated[Desk, Depends(at_desk(Scope.AGENTS_WRITE))]


@router.get("/setup/skills")
def skills(desk: Reader) -> Response:
    with desk.reading() as session:
        had = rows.skills_in_use(session)
        wanted = wanted_skills(session)
        return desk.page(
            "setup/skills/page.html",
            skills=sorted(had.keys() | wanted.keys()),
            had=had,
            wanted=wanted,
            fields=Fields(desk),
            may=Scope.AGENTS_WRITE in desk.me.scopes,
        )


@router.post("/setup/skills/rename")
def rename(desk: Writer, form: Form) -> Response:
    """Another word for a skill, for everybody who has it; a word that is in use already joins the two."""
    fields = Fields(desk, form)
    old = fields.text("old", most=64)
    new = fields.text("new", most=64)
    if "," in new:
        fields.fault("new", "setup_desk.one_skill")
    if fields.faults:
        return desk.fragment("setup/skills/rename.html", status=422, fields=fields, skill=old)
    act = Act.of(now=desk.now, actor_id=desk.me.agent_id)
    with desk.begin() as session:
        query = rows.found(session, rows.Wanted(skill=old, active=None))
        ids = rows.ids_of(session, query, limit=MOST_AT_ONCE)
        count = service.change_many(
            session,
            ids,
            lambda agent: {"skills": list(dict.fromkeys(new if skill == old else skill for skill in agent.skills))},
            act=act,
        )
    undo = f"/setup/undo/{act.handle}" if count else None
    return desk.go("/setup/skills", said="setup_desk.many_changed", undo=undo, count=count)
