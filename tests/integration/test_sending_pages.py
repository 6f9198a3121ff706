"""The pages of what leaves by itself, on both databases: progress, a stop at once, ledgers, lists, and who may not."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from callback.bootstrap import House
from callback.db import decisions
from callback.db.tables import AuditEntry, Callback, Campaign, Case, Send, Sender, Suppression, SuppressionList
from callback.db.unsent import SCANNED
from callback.domain.words import CallbackState, Channel, SendState
from callback.services import campaigns, do_not_call, housekeeping, progress
from callback.services.campaigns import Criteria
from callback.texts import Language, say
from tests.integration.post_office import PostOffice
from tests.integration.surveyed import PHONE, survey

GO = {"follow_redirects": False}


def _campaign(house: House, name: str = "Spring", **criteria: Any) -> int:
    with house.sessions.begin() as session:
        return campaigns.create(session, name=name, criteria=Criteria(**criteria), by=None, now=house.clock()).id


def _version(house: House, campaign_id: int) -> int:
    with house.sessions() as session:
        return session.get_one(Campaign, campaign_id).version


def test_figures_of_a_campaign(sandbox: PostOffice) -> None:
    """One answered and unhappy, one failed, one only sent, one cancelled before it left, one that waits."""
    house = sandbox.house
    handles = [sandbox.due(point={"fictional": True}) for _ in range(5)]
    campaign_id = _campaign(house)
    with house.sessions.begin() as session:
        later = update(Callback).where(Callback.handle.in_(handles[3:]))
        session.execute(later.values(earliest_at=sandbox.now + timedelta(days=1)))
    sandbox.round()
    with house.sessions.begin() as session:
        first, second = session.scalars(select(Send).order_by(Send.id)).all()[:2]
        second.state, second.error_code, second.ended_at = SendState.FAILED, "30007", sandbox.now
        gone = update(Callback).where(Callback.handle == handles[3])
        session.execute(gone.values(state=CallbackState.CANCELLED, finished_at=sandbox.now))
        from callback.services import sandbox as playing

        playing.write(session, handle=first.handle, text="2", settings=house.settings, now=sandbox.now)
    with house.sessions() as session:
        found = progress.count(session, campaign_id, now=sandbox.now)
        again = progress.Figures.from_json(found.to_json(), found.counted_at)
        pace = progress.pace(session, found, channels=house.channels, now=sandbox.now)
    assert again == found
    assert (found.total, found.waiting, found.under_way) == (5, 1, 3)
    assert (found.sent, found.delivered, found.failed) == (3, 2, 1)
    assert (found.answered, found.completed, found.unhappy, found.never_sent) == (1, 0, 1, 1)
    assert found.failures == (("30007", 1),)
    assert [(hour.sent, hour.answered, hour.failed) for hour in found.hours][-1] == (3, 1, 1)
    assert sum(hour.sent for hour in found.hours) == 3
    assert found.places == (("sms", "US", "Asia/Shanghai", 1),)
    assert not pace.measured
    assert pace.finish.done_at is not None
    assert pace.ways[0].name == "sandbox_sms"


def test_a_large_one_is_counted_by_the_worker(
    sandbox: PostOffice,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(progress, "SMALL", 1)
    for _ in range(2):
        sandbox.due(point={"fictional": True})
    campaign_id = _campaign(sandbox.house)

    def figures() -> progress.Figures:
        with sandbox.house.sessions() as session:
            campaign = session.get_one(Campaign, campaign_id)
            return progress.figures_of(session, campaign, now=sandbox.now)

    assert figures().counted_at is None
    assert progress.count_all(sandbox.house.sessions, now=sandbox.now) == 1
    assert progress.count_all(sandbox.house.sessions, now=sandbox.now) == 0
    assert figures().total == 2
    sandbox.round()
    assert figures().sent == 0  # as it was counted last
    sandbox.clock.advance(minutes=1)
    assert progress.count_all(sandbox.house.sessions, now=sandbox.now) == 1
    assert figures().sent == 2
    assert _version(sandbox.house, campaign_id) == 1


def test_stopped_at_once_and_a_stale_page_is_told(desk: Any, house: House) -> None:
    campaign_id = _campaign(house)
    one = f"/campaigns/{campaign_id}"
    boss = desk.supervisor()
    assert boss.post(f"{one}/pause", data={"version": 1}, **GO).status_code == 303
    assert boss.post(f"{one}/pause", data={"version": 1}, **GO).status_code == 303  # the second of two clicks
    assert _version(house, campaign_id) == 2
    stale = boss.post(f"{one}/resume", data={"version": 1}, **GO)
    assert stale.status_code == 409
    assert "changed by somebody else" in stale.text
    assert boss.post(f"{one}/resume", data={"version": 2}, **GO).status_code == 303
    assert boss.post(f"{one}/cancel", data={"version": 2}, **GO).status_code == 409
    assert boss.post(f"{one}/cancel", data={"version": 3}, **GO).status_code == 303
    assert boss.post(f"{one}/cancel", data={"version": 3}, **GO).status_code == 303
    assert boss.post(f"{one}/resume", data={"version": 4}, **GO).status_code == 409
    assert boss.post(f"{one}/pause", data={}, **GO).status_code == 422
    assert desk.agent().post(f"{one}/cancel", data={"version": 4}).status_code == 403
    assert boss.get("/campaigns/4711").status_code == 404
    assert boss.get(one).status_code == boss.get(f"{one}/live").status_code == 200


def test_who_would_be_in(post: PostOffice, request: pytest.FixtureRequest) -> None:
    fits, other = post.due(), post.due(channel=Channel.VOICE)
    with post.house.sessions.begin() as session:
        case_id = select(Callback.case_id).where(Callback.handle == fits).scalar_subquery()
        session.execute(update(Case).where(Case.id == case_id).values(category="lifts"))
    from callback.db import campaigns as rows

    with post.house.sessions() as session:
        assert rows.would_enrol(session, {}, most=10) == {Channel.SMS: 1, Channel.VOICE: 1}
        assert rows.would_enrol(session, {"category": "lifts"}, most=10) == {Channel.SMS: 1}
        assert sum(rows.would_enrol(session, {}, most=1).values()) == 1
        assert rows.known_values(session, Case.category, looked_at=10) == ["lifts"]
        assert session.scalar(select(func.count()).select_from(Callback).where(Callback.campaign_id.is_not(None))) == 0
    assert other


def test_a_campaign_is_made_on_the_page(desk: Any, house: House) -> None:
    boss = desk.supervisor()
    wanted = {
        "channel": "",
        "team_id": "",
        "kind": "request",
        "closed_from": "2026-03-01",
        "closed_until": "2026-03-10",
    }
    assert boss.post("/campaigns/preview", data=wanted).status_code == 200
    assert boss.post("/campaigns", data=wanted).status_code == 422  # no name
    made = boss.post("/campaigns", data={**wanted, "name": "<b>März</b>", "paused": "true"}, **GO)
    assert made.status_code == 303
    assert boss.post("/campaigns", data={**wanted, "name": "<b>März</b>"}, **GO).status_code == 409
    with house.sessions() as session:
        (campaign,) = session.scalars(select(Campaign)).all()
    assert campaign.criteria == {
        "kind": "request", "closed_from": "2026-03-01T00:00:00+08:00", "closed_until": "2026-03-11T00:00:00+08:00",
    }  # fmt: skip
    assert "<b>März" not in boss.get(made.headers["location"]).text
    turned = {"name": "x", "closed_from": "2026-03-10", "closed_until": "2026-03-01"}
    assert boss.post("/campaigns", data=turned).status_code == 422
    assert boss.post("/campaigns", data={"name": "x", "closed_until": "9999-12-31"}).status_code == 422


def _held_back(house: House, *rules: str) -> int:
    under_way = survey(house.sessions, house.clock())
    with house.sessions.begin() as session:
        for rule in rules:
            decisions.record(
                session, now=house.clock(), case_id=under_way.case, about="channel", rule=rule, verdict="not_sent",
                inputs={"channel": "sms"},
            )  # fmt: skip
        decisions.record(
            session, now=house.clock(), case_id=under_way.case, about="purpose", rule="survey", verdict="created",
            inputs={"refused_channels": {"sms": "no_consent", "voice": "no_carrier"}},
        )  # fmt: skip
    return under_way.case


def test_the_ledger_of_what_was_not_sent(desk: Any, house: House) -> None:
    case = _held_back(house, *["outside_window"] * 3, "a_rule_without_words", *["outside_window"] * 60)
    boss = desk.supervisor()
    page = boss.get("/unsent").text
    assert "outside the calling windows" in page
    assert "another rule (a_rule_without_words)" in page
    older = page.split("before=")[1].split('"')[0]
    assert boss.get("/unsent", params={"before": older}).text.count('id="unsent-') == 14
    assert boss.get("/unsent", params={"rule": "a_rule_without_words"}).text.count('id="unsent-') == 1
    elsewhere = boss.get("/unsent", params={"group": "elsewhere", "rule": "no_carrier", "case": str(case)}).text
    assert elsewhere.count('id="unsent-') == 1
    assert boss.get("/unsent", params={"group": "elsewhere", "rule": "resting"}).text.count('id="unsent-') == 0
    assert boss.get("/unsent", params={"since": "2026-03-12"}).text.count('id="unsent-') == 0
    assert SCANNED > 60
    assert desk.agent().get("/unsent").status_code == 403


def test_the_export_is_no_formula(desk: Any, house: House) -> None:
    case = _held_back(house, "outside_window")
    with house.sessions.begin() as session:
        session.get_one(Case, case).external_id = "=HYPERLINK(1)"
    told = desk.supervisor().get("/unsent/export", params={"rule": ""})
    assert told.headers["content-disposition"] == 'attachment; filename="unsent.csv"'
    lines = list(csv.DictReader(io.StringIO(told.text.lstrip("\ufeff"))))
    assert {line["case_number"] for line in lines} == {"'=HYPERLINK(1)"}
    assert PHONE not in told.text
    assert all(line["what_to_do"] for line in lines)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_refused_rows_of_a_list_can_be_taken_out(desk: Any, house: House, language: Language) -> None:
    """All of them, more than the page names, in the reader's language, as they were sent; taking them is on record."""
    boss = desk.supervisor()
    boss.cookies.set("callback_language", language)
    bad = "".join(f"1234567{nth:04}999999\n" for nth in range(do_not_call.SHOWN + 1))
    sent = {
        "file": ("名单.csv", f"phone,scope\n+8613812345678,\n{bad}=1+1,\n+8613812345679,pigeon\n".encode(), "text/csv")
    }
    assert "/rejects" not in boss.post("/suppressions/import/look", files=sent, data={"scope": "all"}).text
    page = boss.post("/suppressions/import", files=sent, data={"scope": "all"}).text
    assert "12345670000999999" not in page
    address = page.split('href="/suppressions/lists/')[1].split('"')[0]
    taken = boss.get(f"/suppressions/lists/{address}")
    assert taken.headers["content-disposition"].endswith("%E5%90%8D%E5%8D%95.rejects.csv")
    assert taken.headers["cache-control"] == "no-store"
    first, *lines = csv.reader(io.StringIO(taken.content.decode("utf-8-sig")))
    said = {code: say(f"suppression.reject.{code}", language) for code in ("bad_phone", "unknown_scope")}
    assert first[0] == {"en": "Row", "zh": "行号"}[language]
    assert len(lines) == do_not_call.SHOWN + 3
    assert lines[0] == ["3", "", "12345670000999999", said["bad_phone"]]
    assert lines[-2] == ["204", "", "'=1+1", said["bad_phone"]]
    assert lines[-1] == ["205", "", "pigeon", said["unknown_scope"]]
    with house.sessions() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "suppression.rejects")).one()
        assert (entry.actor_id, entry.details) == (desk.ids["chief"], {"file": "名单.csv"})
    assert desk.agent().get(f"/suppressions/lists/{address}", **GO).status_code == 403
    gone = boss.get("/suppressions/lists/nothing/rejects")
    assert gone.status_code == 404
    with house.sessions.begin() as session:
        assert housekeeping.purge(session, now=house.clock() + timedelta(days=6))["suppression_lists"] == 0
        assert housekeeping.purge(session, now=house.clock() + timedelta(days=8))["suppression_lists"] == 1


