"""`/campaigns`: how far each has come, how fast it goes, and stopping it at once."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Response
from pydantic import BeforeValidator

from callback.db import campaigns as rows
from callback.db import work
from callback.db.keyset import newest
from callback.db.tables import Campaign, Case
from callback.domain.account import Scope
from callback.domain.words import CaseKind, Channel, Role
from callback.errors import Invalid
from callback.services import campaigns, failures, progress
from callback.web import moments
from callback.web.desk import Desk, at_desk
from callback.web.typed import BIGGEST_ID, Before, Line, PathId, Version, blank_is_none

router = APIRouter(include_in_schema=False)
Leader = Annotated[Desk, Depends(at_desk(Scope.CALLBACKS_WRITE, Role.SUPERVISOR, Role.ADMINISTRATOR))]
PAGE = 20
MOST_LOOKED_AT = 100_000
"""Waiting contacts that a preview looks through."""
LOOKED_AT = 2_000
"""Newest cases whose categories and products are offered."""
AUTOMATIC = (Channel.SMS, Channel.VOICE, Channel.EMAIL)


def _wanted(
    channel: Annotated[Channel | None, BeforeValidator(blank_is_none), Form()] = None,
    team_id: Annotated[int | None, BeforeValidator(blank_is_none), Form()] = None,
    category: Line = "",
    product: Line = "",
    kind: Annotated[CaseKind | None, BeforeValidator(blank_is_none), Form()] = None,
    closed_from: Annotated[date | None, BeforeValidator(blank_is_none), Form()] = None,
    closed_until: Annotated[date | None, BeforeValidator(blank_is_none), Form()] = None,
) -> dict[str, Any]:
    if team_id is not None and not 0 < team_id <= BIGGEST_ID:
        raise Invalid("team_not_found")
    return {
        "channel": channel,
        "team_id": team_id,
        "category": category or None,
        "product": product or None,
        "kind": kind,
        "closed_from": closed_from,
        "closed_until": closed_until,
    }


Wanted = Annotated[dict[str, Any], Depends(_wanted)]


@router.get("/campaigns")
def list_campaigns(desk: Leader, before: Before = None) -> Response:
    return _list(desk, before, whole=True)


@router.get("/campaigns/list")
def live_list(desk: Leader, before: Before = None) -> Response:
    return _list(desk, before, whole=False)


@router.get("/campaigns/new")
def new(desk: Leader) -> Response:
    with desk.reading() as session:
        values: dict[str, Any] = {
            "teams": work.teams(session),
            "categories": rows.known_values(session, Case.category, looked_at=LOOKED_AT),
            "products": rows.known_values(session, Case.product, looked_at=LOOKED_AT),
        }
        preview = rows.would_enrol(session, {}, most=MOST_LOOKED_AT)
    return desk.page(
        "campaigns/new.html", channels=AUTOMATIC, kinds=tuple(CaseKind), preview=preview, most=MOST_LOOKED_AT, **values
    )


@router.post("/campaigns/preview")
def preview(desk: Leader, wanted: Wanted) -> Response:
    """Who would be in it now. Changes nothing; a POST, so that the form is sent as it will be."""
    criteria = _criteria(desk, wanted).to_json()
    with desk.reading() as session:
        found = rows.would_enrol(session, criteria, most=MOST_LOOKED_AT)
    return desk.fragment("campaigns/preview.html", preview=found, most=MOST_LOOKED_AT)


@router.post("/campaigns")
def create(desk: Leader, wanted: Wanted, name: Line = "", paused: Annotated[bool, Form()] = False) -> Response:
    if not name:
        raise Invalid("campaign_without_name")
    with desk.begin() as session:
        made = campaigns.create(
            session, name=name[:120], criteria=_criteria(desk, wanted), by=desk.me.agent_id, now=desk.now, paused=paused
        )
        address = f"/campaigns/{made.id}"
    return desk.go(address, said="campaigns_desk.created")


@router.get("/campaigns/{campaign_id}")
def one(desk: Leader, campaign_id: PathId) -> Response:
    return _one(desk, campaign_id, whole=True)


@router.get("/campaigns/{campaign_id}/live")
def live(desk: Leader, campaign_id: PathId) -> Response:
    return _one(desk, campaign_id, whole=False)


@router.post("/campaigns/{campaign_id}/pause")
def pause(desk: Leader, campaign_id: PathId, version: Version) -> Response:
    return _act(desk, campaign_id, version, campaigns.pause, "campaigns_desk.paused")


@router.post("/campaigns/{campaign_id}/resume")
def resume(desk: Leader, campaign_id: PathId, version: Version) -> Response:
    return _act(desk, campaign_id, version, campaigns.resume, "campaigns_desk.resumed")


@router.post("/campaigns/{campaign_id}/cancel")
def cancel(desk: Leader, campaign_id: PathId, version: Version) -> Response:
    return _act(desk, campaign_id, version, campaigns.cancel, "campaigns_desk.cancelled")


def _act(desk: Desk, campaign_id: int, version: int, act: Callable[..., Campaign], said: str) -> Response:
    with desk.begin() as session:
        act(session, campaigns.find(session, campaign_id), by=desk.me.agent_id, now=desk.now, version=version)
    return desk.go(f"/campaigns/{campaign_id}", said=said)


def _criteria(desk: Desk, wanted: dict[str, Any]) -> campaigns.Criteria:
    """Days are the centre's, the last one included."""

    def start(day: date | None, *, after: int = 0) -> datetime | None:
        if day is None:
            return None
        return datetime.combine(day + timedelta(days=after), time.min, tzinfo=desk.house.zone)

    try:
        span = {"closed_from": start(wanted["closed_from"]), "closed_until": start(wanted["closed_until"], after=1)}
    except OverflowError:
        raise Invalid("campaign_period") from None
    return campaigns.Criteria(**{**wanted, **span})


