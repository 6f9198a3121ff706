"""What changed between two versions, in words: one function for each kind of set-up."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

from sqlalchemy.orm import Session

from callback.db.agents import team_names
from callback.domain.address import mask
from callback.domain.escalation import EscalationRule, rules_of
from callback.domain.policy import Policy
from callback.domain.policy_figures import FIGURES, Figure, Unit, in_unit
from callback.domain.retry import RetryStep
from callback.domain.retry_table import table_of
from callback.domain.words import EscalationTold, SetupKind, Severity
from callback.services import wording
from callback.web import moments
from callback.web.desk import Desk

Document = Mapping[str, Any]
MOST = 12


@dataclass(frozen=True, slots=True)
class Difference:
    """`plain`: the label is a word of the house; else it is somebody's own."""

    label: str
    before: str
    after: str
    plain: bool = True


@dataclass(frozen=True, slots=True)
class _Words:
    desk: Desk
    session: Session

    def say(self, code: str, /, **params: object) -> str:
        return self.desk.say(code, **params)


def differences(
    desk: Desk, session: Session, kind: SetupKind, before: Document, after: Document
) -> Sequence[Difference]:
    """What is not the same, at most `MOST` of it."""
    words = _Words(desk, session)
    found = [one for one in DESCRIBED[kind](words, before, after) if one.before != one.after]
    if len(found) > MOST:
        rest = words.say("setup_desk.more_changes", count=len(found) - MOST)
        found = [*found[:MOST], Difference(rest, "", "")]
    return found


def _agent(words: _Words, before: Document, after: Document) -> Iterator[Difference]:
    return agent_differences(words.desk, team_names(words.session), before, after)


def agent_differences(desk: Desk, teams: Mapping[int, str], before: Document, after: Document) -> Iterator[Difference]:
    """`after` may be a part of an agent."""
    for name in after:
        if before.get(name) != after[name]:
            old, new = (_agent_value(desk, teams, name, document.get(name)) for document in (before, after))
            yield Difference(desk.say(f"setup_desk.agent_{name}"), old if before else "", new)


def _agent_value(desk: Desk, teams: Mapping[int, str], name: str, value: Any) -> str:
    if value is None or value in ("", []):
        return "–"
    if name == "active":
        return desk.say("setup_desk.state_active" if value else "setup_desk.state_inactive")
    if isinstance(value, bool):
        return desk.say("setup_desk.yes" if value else "setup_desk.no")
    told: Mapping[str, Callable[[], str]] = {
        "team_id": lambda: teams.get(value, "–"),
        "role": lambda: desk.say(f"desk.role_{value}"),
        "phone": lambda: mask(value),
        "languages": lambda: wording.listed(
            (wording.language_name(code, desk.language) for code in value), desk.language
        ),
        "skills": lambda: ", ".join(value),
    }
    return told[name]() if name in told else str(value)


def _team(words: _Words, before: Document, after: Document) -> Iterator[Difference]:
    yield Difference(words.say("setup_desk.team_name"), before.get("name", ""), after.get("name", ""))


def _shifts(words: _Words, before: Document, after: Document) -> Iterator[Difference]:
    for weekday in range(7):
        old, new = (_hours_on(document, weekday) for document in (before, after))
        yield Difference(words.say(f"setup_desk.weekday_{weekday}"), old or "–", new or "–")
    nothing = words.say("setup_desk.as_the_week")
    for day in sorted(before.get("days", {}).keys() | after.get("days", {}).keys()):
        old, new = (_day_hours(words, document.get("days", {}).get(day)) or nothing for document in (before, after))
        yield Difference(day_words(words.desk, date.fromisoformat(day)), old, new)


def _hours_on(document: Document, weekday: int) -> str:
    return "  ".join(f"{starts}–{ends}" for day, starts, ends in document.get("pattern", ()) if day == weekday)


def _day_hours(words: _Words, said: Mapping[str, Any] | None) -> str | None:
    if said is None:
        return None
    hours = "  ".join(f"{starts}–{ends}" for starts, ends in said["hours"]) or words.say("setup_desk.absent")
    return hours + (f" ({said['reason']})" if said["reason"] else "")


def day_words(desk: Desk, day: date) -> str:
    """`Thu 12 Mar`, with the year when it is another than this one."""
    if day.year == desk.now.astimezone(desk.zone).year:
        return moments.weekday(day, desk.zone, desk.language)
    return moments.full_day(day, desk.zone, desk.language)


def _calendar(words: _Words, before: Document, after: Document) -> Iterator[Difference]:
    public = words.say("setup_desk.as_published")
    for day in sorted(before.keys() | after.keys()):
        old, new = (_kind_of_day(words, document.get(day)) or public for document in (before, after))
        yield Difference(day_words(words.desk, date.fromisoformat(day)), old, new)


def _kind_of_day(words: _Words, said: Sequence[str] | None) -> str | None:
    if said is None:
        return None
    return words.say(f"setup_desk.day_{said[0]}") + (f" ({said[1]})" if said[1] else "")


