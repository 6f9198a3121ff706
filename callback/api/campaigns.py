"""Campaigns of automatic contacts."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field
from sqlalchemy.orm import Session

from callback.api.idempotency import OnceDep
from callback.api.paging import Page, PageDep
from callback.api.schemas import Body, BodyId, Moment, Name, Out, PathId
from callback.db import campaigns as rows
from callback.db.engine import reading
from callback.db.tables import Campaign
from callback.domain.account import Scope
from callback.domain.words import CallbackState, CampaignState, CaseKind, Channel
from callback.entrance import HouseDep, Now, Principal, caller
from callback.services import campaigns

router = APIRouter(tags=["campaigns"])
Reader = Annotated[Principal, Depends(caller(Scope.REPORTS_READ))]
Writer = Annotated[Principal, Depends(caller(Scope.CALLBACKS_WRITE))]


class CriteriaIn(Body):
    """Which automatic contacts belong to it. What is left out does not matter."""

    channel: Channel | None = None
    team_id: BodyId | None = None
    category: Annotated[str, Field(max_length=255)] | None = None
    product: Annotated[str, Field(max_length=255)] | None = None
    kind: CaseKind | None = None
    closed_from: Moment | None = None
    closed_until: Moment | None = None


class NewCampaign(Body):
    name: Name
    criteria: CriteriaIn = CriteriaIn()
    paused: bool = False
    """Begin when it is resumed."""


class CampaignOut(Out):
    id: int
    name: str
    state: CampaignState
    criteria: dict[str, Any]
    callbacks: dict[CallbackState, int]
    """How far it has come."""
    created_at: datetime
    updated_at: datetime
    version: int


@router.get("/campaigns", operation_id="listCampaigns")
def list_campaigns(house: HouseDep, me: Reader, page: PageDep, state: CampaignState | None = None) -> Page[CampaignOut]:
    """Campaigns in the order in which they were made, each with its progress."""
    with reading(house.sessions) as session:
        return page.select(
            session, rows.listed(state), lambda row: _out(session, row), kind="campaigns", order=(Campaign.id,)
        )


@router.post("/campaigns", status_code=201, operation_id="createCampaign")
def create_campaign(body: NewCampaign, house: HouseDep, now: Now, me: Writer, once: OnceDep) -> CampaignOut:
    """A campaign of everything that fits and waits; what is planned later joins it."""
    criteria = campaigns.Criteria(**body.criteria.model_dump())
    with house.sessions.begin() as session:

        def run() -> CampaignOut:
            made = campaigns.create(
                session, name=body.name, criteria=criteria, by=me.agent_id, now=now, paused=body.paused
            )
            return _out(session, made)

        return once.run(session, me, run, now=now)


@router.get("/campaigns/{campaign_id}", operation_id="readCampaign")
def read_campaign(campaign_id: PathId, house: HouseDep, me: Reader) -> CampaignOut:
    """One campaign and how far it has come."""
    with reading(house.sessions) as session:
        return _out(session, campaigns.find(session, campaign_id))


@router.post("/campaigns/{campaign_id}/pause", operation_id="pauseCampaign")
def pause_campaign(campaign_id: PathId, house: HouseDep, now: Now, me: Writer) -> CampaignOut:
    """Nothing of it leaves any more, at once; it keeps its place."""
    with house.sessions.begin() as session:
        found = campaigns.find(session, campaign_id)
        return _out(session, campaigns.pause(session, found, by=me.agent_id, now=now))


@router.post("/campaigns/{campaign_id}/resume", operation_id="resumeCampaign")
def resume_campaign(campaign_id: PathId, house: HouseDep, now: Now, me: Writer) -> CampaignOut:
    """Go on where it was paused."""
    with house.sessions.begin() as session:
        found = campaigns.find(session, campaign_id)
        return _out(session, campaigns.resume(session, found, by=me.agent_id, now=now))


@router.post("/campaigns/{campaign_id}/cancel", operation_id="cancelCampaign")
def cancel_campaign(campaign_id: PathId, house: HouseDep, now: Now, me: Writer) -> CampaignOut:
    """End it for good: what has not begun never leaves."""
    with house.sessions.begin() as session:
        found = campaigns.find(session, campaign_id)
        return _out(session, campaigns.cancel(session, found, by=me.agent_id, now=now))


def _out(session: Session, campaign: Campaign) -> CampaignOut:
    shown = {name: getattr(campaign, name) for name in CampaignOut.model_fields if name != "callbacks"}
    return CampaignOut.model_validate(shown | {"callbacks": rows.progress(session, [campaign.id])[campaign.id]})