def _list(desk: Desk, before: int | None, *, whole: bool) -> Response:
    with desk.reading() as session:
        found, onwards = newest(session, rows.listed(), Campaign.id, before=before, limit=PAGE)
        figures = {campaign.id: progress.figures_of(session, campaign, now=desk.now) for campaign in found}
    values: dict[str, Any] = {
        "campaigns": found,
        "figures": figures,
        "onwards": onwards,
        "before": before,
        "parts_of": parts_of,
    }
    return desk.page("campaigns/page.html", **values) if whole else desk.fragment("campaigns/list.html", **values)


def _one(desk: Desk, campaign_id: int, *, whole: bool) -> Response:
    with desk.reading() as session:
        campaign = campaigns.find(session, campaign_id)
        figures = progress.figures_of(session, campaign, now=desk.now)
        pace = progress.pace(session, figures, channels=desk.house.channels, now=desk.now)
        team = dict(work.teams(session)).get(campaign.criteria.get("team_id", 0))
    values: dict[str, Any] = {
        "campaign": campaign,
        "figures": figures,
        "pace": pace,
        "team": team,
        "parts_of": parts_of,
        "bars": _bars(figures, desk),
        "why_failed": lambda code: failures.why(code, desk.language),
        "day": lambda stored: moments.full_day(datetime.fromisoformat(stored), desk.house.zone, desk.language),
    }
    return desk.page("campaigns/one.html", **values) if whole else desk.fragment("campaigns/live.html", **values)


def parts_of(figures: progress.Figures) -> list[tuple[str, int, str]]:
    """The bar of a campaign: (name, contacts, tone), each contact once."""
    parts = [
        ("answered", figures.answered, "good"),
        ("sent", max(0, figures.sent - figures.answered - figures.failed), "calm"),
        ("failed", figures.failed, "bad"),
        ("never_sent", figures.never_sent, "warn"),
        ("waiting", max(0, figures.total - figures.sent - figures.never_sent), "plain"),
    ]
    return [part for part in parts if part[1]]


WIDE, HIGH, GROUND = 720, 130, 135
"""Of the picture of the hours, in its own units."""


def _bars(figures: progress.Figures, desk: Desk) -> list[dict[str, Any]]:
    """Each hour as three bars: (x, y, width, height)."""
    most = max((max(hour.sent, hour.answered, hour.failed) for hour in figures.hours), default=0) or 1
    width = WIDE / max(len(figures.hours), 1)

    def bar(place: int, value: int, *, at: float, share: float) -> tuple[float, float, float, float]:
        height = round(HIGH * value / most, 1)
        return (round((place + at) * width, 1), round(GROUND - height, 1), round(width * share, 1), height)

    return [
        {
            "hour": hour,
            "label": moments.clock(hour.begins, desk.zone),
            "x": round((place + 0.5) * width, 1),
            "sent": bar(place, hour.sent, at=0.1, share=0.8),
            "answered": bar(place, hour.answered, at=0.15, share=0.3),
            "failed": bar(place, hour.failed, at=0.5, share=0.3),
        }
        for place, hour in enumerate(figures.hours)
    ]