def _policy(words: _Words, before: Document, after: Document) -> Iterator[Difference]:
    old, new = (Policy().changed(dict(document)) for document in (before, after))
    for figure in FIGURES:
        before_it, after_it = (
            figure_words(words.desk, figure, in_unit(figure, getattr(policy, figure.name))) for policy in (old, new)
        )
        yield Difference(words.say(f"setup_policy.{figure.name}"), before_it, after_it)


def figure_words(desk: Desk, figure: Figure, value: Any) -> str:
    """A figure with its unit: `24 hours`, `10 %`, `09:00–12:00, 14:00–20:00`."""
    if figure.unit is Unit.WINDOWS:
        return ", ".join(f"{start:%H:%M}–{end:%H:%M}" for start, end in value)
    if figure.unit is Unit.YES_NO:
        return desk.say("setup_desk.yes" if value else "setup_desk.no")
    if figure.unit is Unit.CHANNELS:
        return "; ".join(_country_words(desk, country, channels) for country, channels in value.items())
    return desk.say(f"setup_policy.unit_{figure.unit.value}", value=f"{value:g}")


def _country_words(desk: Desk, country: str, channels: Sequence[str]) -> str:
    name = desk.say("setup_policy.every_other") if country == "*" else country
    return f"{name}: " + (" → ".join(desk.say(f"channel.{channel}") for channel in channels) or "–")


def _retry(words: _Words, before: Document, after: Document) -> Iterator[Difference]:
    old, new = (table_of(document) for document in (before, after))
    for disposition in new:
        before_it, after_it = (" · ".join(steps_words(words.desk, table[disposition])) for table in (old, new))
        yield Difference(words.say(f"disposition.{disposition.value}"), before_it, after_it)


def steps_words(desk: Desk, steps: Sequence[RetryStep]) -> list[str]:
    """Each step of a disposition in words."""
    return [_step_words(desk, step) for step in steps]


def _step_words(desk: Desk, step: RetryStep) -> str:
    if step.delay is None:
        return desk.say("setup_retry.stop")
    said = [desk.say("setup_retry.after", span=moments.span(step.delay, desk.language)) if step.delay else ""]
    said += [desk.say("setup_retry.other_part")] if step.other_part_of_day else []
    said += [desk.say("setup_retry.next_number")] if step.next_contact_point else []
    said += [] if step.counts else [desk.say("setup_retry.uncounted")]
    return desk.say("setup_retry.joint").join(part for part in said if part) or desk.say("setup_retry.at_once")


def _escalation(words: _Words, before: Document, after: Document) -> Iterator[Difference]:
    old, new = ({rule.key: rule for rule in rules_of(document)} for document in (before, after))
    for key in dict.fromkeys([*new, *old]):
        said = [rule_words(words.desk, rules[key]) if key in rules else ("", "–") for rules in (old, new)]
        when = said[1][0] or said[0][0]
        before_it, after_it = (f"{one[0]} → {one[1]}" if one[0] and one[0] != when else one[1] for one in said)
        yield Difference(when, before_it, after_it)
    if list(old) != list(new) and set(old) == set(new):
        yield Difference(words.say("setup_escalation.order"), "", words.say("setup_escalation.order_changed"))


def rule_words(desk: Desk, rule: EscalationRule) -> tuple[str, str]:
    """When it fires, and what it does."""
    span = moments.span(rule.after, desk.language)
    code = f"setup_escalation.when_{rule.trigger.value}" + ("" if rule.after else "_at_once")
    severity = desk.say(f"dissatisfaction.severity.{rule.severity.value}")
    if rule.severity is not Severity.CRITICAL:
        severity = desk.say("setup_escalation.or_worse", severity=severity)
    when = desk.say(code, span=span, severity=severity)
    does = [desk.say("setup_escalation.does_mark")] if rule.mark else []
    does += [] if rule.raise_to is None else [desk.say("setup_escalation.does_raise", priority=rule.raise_to)]
    does += [] if rule.told is EscalationTold.NOBODY else [desk.say(f"setup_escalation.does_tell_{rule.told.value}")]
    done = desk.say("setup_retry.joint").join(does)
    return when, done if rule.enabled else desk.say("setup_escalation.off")


def _quick_reply(words: _Words, before: Document, after: Document) -> Iterator[Difference]:
    for name in ("category", "title", "body"):
        yield Difference(words.say(f"replies_desk.{name}"), before.get(name, ""), after.get(name, ""))
    old, new = (document.get("pictures", ()) for document in (before, after))
    if old != new:
        yield Difference(words.say("replies_desk.pictures"), str(len(old)), str(len(new)))
    if before:
        used = ("replies_desk.retired_ones", "replies_desk.in_use")
        old_use, new_use = (words.say(used[document["active"]]) for document in (before, after))
        yield Difference(words.say("replies_desk.which"), old_use, new_use)


DESCRIBED: Mapping[SetupKind, Callable[[_Words, Document, Document], Iterator[Difference]]] = MappingProxyType(
    {
        SetupKind.POLICY: _policy,
        SetupKind.RETRY: _retry,
        SetupKind.ESCALATION: _escalation,
        SetupKind.CALENDAR: _calendar,
        SetupKind.TEAM: _team,
        SetupKind.AGENT: _agent,
        SetupKind.SHIFTS: _shifts,
        SetupKind.QUICK_REPLY: _quick_reply,
    }
)