def test_a_list_without_refused_rows_keeps_nothing(desk: Any, house: House) -> None:
    sent = {"file": ("no.csv", b"phone\n+8613812345678\n", "text/csv")}
    assert "/rejects" not in desk.supervisor().post("/suppressions/import", files=sent, data={"scope": "all"}).text
    with house.sessions() as session:
        assert session.scalars(select(SuppressionList)).all() == []


def test_by_hand_and_from_a_list(desk: Any, house: House) -> None:
    boss = desk.supervisor()
    entry = {"address": "138 1234 5678", "words": "told me on the telephone", "scope": "all"}
    for _ in range(2):
        assert boss.post("/suppressions", data=entry, **GO).status_code == 303
    for bad in ({"address": ""}, {"address": "12"}, {"words": " "}, {"scope": "everything"}):
        assert boss.post("/suppressions", data={**entry, **bad}, **GO).status_code == 422
    file = {"file": ("no.csv", b"phone\n+8613812345678\n+8613987654321\nabc\n+8613987654321\n", "text/csv")}
    seen = boss.post("/suppressions/import/look", files=file, data={"scope": "all"})
    assert "Save new entries: 1" in seen.text
    assert "+86 139****4321" in seen.text
    assert _live(house) == 1
    assert boss.post("/suppressions/import", files=file, data={"scope": "all"}).status_code == 200
    assert _live(house) == 2
    assert "Nothing in it is new" in boss.post("/suppressions/import/look", files=file).text
    assert boss.post("/suppressions/import/look", data={}).status_code == 422
    found = boss.get("/suppressions", params={"sought": "13987654321"}).text
    assert found.count('id="entry-') == 1
    assert "no.csv" in found
    assert boss.get("/suppressions", params={"sought": "12 half"}).status_code == 422
    assert boss.get("/suppressions", params={"sought": "Ann%"}).text.count('id="entry-') == 0
    with house.sessions() as session:
        one = session.scalars(select(Suppression.id).order_by(Suppression.id)).first()
    assert boss.post(f"/suppressions/{one}/lift", data={"words": "<i>asked for it</i>"}, **GO).status_code == 303
    assert boss.post(f"/suppressions/{one}/lift", data={"words": "again"}, **GO).status_code == 409
    assert "<i>asked" not in boss.get("/suppressions", params={"lifted": "true"}).text
    assert desk.agent().get("/suppressions").status_code == 403
    assert desk.agent().post("/suppressions", data=entry).status_code == 403


