"""Escalation rules: when each is due, how they are stored, what cannot be meant."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callback.domain.escalation import DEFAULT_RULES, EscalationRule, Matter, document_of, due, faults, rules_of
from callback.domain.words import EscalationTold, EscalationTrigger, Severity

NOW = datetime(2026, 3, 11, 2, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
OVERDUE = EscalationRule(key="late", trigger=EscalationTrigger.OVERDUE, after=HOUR)
SOON = EscalationRule(key="soon", trigger=EscalationTrigger.PROMISE_DUE, after=HOUR)
UNHAPPY = EscalationRule(key="bad", trigger=EscalationTrigger.UNHAPPY, after=HOUR, severity=Severity.MAJOR)


@pytest.mark.parametrize(
    ("rule", "trigger", "since", "severity", "fires"),
    [
        (OVERDUE, EscalationTrigger.OVERDUE, NOW - HOUR, Severity.MINOR, True),
        (OVERDUE, EscalationTrigger.OVERDUE, NOW - HOUR + timedelta(seconds=1), Severity.MINOR, False),
        (OVERDUE, EscalationTrigger.BLOCKED, NOW - 5 * HOUR, Severity.MINOR, False),
        (replace(OVERDUE, enabled=False), EscalationTrigger.OVERDUE, NOW - 5 * HOUR, Severity.MINOR, False),
        (SOON, EscalationTrigger.PROMISE_DUE, NOW + HOUR, Severity.MINOR, True),
        (SOON, EscalationTrigger.PROMISE_DUE, NOW + HOUR + timedelta(seconds=1), Severity.MINOR, False),
        (SOON, EscalationTrigger.PROMISE_DUE, NOW, Severity.MINOR, False),
        (UNHAPPY, EscalationTrigger.UNHAPPY, NOW - HOUR, Severity.MINOR, False),
        (UNHAPPY, EscalationTrigger.UNHAPPY, NOW - HOUR, Severity.MAJOR, True),
        (UNHAPPY, EscalationTrigger.UNHAPPY, NOW - HOUR, Severity.CRITICAL, True),
    ],
)
def test_a_rule_is_due(
    rule: EscalationRule, trigger: EscalationTrigger, since: datetime, severity: Severity, fires: bool
) -> None:
    matter = Matter(trigger=trigger, since=since, severity=severity)
    assert due([rule], matter, now=NOW) == ((rule,) if fires else ())


def test_every_trigger_has_a_rule_that_ships_and_none_of_them_is_faulty() -> None:
    assert {rule.trigger for rule in DEFAULT_RULES} == set(EscalationTrigger)
    assert faults(DEFAULT_RULES) == ()


def test_rules_are_stored_and_read_again() -> None:
    rules = (OVERDUE, replace(SOON, raise_to=80, told=EscalationTold.LEADER, enabled=False, mark=False))
    assert rules_of(document_of(rules)) == rules
    assert document_of(DEFAULT_RULES) == {}
    assert rules_of({}) == DEFAULT_RULES
    assert rules_of(document_of(())) == ()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"key": "Not a key"}, "key_not_possible"),
        ({"after": -HOUR}, "delay_not_possible"),
        ({"after": timedelta(days=31)}, "delay_not_possible"),
        ({"trigger": EscalationTrigger.PROMISE_DUE, "after": timedelta(0)}, "before_nothing"),
        ({"raise_to": 101}, "priority_not_possible"),
        ({"trigger": EscalationTrigger.HANDOVER_UNSIGNED, "raise_to": 50}, "nothing_to_raise"),
        ({"mark": False}, "does_nothing"),
    ],
)
def test_what_cannot_be_meant_is_named(changes: dict[str, Any], code: str) -> None:
    assert [fault.code for fault in faults([replace(OVERDUE, **changes)])] == [code]


def test_two_of_one_name_and_too_many() -> None:
    assert [(fault.index, fault.code) for fault in faults([OVERDUE, OVERDUE])] == [(1, "key_taken")]
    many = [replace(OVERDUE, key=f"rule_{n}") for n in range(21)]
    assert [fault.code for fault in faults(many)] == ["too_many_rules"]
