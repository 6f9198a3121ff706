"""Campaigns: who belongs to one, that a stop acts at once, and that none starves another."""

from typing import Any

import pytest
from sqlalchemy import func, select, update

from callback.db.tables import Callback, Campaign, Case
from callback.domain.words import CallbackState, CampaignState, Channel, SendState
from callback.errors import Conflict
from callback.services import campaigns, sends
from callback.services.campaigns import Criteria
from tests.integration.post_office import TIMEOUT, PostOffice


def _campaign(post: PostOffice, name: str, **criteria: Any) -> int:
    with post.house.sessions.begin() as session:
        return campaigns.create(session, name=name, criteria=Criteria(**criteria), by=None, now=post.now).id


def _do(post: PostOffice, act: Any, campaign_id: int) -> CampaignState:
    with post.house.sessions.begin() as session:
        changed: Campaign = act(session, campaigns.find(session, campaign_id), by=None, now=post.now)
        return changed.state


def _category(post: PostOffice, handle: str, category: str) -> None:
    with post.house.sessions.begin() as session:
        case_id = select(Callback.case_id).where(Callback.handle == handle).scalar_subquery()
        session.execute(update(Case).where(Case.id == case_id).values(category=category))


def test_what_fits_joins_now_and_later(post: PostOffice) -> None:
    fits, other = post.due(), post.due()
    _category(post, fits, "lifts")
    campaign_id = _campaign(post, "Lifts", category="lifts")
    assert post.callback(fits).campaign_id == campaign_id
    assert post.callback(other).campaign_id is None
    later = post.due()
    _category(post, later, "lifts")
    assert campaigns.enrol_all(post.house.sessions, now=post.now) == 1
    assert post.callback(later).campaign_id == campaign_id


def test_a_paused_campaign_sends_nothing_and_goes_on_where_it_stopped(post: PostOffice) -> None:
    handle = post.due()
    campaign_id = _campaign(post, "All")
    assert _do(post, campaigns.pause, campaign_id) is CampaignState.PAUSED
    assert post.round() == []
    assert post.callback(handle).state is CallbackState.WAITING
    assert _do(post, campaigns.resume, campaign_id) is CampaignState.RUNNING
    assert len(post.round()) == 1


def test_a_pause_stops_what_is_claimed_already(post: PostOffice) -> None:
    handle = post.due()
    campaign_id = _campaign(post, "All")
    (claimed,) = post.claim()
    _do(post, campaigns.pause, campaign_id)
    result = sends.hand_over(claimed, way=post.way(), now=post.now, timeout=TIMEOUT, halted={campaign_id})
    post.record([result])
    assert not post.fake.messages
    assert post.the_send(handle).state is SendState.QUEUED
    assert post.round() == []
    _do(post, campaigns.resume, campaign_id)
    assert len(post.round()) == 1
    assert len(post.fake.messages) == 1
    assert len(post.attempts(handle)) == 1


def test_a_cancelled_campaign_never_sends(post: PostOffice) -> None:
    waiting, begun = post.due(), post.due()
    campaign_id = _campaign(post, "All")
    with post.house.sessions.begin() as session:
        session.execute(update(Callback).where(Callback.handle == waiting).values(earliest_at=post.now))
    (claimed,) = post.claim(limit=1)
    _do(post, campaigns.cancel, campaign_id)
    result = sends.hand_over(claimed, way=post.way(), now=post.now, timeout=TIMEOUT, halted={campaign_id})
    post.record([result])
    assert post.round() == []
    assert not post.fake.messages
    assert post.callback(waiting).state is CallbackState.CANCELLED
    assert post.callback(begun).state is CallbackState.EXHAUSTED
    assert post.the_send(begun).state is SendState.WITHDRAWN
    assert _do(post, campaigns.cancel, campaign_id) is CampaignState.CANCELLED
    with pytest.raises(Conflict):
        _do(post, campaigns.resume, campaign_id)
    post.plan()
    assert post.callback(waiting).state is CallbackState.CANCELLED


def test_a_small_campaign_does_not_wait_behind_a_large_one(post: PostOffice) -> None:
    small = [post.due() for _ in range(2)]
    for handle in small:
        _category(post, handle, "small")
    _campaign(post, "Small", category="small")
    large = [post.due() for _ in range(20)]
    _campaign(post, "Large")
    with post.house.sessions.begin() as session:  # the large one has waited longer
        session.execute(update(Callback).where(Callback.handle.in_(small)).values(earliest_at=post.now))
    post.round(limit=6)
    assert all(post.sends(handle) for handle in small)
    assert sum(bool(post.sends(handle)) for handle in large) == 4


def test_two_of_one_name(post: PostOffice) -> None:
    _campaign(post, "Spring")
    with pytest.raises(Conflict) as refused:
        _campaign(post, "Spring")
    assert refused.value.code == "campaign_name_taken"
    with post.house.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Campaign)) == 1


def test_through_the_api(desk: Any, house: Any) -> None:
    chief = desk.supervisor()
    made = chief.post("/api/v1/campaigns", json={"name": "Spring", "criteria": {"channel": "sms"}})
    assert made.status_code == 201, made.text
    body = made.json()
    assert (body["state"], body["criteria"], body["callbacks"]) == ("running", {"channel": "sms"}, {})
    address = f"/api/v1/campaigns/{body['id']}"
    assert chief.post(f"{address}/pause").json()["state"] == "paused"
    assert chief.post(f"{address}/resume").json()["state"] == "running"
    assert chief.post(f"{address}/cancel").json()["state"] == "cancelled"
    assert chief.post(f"{address}/resume").status_code == 409
    assert [one["name"] for one in chief.get("/api/v1/campaigns").json()["items"]] == ["Spring"]
    assert desk.agent().post(f"{address}/pause").status_code == 403
    assert Channel.SMS not in house.carriers