def _live(house: House) -> int:
    with house.sessions() as session:
        query = select(func.count()).select_from(Suppression).where(Suppression.lifted_at.is_(None))
        return session.scalar(query) or 0


def test_what_left(sandbox: PostOffice, chief: Any) -> None:
    handle = sandbox.due(point={"fictional": True}, phone="+12125550199")
    sandbox.round()
    (send,) = sandbox.sends(handle)
    assert f"/sends/{send.handle}" in chief.get("/sends", params={"address": "+12125550199", "state": ""}).text
    assert f"/sends/{send.handle}" not in chief.get("/sends", params={"state": "failed"}).text
    one = chief.get(f"/sends/{send.handle}")
    assert one.status_code == 200
    assert "+12125550199" not in one.text
    assert send.body not in one.text
    with sandbox.house.sessions.begin() as session:
        there = session.get_one(Send, send.id)
        there.state, there.lease_until = SendState.UNKNOWN, sandbox.now + timedelta(minutes=1)
    assert "may have left" in chief.get(f"/sends/{send.handle}").text
    assert chief.get("/sends/no-such-send-here").status_code == 404


def test_nothing_learned_yet(desk: Any) -> None:
    page = desk.supervisor().get("/learning").text
    assert "no evidence yet" in page
    assert desk.agent().get("/learning").status_code == 403


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_held_sender_is_shown_with_what_to_do(desk: Any, house: House, language: Language) -> None:
    pages = {"/board": desk.supervisor(), "/plan/findings": desk.supervisor(), "/setup": desk.administrator()}
    for page, client in pages.items():
        assert "+15005550006" not in client.get(page, headers={"Accept-Language": language}).text
    with house.sessions.begin() as session:
        session.add(
            Sender(
                channel=Channel.SMS, sender="+15005550006", tokens=1, refilled_at=house.clock(), held_by="21606",
                held_since=house.clock(), open_until=house.clock(),
            )
        )  # fmt: skip
    for page, client in pages.items():
        text = client.get(page, headers={"Accept-Language": language}).text
        assert "+15005550006" in text
        if page != "/setup":
            assert "21606" in text
            assert "CALLBACK_TWILIO_FROM" in text
    board = pages["/board"].get("/board", headers={"Accept-Language": language}).text
    assert say("board.held_waits", language) in board
