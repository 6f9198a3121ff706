"""Who is unhappy, how badly, and by which evidence."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from callback.domain.dissatisfaction import RULES, Signals, judge, signals_of_answers
from callback.domain.policy import Policy
from callback.domain.survey import Value, parse_definition
from callback.domain.words import DissatisfactionRule, Severity

SHIPPED = Path(__file__).parents[3] / "callback" / "content" / "questionnaires" / "satisfaction.json"
HAPPY = Signals(accepted=True, solved=True, scores={"speed": 3, "attitude": 5}, nps=7, texts=("很好,谢谢",))


def test_a_happy_customer_raises_nothing() -> None:
    assert judge(HAPPY, Policy()) is None
    assert judge(Signals(), Policy()) is None


@pytest.mark.parametrize(
    ("signal", "rule", "severity", "seen"),
    [
        ({"accepted": False}, DissatisfactionRule.SOLUTION_NOT_ACCEPTED, Severity.CRITICAL, {"accepted": False}),
        ({"solved": False}, DissatisfactionRule.PROBLEM_NOT_SOLVED, Severity.MAJOR, {"solved": False}),
        ({"scores": {"speed": 2}}, DissatisfactionRule.LOW_SCORE, Severity.MINOR, {"scores": {"speed": 2}, "of": 5}),
        (
            {"scores": {"speed": 2, "attitude": 1, "product": 3}},
            DissatisfactionRule.LOW_SCORE,
            Severity.MAJOR,
            {"scores": {"speed": 2, "attitude": 1}, "of": 5},
        ),
        ({"nps": 6}, DissatisfactionRule.LOW_NPS, Severity.MINOR, {"nps": 6}),
        ({"texts": ("还行", "等太久")}, DissatisfactionRule.FREE_TEXT, Severity.MINOR, {"words": ["等太久"]}),
        ({"agent_judgement": True}, DissatisfactionRule.AGENT_JUDGEMENT, Severity.MINOR, {"agent_judgement": True}),
    ],
)
def test_each_rule_alone(
    signal: dict[str, Any], rule: DissatisfactionRule, severity: Severity, seen: dict[str, Any]
) -> None:
    verdict = judge(replace(HAPPY, **signal), Policy())
    assert verdict is not None
    assert (verdict.rule, verdict.severity) == (rule, severity)
    assert verdict.evidence == ({"rule": rule.value, **seen},)
    json.dumps(verdict.evidence)


def test_the_first_rule_names_the_severity_and_all_are_kept() -> None:
    signals = Signals(
        accepted=False, solved=False, scores={"speed": 1}, nps=0, texts=("terrible",), agent_judgement=True
    )
    verdict = judge(signals, Policy())
    assert verdict is not None
    assert verdict.severity is Severity.CRITICAL
    assert [seen["rule"] for seen in verdict.evidence] == [rule.value for rule, _ in RULES]
    assert [rule for rule, _ in RULES] == list(DissatisfactionRule)


def test_the_limits_are_the_policy_s() -> None:
    strict = replace(Policy(), low_score=3, low_nps=7)
    verdict = judge(HAPPY, strict)
    assert verdict is not None
    assert {seen["rule"] for seen in verdict.evidence} == {"low_score", "low_nps"}


def test_signals_are_read_from_the_answers() -> None:
    definition = parse_definition(json.loads(SHIPPED.read_text(encoding="utf-8"))["questionnaire"])
    answers: dict[str, Value | None] = {
        "solved": True, "accepted": True, "attitude": 4, "speed": 2, "effort": 1, "expectation": 3, "recommend": 8,
        "renewal": "yes", "improve": "快一点",
    }  # fmt: skip
    signals = signals_of_answers(definition, answers, accepted=False, said=("原话",), agent_judgement=True)
    assert signals == Signals(
        accepted=True,
        solved=True,
        scores={"attitude": 4, "speed": 2, "expectation": 3},
        nps=8,
        texts=("原话", "快一点"),
        agent_judgement=True,
    )


def test_what_was_skipped_says_nothing() -> None:
    definition = parse_definition(json.loads(SHIPPED.read_text(encoding="utf-8"))["questionnaire"])
    skipped = dict.fromkeys(question.name for question in definition.questions)
    assert signals_of_answers(definition, skipped, accepted=False) == Signals(accepted=False)
    assert signals_of_answers(definition, {}) == Signals()


def test_whoever_heard_the_customer_may_find_it_worse_but_not_milder() -> None:
    def severity(**signals: Any) -> Severity:
        verdict = judge(Signals(**signals), Policy())
        assert verdict is not None
        return verdict.severity

    assert severity(agent_severity=Severity.MAJOR) is Severity.MAJOR
    assert severity(agent_severity=Severity.CRITICAL, scores={"speed": 2}) is Severity.CRITICAL
    assert severity(agent_severity=Severity.MINOR, accepted=False) is Severity.CRITICAL
    verdict = judge(Signals(agent_severity=Severity.MAJOR), Policy())
    assert verdict is not None
    assert verdict.evidence == ({"rule": "agent_judgement", "agent_judgement": True, "severity": "major"},)
