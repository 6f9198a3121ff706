"""Why this callback: its purpose, its moment, and who may and may not make it, each with the rule that says so."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from callback.db import decisions, slots
from callback.db.policies import load_policy
from callback.db.tables import Agent, Callback, Case, Customer, Decision
from callback.db.waiting import read_waiting
from callback.domain.rules import Refusal, next_legal_moment, refusals, who_may
from callback.domain.words import CallbackState, Channel
from callback.errors import NotFound
from callback.services import demands, unsent, wording
from callback.texts import Language, catalogue, say

HORIZON = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Facts, not sentences: `tell` makes the sentences."""

    callback: Callback
    zone: ZoneInfo
    """The customer's."""
    now: datetime
    refusals: tuple[Refusal, ...]
    """What forbids the contact at this moment, whoever makes it."""
    next_legal: datetime | None
    may: tuple[tuple[int, str], ...]
    """(agent, name) of those who may make it."""
    may_not: tuple[tuple[int, str, tuple[Refusal, ...]], ...]
    history: tuple[Decision, ...]

    @property
    def origin(self) -> Decision | None:
        """The newest decision that gave it its purpose."""
        return next((d for d in reversed(self.history) if d.about == "purpose"), None)

    @property
    def left_for(self) -> str | None:
        """Why the last planning left it waiting; None for what is not waiting, or was not looked at yet."""
        last = next((d for d in reversed(self.history) if d.about == "assignment"), None)
        waiting = self.callback.state is CallbackState.WAITING
        return last.rule if waiting and last is not None and last.verdict == CallbackState.WAITING.value else None


def find(session: Session, reference: str) -> Callback:
    """By handle, or by number (`17`, `#17`). Raises `NotFound`."""
    callback = session.scalar(select(Callback).where(Callback.handle == reference))
    number = reference.removeprefix("#")
    if callback is None and number.isdecimal() and len(number) < 19:
        callback = session.get(Callback, int(number))
    if callback is None:
        raise NotFound("callback_not_found", callback=reference)
    return callback


def explain(session: Session, callback: Callback, *, now: datetime) -> Explanation:
    """Ask the rules again, at this moment, about a callback; and tell what was decided before."""
    (row,) = read_waiting(session, [callback.id])
    ((_, contact),) = demands.read_contacts(session, [row], moment=now)
    contact = replace(contact, channel=callback.channel)
    policy = load_policy(session)
    agents = slots.agents_at_work(session) if callback.channel is Channel.AGENT else {}
    allowed, barred = who_may(contact, policy, agents.values())
    names = dict(session.execute(select(Agent.id, Agent.name)).tuples().all())
    zone = session.scalars(select(Customer.time_zone).where(Customer.id == callback.customer_id)).one()
    return Explanation(
        callback=callback,
        zone=ZoneInfo(zone),
        now=now,
        refusals=refusals(replace(contact, at=now), policy),
        next_legal=next_legal_moment(contact, policy, until=now + HORIZON),
        may=tuple((agent.id, names[agent.id]) for agent in allowed),
        may_not=tuple((agent.id, names[agent.id], refused) for agent, refused in barred),
        history=tuple(decisions.of_callback(session, callback.id)),
    )


def tell(explanation: Explanation, language: Language, *, people: int = 10, history: bool = True) -> list[str]:
    """The explanation as sentences. Of many agents the first `people` are named and the rest counted."""
    return [
        *_why_this(explanation, language),
        *_why_now(explanation, language),
        *_who(explanation, language, people),
        *(_history(explanation, language) if history else ()),
    ]


def _why_this(e: Explanation, language: Language) -> Iterator[str]:
    callback = e.callback
    yield say(
        "explain.title",
        language,
        number=callback.id,
        purpose=say(f"purpose.{callback.purpose.value}", language),
        state=say(f"callback_state.{callback.state.value}", language),
    )
    origin = e.origin
    if origin is not None:
        yield say(f"plan.{origin.rule}", language, **_readable(origin.inputs, e.zone, language))
        yield say(
            "explain.channel",
            language,
            channel=say(f"channel.{callback.channel.value}", language),
            why=say(f"channel_rule.{origin.inputs.get('channel_rule', 'always_a_person')}", language),
        )
        for channel, reason in origin.inputs.get("refused_channels", {}).items():
            yield say(
                "explain.channel_refused",
                language,
                channel=say(f"channel.{channel}", language),
                why=unsent.why(reason, language),
            )


