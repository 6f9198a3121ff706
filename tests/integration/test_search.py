"""Finding a customer who calls back, on both databases."""

import pytest
from sqlalchemy import event, text

from callback.bootstrap import House
from callback.services import search
from tests.integration.call_centre import Centre
from tests.integration.conftest import Desk, StandingClock


@pytest.fixture
def centre(house: House, clock: StandingClock) -> Centre:
    return Centre(house.sessions, house.settings, clock()).open()


@pytest.fixture
def people(centre: Centre) -> dict[str, int]:
    return {
        "ming": centre.customer(name="王小明", phones=["+8613800138000", "+8613900005678"]),
        "hong": centre.customer(name="王红", phones=["+8613811118000"]),
        "mei": centre.customer(name="Mei Wang", phones=["+14155550157"], time_zone="America/Los_Angeles", country="US"),
        "odd": centre.customer(name="100%_sure", phones=["+861012345678"]),
        "none": centre.customer(name=None, phones=["+8613800138111"]),
    }


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("8000", {"ming", "hong"}),
        ("８０００", {"ming", "hong"}),
        ("8000 王小", {"ming"}),
        ("5678", {"ming", "odd"}),
        ("138 0013 8000", {"ming"}),
        ("+86 13800138000", {"ming"}),
        ("010-1234 5678", {"odd"}),
        ("王", {"ming", "hong"}),
        ("wang", {"mei"}),
        ("MEI w", {"mei"}),
        ("100%", {"odd"}),
        ("%", set()),
        ("8111", {"none"}),
        ("0157 wan", {"mei"}),
        ("nobody", set()),
        ("'; DROP TABLE customers; --", set()),
    ],
)
def test_who_is_found(house: House, people: dict[str, int], typed: str, expected: set[str]) -> None:
    names = {number: name for name, number in people.items()}
    with house.sessions() as session:
        matches = search.look_for(session, typed)
    assert {names[one.customer_id] for one in matches.people} == expected


def test_a_case_number_in_capitals_or_not(centre: Centre, house: House, people: dict[str, int]) -> None:
    centre.case(people["mei"], external_id="EN-0042")
    with house.sessions() as session:
        for typed in ("EN-0042", "en-0042", " EN-0042 "):
            assert [one.customer_id for one in search.look_for(session, typed).people] == [people["mei"]]


def test_who_waits_for_us_comes_first_and_too_little_finds_nothing(
    centre: Centre, house: House, people: dict[str, int]
) -> None:
    centre.callback(None, case_id=centre.case(people["hong"]))
    with house.sessions() as session:
        first, second = search.look_for(session, "王").people
        assert (first.customer_id, first.open, second.open) == (people["hong"], 1, 0)
        assert first.numbers == ("+86 138****8000",)
        assert not search.look_for(session, "12").asked
        assert not search.look_for(session, "").asked


def test_every_look_up_uses_an_index(house: House, people: dict[str, int]) -> None:
    """With statistics that make a scan cheap PostgreSQL may scan; forbidden to, it must have an index to go to."""
    asked: list[tuple[str, dict[str, object]]] = []
    with house.sessions() as session:
        connection = session.connection()
        postgresql = connection.dialect.name == "postgresql"
        if postgresql:
            session.execute(text("SET enable_seqscan = off"))
        original = session.get_bind()

        def note(_c: object, _k: object, statement: str, parameters: dict[str, object], *_: object) -> None:
            if statement.startswith(("SELECT", "WITH")):
                asked.append((statement, parameters))

        event.listen(original, "before_cursor_execute", note)
        for typed in ("8000", "王", "wang"):
            search.look_for(session, typed)
        event.remove(original, "before_cursor_execute", note)
        plans = []
        for statement, parameters in asked:
            prefix = "EXPLAIN " if postgresql else "EXPLAIN QUERY PLAN "
            plans.append(" ".join(str(row) for row in connection.exec_driver_sql(prefix + statement, parameters)))
    used = " ".join(plans)
    for index in ("search_contact_points_tail", "search_customers_name", "search_customers_last_word"):
        assert index in used, (index, used)


def test_the_page_shows_whom_and_nothing_of_the_case(desk: Desk, centre: Centre, people: dict[str, int]) -> None:
    centre.callback(None, case_id=centre.case(people["ming"]))
    browser = desk.agent("li")
    page = browser.post("/search/found", data={"q": "8000"}).text
    assert "+86 138****8000" in page
    assert "13800138000" not in page
    assert "电梯" not in page
    assert "1 open" in page
    assert browser.post("/search/found", data={"q": "x" * 100_000}).status_code == 200
    assert "Nobody was found" in browser.post("/search/found", data={"q": "<b>x</b>"}).text
