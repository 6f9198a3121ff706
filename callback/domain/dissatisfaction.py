"""Is this customer unhappy? Ordered rules: the first that fires names the severity, all that fire are kept as evidence.

| rule | fires when | severity |
|---|---|---|
| solution not accepted | the customer refused the solution, in the call or in the questionnaire | critical |
| problem not solved | the customer says that it is not solved | major |
| low score | a five-level score is `policy.low_score` (2) or less | major when it is the lowest level, else minor |
| low NPS | a recommendation of `policy.low_nps` (6) or less | minor |
| free text | the words say so (`domain/lexicon.py`) | minor |
| agent's judgement | whoever spoke with the customer says so | as they say, else minor |

Whoever heard the customer may find it worse than the rule does, never milder.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from callback.domain.lexicon import unhappy_words
from callback.domain.policy import Policy
from callback.domain.survey import Definition, QuestionRole, Value
from callback.domain.words import DissatisfactionRule, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What one contact has told us. None: not asked or not answered."""

    accepted: bool | None = None
    solved: bool | None = None
    scores: Mapping[str, int] = field(default_factory=dict)
    """Question → level of five."""
    nps: int | None = None
    """The recommendation, 0 to 10."""
    texts: tuple[str, ...] = ()
    """What the customer wrote or said freely."""
    agent_judgement: bool = False
    agent_severity: Severity | None = None
    """How unhappy, in the judgement of whoever spoke with the customer; says `agent_judgement` as well."""


@dataclass(frozen=True, slots=True)
class Verdict:
    rule: DissatisfactionRule
    """The first rule that fired."""
    severity: Severity
    evidence: tuple[dict[str, Any], ...]
    """One JSON object for each rule that fired: `{"rule": …}` and what it saw."""


@dataclass(frozen=True, slots=True)
class _Fired:
    severity: Severity
    seen: dict[str, Any]


def _solution_not_accepted(signals: Signals, _policy: Policy) -> _Fired | None:
    return _Fired(Severity.CRITICAL, {"accepted": False}) if signals.accepted is False else None


def _problem_not_solved(signals: Signals, _policy: Policy) -> _Fired | None:
    return _Fired(Severity.MAJOR, {"solved": False}) if signals.solved is False else None


def _low_score(signals: Signals, policy: Policy) -> _Fired | None:
    low = {question: score for question, score in signals.scores.items() if score <= policy.low_score}
    if not low:
        return None
    return _Fired(Severity.MAJOR if min(low.values()) <= 1 else Severity.MINOR, {"scores": low, "of": 5})


def _low_nps(signals: Signals, policy: Policy) -> _Fired | None:
    if signals.nps is None or signals.nps > policy.low_nps:
        return None
    return _Fired(Severity.MINOR, {"nps": signals.nps})


def _free_text(signals: Signals, _policy: Policy) -> _Fired | None:
    words = [word for text in signals.texts for word in unhappy_words(text)]
    return _Fired(Severity.MINOR, {"words": words}) if words else None


def _agent_judgement(signals: Signals, _policy: Policy) -> _Fired | None:
    if signals.agent_severity is not None:
        return _Fired(signals.agent_severity, {"agent_judgement": True, "severity": signals.agent_severity.value})
    return _Fired(Severity.MINOR, {"agent_judgement": True}) if signals.agent_judgement else None


RULES: tuple[tuple[DissatisfactionRule, Callable[[Signals, Policy], _Fired | None]], ...] = (
    (DissatisfactionRule.SOLUTION_NOT_ACCEPTED, _solution_not_accepted),
    (DissatisfactionRule.PROBLEM_NOT_SOLVED, _problem_not_solved),
    (DissatisfactionRule.LOW_SCORE, _low_score),
    (DissatisfactionRule.LOW_NPS, _low_nps),
    (DissatisfactionRule.FREE_TEXT, _free_text),
    (DissatisfactionRule.AGENT_JUDGEMENT, _agent_judgement),
)


def judge(signals: Signals, policy: Policy) -> Verdict | None:
    """The verdict on one contact; None when no rule fires."""
    fired = [(rule, found) for rule, fires in RULES if (found := fires(signals, policy)) is not None]
    if not fired:
        return None
    first, named = fired[0]
    return Verdict(
        rule=first,
        severity=max(named.severity, signals.agent_severity or Severity.MINOR, key=list(Severity).index),
        evidence=tuple({"rule": rule.value, **found.seen} for rule, found in fired),
    )


_LEVELS = frozenset({QuestionRole.CSAT, QuestionRole.EXPECTATION})
"""Questions of five levels, where the lowest is the unhappiest."""


def signals_of_answers(
    definition: Definition,
    answers: Mapping[str, Value | None],
    *,
    accepted: bool | None = None,
    agent_judgement: bool = False,
    agent_severity: Severity | None = None,
    said: tuple[str, ...] = (),
) -> Signals:
    """Signals from a questionnaire's answers, beside what the call itself has told.

    `accepted` is the script's own fact; an answer in the questionnaire, given later, wins over it. A skipped question
    says nothing. `said` are free texts from elsewhere (a refusal's words); they are not the agent's notes.
    """
    given = {name: value for name, value in answers.items() if value is not None}
    roles = definition.roles()

    def flag(role: QuestionRole) -> bool | None:
        return next((bool(value) for name, value in given.items() if roles.get(name) is role), None)

    confirmed = flag(QuestionRole.ACCEPTED)
    return Signals(
        accepted=accepted if confirmed is None else confirmed,
        solved=flag(QuestionRole.SOLVED),
        scores={name: int(value) for name, value in given.items() if roles.get(name) in _LEVELS},
        nps=next((int(value) for name, value in given.items() if roles.get(name) is QuestionRole.NPS), None),
        texts=said + tuple(str(given[q.name]) for q in definition.questions if q.is_text and q.name in given),
        agent_judgement=agent_judgement,
        agent_severity=agent_severity,
    )
