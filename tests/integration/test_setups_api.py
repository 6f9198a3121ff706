"""The policy, the retry table and the escalation rules over the API: the same services as the pages."""

import re
from datetime import timedelta
from typing import Any

from callback.bootstrap import House
from callback.db.engine import reading
from callback.db.policies import load_policy
from callback.services import escalations
from callback.settings import Settings
from tests.integration.call_centre import Centre
from tests.integration.conftest import StandingClock

API = "/api/v1"


def test_the_policy_is_read_changed_and_restored(desk: Any, house: House) -> None:
    admin, chief = desk.administrator(), desk.supervisor()
    assert chief.get(f"{API}/policy").json() == {"number": 0, "figures": {}}
    body = {"number": 0, "figures": {"attempts_per_day": 1}}
    assert chief.put(f"{API}/policy", json=body).json()["code"] == "scope_missing"
    assert admin.put(f"{API}/policy", json=body).json() == {"number": 1, "figures": {"attempts_per_day": 1}}
    assert admin.put(f"{API}/policy", json=body).json()["code"] == "changed_meanwhile"
    for figures in (
        {"calling_windows": [["07:00", "12:00"]]}, {"nonsense": 1}, {"cool_off": "long"}, {"slot": 1e308},
        {"calling_windows": [["09:00+08:00", "12:00"]]}, {"automatic_countries": {"CN": 5}}, {"slot_overfill": None},
    ):  # fmt: skip
        refused = admin.put(f"{API}/policy", json={"number": 1, "figures": figures})
        assert (refused.status_code, refused.json()["code"]) == (422, "policy_figure"), figures
        assert not re.search(r"[a-z]_[a-z]", refused.json()["detail"]), "codes are no words"
    versions = admin.get(f"{API}/setup/policy/versions").json()
    assert [version["number"] for version in versions] == [1]
    assert admin.post(f"{API}/setup/policy/versions/0/restore").status_code == 204
    with reading(house.sessions) as session:
        assert load_policy(session).attempts_per_day == 2
    assert admin.post(f"{API}/setup/policy/versions/9/restore").status_code == 404


def test_the_retry_table(desk: Any) -> None:
    admin = desk.administrator()
    step = {"delay_minutes": 20, "other_part_of_day": False, "next_contact_point": False, "counts": True}
    changed = admin.put(f"{API}/retry-table", json={"number": 0, "table": {"busy": [step]}})
    assert changed.json() == {"number": 1, "table": {"busy": [step]}}
    assert admin.get(f"{API}/retry-table").json() == changed.json()
    tables: tuple[dict[str, Any], ...] = ({"refused": [step]}, {"busy": []}, {"busy": [{**step, "counts": False}]})
    for table in tables:
        refused = admin.put(f"{API}/retry-table", json={"number": 1, "table": table})
        assert (refused.status_code, refused.json()["code"]) == (422, "retry_table")


def test_escalation_rules_and_what_is_open(desk: Any, house: House, settings: Settings, clock: StandingClock) -> None:
    admin = desk.administrator()
    shipped = admin.get(f"{API}/escalation-rules").json()
    assert shipped["number"] == 0
    fewer = [rule for rule in shipped["rules"] if rule["trigger"] == "overdue"]
    changed = admin.put(f"{API}/escalation-rules", json={"number": 0, "rules": fewer})
    assert changed.json() == {"number": 1, "rules": fewer}
    silent = [{**fewer[0], "mark": False, "told": "nobody"}]
    refused = admin.put(f"{API}/escalation-rules", json={"number": 1, "rules": silent})
    assert (refused.status_code, refused.json()["code"]) == (422, "escalation_rules")
    handle = Centre(house.sessions, settings, clock()).callback(None, due_at=clock() - timedelta(hours=9))
    escalations.look(house.sessions, now=clock())
    found = admin.get(f"{API}/escalations").json()
    assert [(one["rule"], one["callback"]) for one in found] == [("overdue", handle)]
    assert desk.agent().get(f"{API}/escalations").status_code == 403
