"""What a questionnaire takes on each channel, over the API."""

from decimal import Decimal
from typing import Any

from callback.bootstrap import House
from callback.services import questionnaires


def test_segments_price_and_seconds(desk: Any, house: House) -> None:
    object.__setattr__(house, "settings", house.settings.model_copy(update={"sms_segment_price": Decimal("0.0079")}))
    with house.sessions.begin() as session:
        questionnaires.seed_content(session, house.clock())
        (row,) = questionnaires.versions(session)
    told = desk.supervisor().get(f"/api/v1/questionnaires/{row.id}/renderings").json()
    assert told["currency"] == "USD"
    found = {(one["question"], one["language"]): one for one in told["renderings"]}
    chinese, english = found["attitude", "zh"], found["attitude", "en"]
    assert (chinese["encoding"], chinese["segments"], english["encoding"]) == ("UCS-2", 1, "GSM-7")
    assert Decimal(english["price"]) == Decimal("0.0079") * english["segments"]
    assert "1 很不满意" in chinese["message"]
    assert "请按5" in chinese["spoken"]
    assert found["recommend", "en"]["spoken"] is None


def test_a_questionnaire_that_a_call_cannot_carry_is_refused(desk: Any, house: House) -> None:
    with house.sessions.begin() as session:
        questionnaires.seed_content(session, house.clock())
        (row,) = questionnaires.versions(session)
        definition = row.definition
    for page in definition["pages"]:
        for element in page["elements"]:
            if element["name"] == "recommend":
                element["form"] = ["full", "short", "call"]
    answer = desk.supervisor().post("/api/v1/questionnaires", json={"key": "mine", "definition": definition})
    assert answer.status_code == 422
    problems = {(problem["path"], problem["code"]): problem for problem in answer.json()["problems"]}
    assert problems.keys() == {("recommend", "too_many_keys"), ("$", "call_too_long")}
    assert "at most 9 keys" in problems["recommend", "too_many_keys"]["en"]
