"""`/reassign` and undoing from it: who may, bad input, a second click, what changed meanwhile. On both databases."""

import re
from datetime import datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, update

from callback.bootstrap import House
from callback.db.tables import AuditEntry, Callback, Customer
from callback.services.planning import plan_day
from tests.integration.conftest import Desk
from tests.town import add_agent, add_case, add_customer

HTMX = {"HX-Request": "true"}
HOUR = timedelta(hours=1)


@pytest.fixture
def chief(house: House, desk: Desk, now: datetime) -> TestClient:
    """A supervisor of a centre in which Li has three calls and Zhao none."""
    with house.sessions.begin() as session:
        add_agent(session, "li", now=now)
        for _ in range(3):
            add_case(session, add_customer(session, now=now, name="<b>王</b>"), now=now, promised_at=now + HOUR)
    plan_day(house.sessions, now=now, zone=house.zone)
    with house.sessions.begin() as session:
        add_agent(session, "zhao", now=now)
    client = desk.supervisor()
    client.headers.update(HTMX)
    return client


def handles(house: House) -> list[str]:
    with house.sessions() as session:
        return list(session.scalars(select(Callback.handle).order_by(Callback.id)))


def agent_id(house: House, login: str) -> int:
    with house.sessions() as session:
        from callback.services.agents import by_login

        return by_login(session, login).id


def owners(house: House) -> set[int | None]:
    with house.sessions() as session:
        return set(session.scalars(select(Callback.agent_id)))


def previewed(chief: TestClient, house: House) -> dict[str, object]:
    """What the preview's own form sends."""
    to = str(agent_id(house, "zhao"))
    page = chief.post("/reassign/preview", data={"chosen": handles(house), "to": to, "reason": "ill"})
    assert page.status_code == 200
    return {"chosen": re.findall(r'name="chosen" value="([^"]+)"', page.text), "to": to, "reason": "ill"}


def test_what_was_previewed_is_done_once_and_undone_once(house: House, chief: TestClient) -> None:
    form = previewed(chief, house)
    li, zhao = agent_id(house, "li"), agent_id(house, "zhao")
    assert owners(house) == {li}

    done = chief.post("/reassign/do", data=form)
    assert "3 moved" in done.text
    assert "&lt;b&gt;王" in done.text
    assert owners(house) == {zhao}
    again = chief.post("/reassign/do", data=form)
    assert "0 moved" in again.text
    assert again.text.count("Somebody changed it meanwhile") == 3

    undo = re.search(r"/moves/\d+/undo", done.text)
    assert undo
    answer = chief.post(undo[0])
    assert answer.status_code == 204
    assert "3 are back" in answer.headers["HX-Trigger"]
    assert owners(house) == {li}
    assert chief.post(undo[0]).status_code == 409
    with house.sessions() as session:
        actions = session.execute(select(AuditEntry.action, func.count()).group_by(AuditEntry.action)).tuples().all()
    assert dict(actions)["callbacks.move_undone"] == 1


def test_what_changed_since_the_preview_is_named_and_the_rest_goes_through(house: House, chief: TestClient) -> None:
    form = previewed(chief, house)
    with house.sessions.begin() as session:
        changed = handles(house)[0]
        session.execute(update(Callback).where(Callback.handle == changed).values(version=Callback.version + 1))
    done = chief.post("/reassign/do", data=form)
    assert "2 moved" in done.text
    assert done.text.count("Somebody changed it meanwhile") == 1