def _why_now(e: Explanation, language: Language) -> Iterator[str]:
    callback = e.callback
    yield say(
        "explain.times",
        language,
        earliest=_moment(callback.next_try_at or callback.earliest_at, e.zone, language),
        due=_moment(callback.due_at, e.zone, language),
        zone=wording.zone_name(e.zone.key, language),
    )
    if not callback.state.is_live:
        yield say("explain.ended", language, at=_moment(callback.finished_at, e.zone, language))
        return
    if callback.blocked_by is not None:
        yield say(f"blocked_by.{callback.blocked_by.value}", language)
    if e.left_for is not None:
        yield say("explain.left", language, why=say(f"decided_by.{e.left_for}", language))
    if callback.planned_at is not None:
        yield say("explain.planned", language, at=_moment(callback.planned_at, e.zone, language))
    if e.refusals:
        yield say("explain.not_now", language, now=_moment(e.now, e.zone, language))
        for refusal in e.refusals:
            yield "  - " + wording.sentence(f"rule.{refusal.reason}", refusal.params, language)
    else:
        yield say("explain.allowed_now", language, now=_moment(e.now, e.zone, language))
    if e.next_legal is None:
        yield say("explain.never", language, days=HORIZON.days)
    else:
        yield say("explain.next_legal", language, at=_moment(e.next_legal, e.zone, language))


def _who(e: Explanation, language: Language, people: int) -> Iterator[str]:
    if e.callback.channel is not Channel.AGENT or not e.callback.state.is_live:
        return
    names = [name for _, name in e.may]
    if names:
        yield say("explain.may", language, count=len(names), names=_some(names, people, language))
    else:
        yield say("explain.nobody_may", language)
    if e.callback.agent_id is not None and e.callback.state is not CallbackState.BLOCKED:
        chosen = next((name for agent_id, name in e.may if agent_id == e.callback.agent_id), None)
        if chosen is not None:
            yield say("explain.chosen", language, name=chosen)
    for _, name, refused in e.may_not[:people]:
        why = wording.why_not(refused, language, agent=name)
        yield "  - " + say("explain.may_not", language, name=name, why=why)
    if len(e.may_not) > people:
        yield say("explain.may_not_more", language, count=len(e.may_not) - people)


def _history(e: Explanation, language: Language) -> Iterator[str]:
    yield say("explain.history", language)
    for decision in e.history:
        yield say(
            "explain.decision",
            language,
            at=_moment(decision.at, e.zone, language),
            about=say(f"about.{decision.about}", language),
            verdict=say(f"verdict.{decision.verdict}", language),
            rule=rule_name(decision.rule, language),
        )


def rule_name(rule: str, language: Language) -> str:
    """A rule that only keeps things from being sent has its words in that ledger alone."""
    decided = f"decided_by.{rule}"
    return say(decided, language) if decided in catalogue(language) else unsent.why(rule, language)


def _readable(inputs: dict[str, Any], zone: ZoneInfo, language: Language) -> dict[str, Any]:
    """Inputs of a decision as people read them; a moment that there is not becomes a word."""
    empty = {name: say("explain.none", language) for name, text in inputs.items() if text in ("", None)}
    return wording.spoken(inputs, language, zone=zone) | empty


def _moment(at: datetime | None, zone: ZoneInfo, language: Language) -> str:
    return "–" if at is None else wording.moment(at.astimezone(zone), language)


def _some(names: Sequence[str], most: int, language: Language) -> str:
    shown = wording.listed(names[:most], language)
    return shown if len(names) <= most else shown + " …"


def tell_case(session: Session, case_id: str, language: Language) -> list[str]:
    """Why a case has the callbacks it has, or none. Raises `NotFound`."""
    case = session.get(Case, int(case_id)) if case_id.isdecimal() and len(case_id) < 19 else None
    if case is None:
        raise NotFound("case_not_found", case=case_id)
    zone = ZoneInfo(case.customer.time_zone)
    history = session.scalars(select(Decision).where(Decision.case_id == case.id).order_by(Decision.id)).all()
    verdict = next((d for d in reversed(history) if d.rule == case.plan_rule), None)
    lines = [say("explain.case", language, number=case.id, subject=case.subject)]
    if case.plan_rule is None:
        lines.append(say("explain.not_planned", language))
    else:
        lines.append(
            say(f"plan.{case.plan_rule}", language, **_readable(verdict.inputs if verdict else {}, zone, language))
        )
    if case.plan_at is not None:
        lines.append(say("explain.look_again", language, at=_moment(case.plan_at, zone, language)))
    callbacks = session.scalars(select(Callback).where(Callback.case_id == case.id).order_by(Callback.id))
    lines += [
        say(
            "explain.title",
            language,
            number=c.id,
            purpose=say(f"purpose.{c.purpose.value}", language),
            state=say(f"callback_state.{c.state.value}", language),
        )
        for c in callbacks
    ]
    return lines
