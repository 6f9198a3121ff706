"""When something has become too late or too bad for whoever has it: small rules in an ordered list, as data.

Every rule that is due for a thing fires for it once, in their order. A priority is only ever raised, so the highest
that any of them asks for counts.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from callback.domain.words import EscalationTold, EscalationTrigger, Severity

MOST_RULES = 20
LONGEST = timedelta(days=30)
_KEY = re.compile(r"[a-z][a-z0-9_]{0,63}")
WITH_A_CALLBACK = frozenset(EscalationTrigger) - {
    EscalationTrigger.HANDOVER_UNSIGNED,
    EscalationTrigger.MESSAGE_UNREAD,
}
"""Whose callback can be made more urgent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationRule:
    key: str
    trigger: EscalationTrigger
    after: timedelta
    """How long it has been so; of `promise_due`, how long before the promise breaks."""
    severity: Severity = Severity.MINOR
    """Of `unhappy`: this or worse."""
    mark: bool = True
    """Shown on the board."""
    raise_to: int | None = None
    """The priority of its callback, at least."""
    told: EscalationTold = EscalationTold.NOBODY
    enabled: bool = True


DEFAULT_RULES: tuple[EscalationRule, ...] = (
    EscalationRule(key="promise_soon", trigger=EscalationTrigger.PROMISE_DUE, after=timedelta(hours=1), raise_to=90),
    EscalationRule(
        key="promise_broken",
        trigger=EscalationTrigger.PROMISE_BROKEN,
        after=timedelta(0),
        raise_to=95,
        told=EscalationTold.LEADER,
    ),
    EscalationRule(
        key="unhappy_critical",
        trigger=EscalationTrigger.UNHAPPY,
        after=timedelta(hours=2),
        severity=Severity.CRITICAL,
        told=EscalationTold.SUPERVISORS,
    ),
    EscalationRule(
        key="unhappy_old", trigger=EscalationTrigger.UNHAPPY, after=timedelta(days=1), told=EscalationTold.SUPERVISORS
    ),
    EscalationRule(
        key="blocked", trigger=EscalationTrigger.BLOCKED, after=timedelta(hours=4), told=EscalationTold.SUPERVISORS
    ),
    EscalationRule(
        key="overdue", trigger=EscalationTrigger.OVERDUE, after=timedelta(hours=8), told=EscalationTold.LEADER
    ),
    EscalationRule(
        key="handover",
        trigger=EscalationTrigger.HANDOVER_UNSIGNED,
        after=timedelta(hours=2),
        told=EscalationTold.LEADER,
    ),
    EscalationRule(
        key="message",
        trigger=EscalationTrigger.MESSAGE_UNREAD,
        after=timedelta(hours=2),
        told=EscalationTold.SUPERVISORS,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """One thing that a rule may be due for."""

    trigger: EscalationTrigger
    since: datetime
    """When it began; of `promise_due`, when the promise breaks."""
    severity: Severity = Severity.MINOR


def is_due(rule: EscalationRule, matter: Matter, *, now: datetime) -> bool:
    """Whether the rule fires for it now."""
    if not rule.enabled or matter.trigger is not rule.trigger:
        return False
    if rule.trigger is EscalationTrigger.PROMISE_DUE:
        return now < matter.since <= now + rule.after
    if rule.trigger is EscalationTrigger.UNHAPPY and _rank(matter.severity) < _rank(rule.severity):
        return False
    return matter.since + rule.after <= now


def due(rules: Sequence[EscalationRule], matter: Matter, *, now: datetime) -> tuple[EscalationRule, ...]:
    """Every rule that fires for it now, in their order."""
    return tuple(rule for rule in rules if is_due(rule, matter, now=now))


def _rank(severity: Severity) -> int:
    return list(Severity).index(severity)


# ── Rules as a document ─────────────────────────────────────────────────────────────────────────────────────────────


def rules_of(document: Mapping[str, Any]) -> tuple[EscalationRule, ...]:
    """The rules of a stored document; the default ones when there is none.

    Raises `ValueError`, `KeyError` or `TypeError` for what is no such document.
    """
    if not document:
        return DEFAULT_RULES
    return tuple(_rule(raw) for raw in document["rules"])


def document_of(rules: Sequence[EscalationRule]) -> dict[str, Any]:
    """The rules as they are stored; nothing for the default ones."""
    return {} if tuple(rules) == DEFAULT_RULES else {"rules": [raw_of(rule) for rule in rules]}


def _rule(raw: Mapping[str, Any]) -> EscalationRule:
    raise_to = raw.get("raise_to")
    return EscalationRule(
        key=str(raw["key"]),
        trigger=EscalationTrigger(raw["trigger"]),
        after=timedelta(minutes=raw["after_minutes"]),
        severity=Severity(raw.get("severity", Severity.MINOR)),
        mark=bool(raw.get("mark", True)),
        raise_to=None if raise_to is None else int(raise_to),
        told=EscalationTold(raw.get("told", EscalationTold.NOBODY)),
        enabled=bool(raw.get("enabled", True)),
    )


def raw_of(rule: EscalationRule) -> dict[str, Any]:
    """One rule as it is stored."""
    return {
        "key": rule.key,
        "trigger": rule.trigger.value,
        "after_minutes": round(rule.after.total_seconds() / 60),
        "severity": rule.severity.value,
        "mark": rule.mark,
        "raise_to": rule.raise_to,
        "told": rule.told.value,
        "enabled": rule.enabled,
    }


@dataclass(frozen=True, slots=True)
class RuleFault:
    """What is wrong with the rule at `index`. The sentence is `setup_escalation.fault.<code>`."""

    index: int
    code: str
    params: Mapping[str, Any] = field(default_factory=dict)


def faults(rules: Sequence[EscalationRule]) -> tuple[RuleFault, ...]:
    """What cannot be meant, in the order of the rules."""
    return tuple(_faults(rules))


def _faults(rules: Sequence[EscalationRule]) -> Iterator[RuleFault]:
    if len(rules) > MOST_RULES:
        yield RuleFault(MOST_RULES, "too_many_rules", {"most": MOST_RULES})
    seen: set[str] = set()
    for index, rule in enumerate(rules):
        code = "key_taken" if rule.key in seen else _fault(rule)
        if code is not None:
            yield RuleFault(index, code, {"days": LONGEST.days} if code == "delay_not_possible" else {})
        seen.add(rule.key)


def _fault(rule: EscalationRule) -> str | None:
    wrong = {
        "key_not_possible": not _KEY.fullmatch(rule.key),
        "delay_not_possible": not timedelta(0) <= rule.after <= LONGEST,
        "before_nothing": rule.trigger is EscalationTrigger.PROMISE_DUE and not rule.after,
        "priority_not_possible": rule.raise_to is not None and not 0 <= rule.raise_to <= 100,
        "nothing_to_raise": rule.raise_to is not None and rule.trigger not in WITH_A_CALLBACK,
        "does_nothing": not rule.mark and rule.raise_to is None and rule.told is EscalationTold.NOBODY,
    }
    return next((code for code, is_so in wrong.items() if is_so), None)
