"""Plain values of rules and findings as people read them, in both languages."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from callback.domain.rules import Refusal
from callback.services import wording
from callback.services.findings import Fault, tell
from callback.texts import Language

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("name", "value", "english", "chinese"),
    [
        ("language", "en", "English", "英语"),
        ("language", "zh", "Chinese", "中文"),
        ("zone", "America/Los_Angeles", "Pacific Time", "北美太平洋时间"),
        ("zone", "Etc/UTC", "UTC", "UTC"),
        ("local", "2026-03-11 21:00", "Wed, 11 Mar 2026, 21:00", "2026年3月11日周三 21:00"),
        ("due", "2026-03-11 21:00Z", "Thu, 12 Mar 2026, 05:00", "2026年3月12日周四 05:00"),
        ("until", "2026-03-11T21:00:00+00:00", "Thu, 12 Mar 2026, 05:00", "2026年3月12日周四 05:00"),
        ("day", date(2026, 3, 11), "Wed, 11 Mar 2026", "2026年3月11日周三"),
        ("day", "2026-03-11", "Wed, 11 Mar 2026", "2026年3月11日周三"),
        ("times", "mon-fri 18:00-20:00; sat,sun 10:00-12:00", "Mon–Fri 18:00–20:00, Sat, Sun 10:00–12:00",
         "周一至周五 18:00–20:00、周六、周日 10:00–12:00"),
        ("times", "daily 18:00-20:00", "18:00–20:00", "18:00–20:00"),
        ("windows", "09:00–12:00, 14:00–20:00", "09:00–12:00, 14:00–20:00", "09:00–12:00、14:00–20:00"),
        ("why", "2026-03-11", "2026-03-11", "2026-03-11"),
        ("at", "soon", "soon", "soon"),
    ],
)  # fmt: skip
def test_a_value_is_told_as_people_say_it(name: str, value: object, english: str, chinese: str) -> None:
    assert wording.spoken({name: value}, "en", zone=SHANGHAI) == {name: english}
    assert wording.spoken({name: value}, "zh", zone=SHANGHAI) == {name: chinese}


def test_a_moment_of_one_time_only_stays_on_its_clock() -> None:
    at = datetime(2026, 3, 11, 21, tzinfo=UTC)
    assert wording.spoken({"at": at}, "en") == {"at": "Wed, 11 Mar 2026, 21:00"}


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "Agent Li does not speak the customer's language (English). Agent Li handled this case; "
               "a second call is made by somebody else."),
        ("zh", "座席 Li 不会说客户的语言（英语）。座席 Li 处理过该个案；二次回访须由其他人进行。"),
    ],
)  # fmt: skip
def test_everything_that_speaks_against_an_agent_is_said(language: Language, told: str) -> None:
    refused = (
        Refusal(rule="language", reason="agent_language", params={"agent_id": 7, "language": "en"}),
        Refusal(rule="negative_affinity", reason="handled_case", params={"agent_id": 7}),
    )
    assert wording.why_not(refused, language, agent="Li") == told


def test_a_finding_names_the_rule_and_the_day() -> None:
    refused = (Refusal(rule="person", reason="agent_language", params={"agent_id": 7, "language": "en"}),)
    pinned = Fault("pin_forbidden", "h1", {"agent": "Li", "reason": "agent_language"}, refused=refused)
    short = Fault("shift_too_short", "Li", {"day": 3, "hours": "09:00–09:05"})
    assert "（座席 Li 不会说客户的语言（英语））" in tell(pinned, "zh", zone=SHANGHAI)
    assert "the shift on Wed, 09:00–09:05," in tell(short, "en", zone=SHANGHAI)
