"""What one call shows: read once, for the whole page or for the part of it that a step has changed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from callback.db.tables import Attempt, Callback
from callback.domain.disposition import spoke
from callback.domain.rules import may_reveal
from callback.domain.script import MAX_FIELD, Choice, EffectKind, Stage
from callback.domain.survey import Question, Value
from callback.domain.words import Attitude, Disposition, HungUp, Severity, SuppressionScope
from callback.errors import NotFound
from callback.services import attempts, notes
from callback.services.attempts import Asking, Background, Before, CallSheet, Finished, Marks
from callback.services.attempts.talk import MOST_NOTES
from callback.services.notes import Message
from callback.texts import say
from callback.web.calls.follows import Line, follows
from callback.web.desk import Desk

MAIN_WAY = (
    Stage.IDENTITY,
    Stage.INTRODUCE,
    Stage.CONVENIENT,
    Stage.TELL,
    Stage.ACCEPTED,
    Stage.NEW_NEED,
    Stage.QUESTIONNAIRE,
    Stage.CLOSE,
)
"""The stages as the agent sees them ahead; the other ones are side paths."""
OPT_OUTS = (SuppressionScope.SURVEY, SuppressionScope.AGENT, SuppressionScope.ALL)
"""What a customer says in a call."""
WAIT_AMBER, WAIT_RED = timedelta(seconds=45), timedelta(seconds=90)
"""So long a customer waits for a note without minding, and at the most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The question on the screen: the next one, or an earlier one that is corrected."""

    question: Question
    place: int
    value: Value | None
    """What was answered before; None also for what was skipped or not asked yet."""
    is_correction: bool
    before: Question | None
    """Where "back" leads; None: to the script."""
    ten: bool
    """Its scale reaches ten, which is not one key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """The last panel, filled in from the path."""

    outcomes: tuple[Disposition, ...]
    suggested: Disposition | None
    attitude: Attitude | None
    hung_up_first: HungUp
    can_go_back: bool
    """It was opened by hand: the script goes on behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    call: CallSheet
    mine: bool
    marks: Marks
    waited: timedelta
    before: Before | None
    """While the person is not confirmed; `background` from then on."""
    background: Background | None
    asking: Asking | None
    asked: Asked | None
    closing: Closing | None
    paused: bool
    messages: tuple[Message, ...]
    """From colleagues; none before the person is confirmed."""
    result: Finished | None

    @property
    def stage(self) -> Stage:
        return Stage.CLOSE if self.closing or self.call.node is None else self.call.node.stage

    @property
    def way(self) -> tuple[tuple[Stage, bool, bool], ...]:
        """The stages ahead: whether each lies behind, and whether the call is there. On a side path it is at none."""
        behind = [MAIN_WAY.index(stage) for stage in self.call.passed if stage in MAIN_WAY]
        here = MAIN_WAY.index(self.stage) if self.stage in MAIN_WAY else None
        reached = here if here is not None else max(behind, default=-1) + 1
        return tuple((stage, place < reached, place == here) for place, stage in enumerate(MAIN_WAY))

    @property
    def is_aside(self) -> bool:
        return self.stage not in (*MAIN_WAY, Stage.PREPARE)

    @property
    def follows(self) -> tuple[Line, ...]:
        """What came of a call that has ended."""
        return follows(self.result, special=self.call.card.special) if self.result else ()

    @property
    def pause_amber_at(self) -> datetime:
        return (self.marks.paused_since or self.call.started_at) + WAIT_AMBER

    @property
    def pause_red_at(self) -> datetime:
        return (self.marks.paused_since or self.call.started_at) + WAIT_RED

    @property
    def must_open_questions(self) -> bool:
        """The script stands at the questions, and nobody has opened them."""
        return self.mine and asks(self.call) and self.asking is None

    def spoken(self, code: str) -> str:
        """A sentence for the customer, in the language of the script."""
        return say(code, self.call.script_language)

    def may_take(self, choice: Choice) -> bool:
        """Whether a choice is offered: the questionnaire is not begun where it may not be asked."""
        return self.call.no_questions is None or EffectKind.QUESTIONNAIRE not in choice.effects

    def values(self) -> dict[str, Any]:
        """For the templates."""
        return {
            "call": self.call,
            "shown": self,
            "attitudes": tuple(Attitude),
            "severities": tuple(Severity),
            "hung_ups": tuple(HungUp),
            "opt_outs": OPT_OUTS,
            "most_notes": MOST_NOTES,
            "most_field": MAX_FIELD,
        }


def find(session: Session, desk: Desk, handle: str) -> tuple[Attempt, bool]:
    """The attempt, and whether it is the reader's own; supervisors may look at everybody's. Raises `NotFound`."""
    try:
        return attempts.own_attempt(session, handle, agent_id=desk.me.agent_id), True
    except NotFound:
        if not desk.me.supervises:
            raise
        return attempts.own_attempt(session, handle, agent_id=None), False


def look(session: Session, desk: Desk, handle: str, *, question: str | None = None, closing: bool = False) -> Shown:
    """The call as it stands. `question` names an earlier one to be corrected, `closing` opens the last panel."""
    attempt, mine = find(session, desk, handle)
    call = attempts.sheet(session, handle=handle, agent_id=None, now=desk.now)
    marks = Marks.of(attempt)
    asking = attempts.asking(session, attempt)
    return Shown(
        call=call,
        mine=mine,
        marks=marks,
        waited=marks.waited(desk.now),
        before=None if may_reveal(attempt.identity_at) else attempts.before(session, attempt),
        background=attempts.background(session, attempt),
        asking=asking,
        asked=_asked(call, asking, question),
        closing=_closing(session, attempt, call, by_hand=closing) if call.node is not None else None,
        paused=marks.paused_since is not None,
        messages=messages_of(session, desk, attempt),
        result=attempts.result(attempt),
    )


def messages_of(session: Session, desk: Desk, attempt: Attempt) -> tuple[Message, ...]:
    """They may tell of the case: nothing is shown before the person is confirmed (hard rule 7)."""
    if not may_reveal(attempt.identity_at):
        return ()
    callback = session.get_one(Callback, attempt.callback_id)
    return notes.visible_to(session, callback, agent_id=desk.me.agent_id, supervises=desk.me.supervises)


def asks(call: CallSheet) -> bool:
    """The script stands where the questionnaire is gone through."""
    return (
        call.node is not None
        and call.node.stage is Stage.QUESTIONNAIRE
        and call.facts.questionnaire is True
        and call.no_questions is None
    )


def _asked(call: CallSheet, asking: Asking | None, name: str | None) -> Asked | None:
    if asking is None or not asks(call) or not asking.is_open:
        return None
    earlier = asking.find(name) if name is not None else None
    question = earlier or asking.question
    if question is None:
        return None
    names = [one.question.name for one in asking.given]
    is_correction = question.name in names
    return Asked(
        question=question,
        place=names.index(question.name) + 1 if is_correction else asking.done + 1,
        value=asking.value_of(question.name),
        is_correction=is_correction,
        before=asking.before(question.name if is_correction else None),
        ten=any(option.value == 10 for option in question.options),
    )


def _closing(session: Session, attempt: Attempt, call: CallSheet, *, by_hand: bool) -> Closing | None:
    if call.node is None or not (call.node.is_end or by_hand):
        return None
    outcomes, suggested = attempts.offered(session, attempt, call.facts, call.purpose)
    heard = call.facts.identity or spoke(suggested)
    return Closing(
        outcomes=outcomes,
        suggested=suggested,
        attitude=Attitude.ORDINARY if call.facts.identity else None,
        hung_up_first=HungUp.CUSTOMER if heard and suggested is not Disposition.BREAK_OFF else HungUp.UNKNOWN,
        can_go_back=not call.node.is_end,
    )