@pytest.mark.parametrize(
    ("form", "status", "sentence"),
    [
        ({"reason": "ill", "to": "best"}, 422, "Nothing was selected"),
        ({"chosen": ["nonexistent"], "reason": "ill", "to": "best"}, 404, "There is no callback"),
        ({"chosen": ["HANDLE"], "reason": " ", "to": "best"}, 422, "Say why"),
        ({"chosen": ["HANDLE"], "reason": "ill"}, 422, "Choose who takes them"),
        ({"chosen": ["HANDLE"], "reason": "ill", "to": "999999"}, 404, ""),
        ({"chosen": ["HANDLE"], "reason": "x" * 100_000, "to": "best"}, 422, ""),
        ({"chosen": [f"handle-{n:04}" for n in range(501)], "reason": "ill", "to": "best"}, 422, "At most 500"),
    ],
)
def test_bad_wishes_are_refused_in_words(
    house: House, chief: TestClient, form: dict[str, object], status: int, sentence: str
) -> None:
    chosen = form.get("chosen")
    form = form | ({"chosen": [handles(house)[0]]} if chosen == ["HANDLE"] else {})
    answer = chief.post("/reassign/preview", data=form)
    assert answer.status_code == status
    assert sentence in answer.text
    assert answer.headers["HX-Retarget"] == "#problem"


def test_the_filter_finds_and_the_pages_go_on(house: House, chief: TestClient, now: datetime) -> None:
    with house.sessions.begin() as session:
        session.execute(update(Customer).where(Customer.id == 1).values(name="Zoë 100%_"))
        for _ in range(60):
            add_case(session, add_customer(session, now=now), now=now, promised_at=now + HOUR)
        phone = session.scalars(select(Customer).where(Customer.id == 2)).one().contact_points[0].address
        case_id = session.scalars(select(Callback.case_id).order_by(Callback.id)).all()[2]
    plan_day(house.sessions, now=now, zone=house.zone)

    def found(query: str) -> int:
        return chief.get(f"/reassign/list?{query}").text.count('id="row-')

    first = chief.get("/reassign/list")
    assert first.text.count('id="row-') == 50
    more = re.search(r'hx-get="/reassign/list\?([^"]+)"', first.text)
    assert more
    assert found(more[1].replace("&amp;", "&")) == 13
    li, zhao = agent_id(house, "li"), agent_id(house, "zhao")
    assert found("q=Zo%C3%AB+100%25_") == 1
    assert found("q=%25") == 0
    assert found(f"q={phone[-4:]}") == 1
    assert found(f"q={case_id}") == 1
    assert found(f"agent={li}&language=en") == 0
    assert found("state=assigned&purpose=survey") == 0
    assert found("due=overdue") == 0
    assert found("due=soon&priority=50") == 50
    assert found("severity=major") == 0
    assert found("agent=nobody") == 0
    assert found("team=7") == 0
    assert found(f"agent={zhao}&purpose=nonsense&due=nonsense&priority=x&after=nonsense") > 0
    assert first.headers["HX-Replace-Url"] == "/reassign"
    assert chief.get("/reassign/list?language=zh&x=y").headers["HX-Replace-Url"] == "/reassign?language=zh"


def test_all_of_the_filter_are_asked_about(house: House, chief: TestClient) -> None:
    page = chief.post("/reassign/candidates", data={"everything": "1", "filter": "language=zh"})
    assert page.text.count('name="chosen"') == 3
    assert "Zhao" in page.text
    assert "Zhao" not in chief.post("/reassign/candidates", data={"everything": "1", "q": "nobody"}).text
    assert chief.post("/reassign/candidates", data={"everything": "1", "filter": "language=en"}).status_code == 422
    assert "Zhao" in chief.get(f"/reassign/who/{handles(house)[0]}").text


def test_agents_may_not(desk: Desk) -> None:
    agent = desk.agent("somebody")
    assert agent.get("/reassign").status_code == 403
    for path in ("/reassign/candidates", "/reassign/preview", "/reassign/do", "/moves/1/undo"):
        assert agent.post(path).status_code == 403


def test_a_form_of_another_site_is_refused(house: House, chief: TestClient) -> None:
    form = previewed(chief, house)
    assert chief.post("/reassign/do", data=form, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert chief.post("/reassign/do", data=form, headers={"X-CSRF-Token": "0" * 64}).status_code == 403
