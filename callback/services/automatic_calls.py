"""The automatic call, turn by turn: the carrier asks what to say next, and tells what was pressed or said.

A turn's address carries where the call stands (`step`, `tries`, `since`), so that the same turn asked again gets the
same words and a late one answers the question it was asked for. What was answered is kept at once: a hang-up loses
nothing.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from sqlalchemy import update
from sqlalchemy.orm import Session
from twilio.twiml.voice_response import VoiceResponse

from callback.db import attempts as rows
from callback.db import decisions
from callback.db.claims import changed_one
from callback.db.tables import Attempt, Callback, Case, Customer, Response
from callback.domain import optout, rendering
from callback.domain.carrier import is_machine
from callback.domain.identity import Who, who
from callback.domain.optout import Meaning, Wish
from callback.domain.rendering import FORM_OF, REPEAT, TO_A_PERSON, TRIES
from callback.domain.reply import Kind, Reply, read
from callback.domain.rules import states_below
from callback.domain.survey import Definition, Form, Question, SurveyState, start, visible
from callback.domain.words import AttemptState, Channel, Disposition, SuppressionScope
from callback.errors import Conflict
from callback.services import answering, renderings, surveys, visits
from callback.services.sends.ending import end_attempt
from callback.services.suppressions import OPT_OUT_CALL, suppress
from callback.settings import Settings
from callback.texts import Language, say

IDENTITY = "identity"
WISH_WITHIN = timedelta(days=1)
"""By when a person calls who was asked for."""
_SILENT_SKIP = "#"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What the carrier tells with a turn. `step` is empty at the first, when the call was just answered."""

    step: str = ""
    tries: int = 0
    since: int = 0
    """When the call was answered, in seconds since 1970; told back to us in the address."""
    digits: str = ""
    speech: str = ""
    answered_by: str = ""

    @property
    def said(self) -> str:
        return self.digits or self.speech


def turn(session: Session, *, attempt: Attempt, heard: Heard, action: str, now: datetime, settings: Settings) -> str:
    """TwiML of what to say next. `action`: the absolute address of this attempt's turns, without a query."""
    call = _Call(session, attempt, heard, action=action, now=now, settings=settings)
    return str(call.next())


class _Call:
    """One turn of one call."""

    def __init__(
        self, session: Session, attempt: Attempt, heard: Heard, *, action: str, now: datetime, settings: Settings
    ) -> None:
        self.session, self.heard, self.action, self.now, self.settings = session, heard, action, now, settings
        rows.lock_open(session, attempt.callback_id)
        session.refresh(attempt)
        self.attempt = attempt
        self.customer = session.get_one(Customer, attempt.customer_id)
        self.language: Language = renderings.spoken_language(self.customer.language)

    def next(self) -> VoiceResponse:
        """A machine is hung up on without a word; a call that has ended has nothing more to say."""
        if self.attempt.state is AttemptState.ENDED:
            return self._hang_up(None)
        if is_machine(self.heard.answered_by):
            return self._end(Disposition.ANSWERING_MACHINE, None)
        if not self.heard.step:
            self._connected(confirmed=False)
            return self._greet(tries=1)
        return self._heard()

    def _heard(self) -> VoiceResponse:
        """Wishes first, whatever was asked; then who is there; then the answer."""
        stop = self._stop()
        if stop is not None:
            return self._opt_out(stop)
        if self.heard.digits == TO_A_PERSON:
            return self._to_a_person()
        if self.heard.step == IDENTITY:
            return self._identity()
        return self._answered() if self.attempt.identity_at is not None else self._greet(tries=1)

    def _stop(self) -> Meaning | None:
        """The wish to hear no more, if that was said."""
        if not self.heard.speech:
            return None
        found = optout.meaning(self.heard.speech, answers=self._answers())
        return found if found is not None and found.wish is Wish.STOP else None

    def _answers(self) -> bool:
        """Whether what was said is a possible answer to the closed question that was just asked."""
        asked = self._asked()
        if asked is None:
            return self._who() is not None
        return not asked.is_text and read(asked, self.heard.speech).kind is Kind.VALUE

    def _asked(self) -> Question | None:
        """The question of this turn; None while it is asked who is there."""
        if self.heard.step == IDENTITY or self.attempt.identity_at is None:
            return None
        return surveys.definition_of(self.session, self._open()).question(self.heard.step)

    # ── Who is there ────────────────────────────────────────────────────────────────────────────────────────────

    def _greet(self, *, tries: int, before: str = "") -> VoiceResponse:
        name = self.customer.salutation or self.customer.name
        text = before + renderings.greeting(settings=self.settings, language=self.language, name=name)
        hints = "是,不是,1,2" if self.language == "zh" else "yes,no,1,2"
        return renderings.ask(text, action=self._address(IDENTITY, tries), language=self.language, hints=hints)

    def _identity(self) -> VoiceResponse:
        """Nothing about the case is said before the person is confirmed, nor ever by name of the matter."""
        said = self.heard.said.strip()
        if said == REPEAT:
            return self._greet(tries=self.heard.tries)
        if not said:
            return self._again("voice.again_silence")
        answered = self._who()
        if answered is Who.PERSON:
            self._connected(confirmed=True)
            self._open()
            # They have heard that the call is recorded and gone on; whoever else picked up is not recorded at all.
            return self._ask(before=say("voice.intro", self.language) + " ", record=self.settings.record_calls)
        if answered is Who.WRONG_ADDRESS:
            return self._end(Disposition.WRONG_NUMBER, "voice.wrong_person")
        if answered is Who.SOMEBODY_ELSE:
            return self._end(Disposition.THIRD_PARTY, "voice.wrong_person")
        return self._again("voice.again_wrong")

    def _who(self) -> Who | None:
        return who(self.heard.said, names=(self.customer.name, self.customer.salutation))

    def _connected(self, *, confirmed: bool) -> None:
        """Somebody is there; once confirmed, the person is."""
        session, attempt = self.session, self.attempt
        below = {*states_below(AttemptState.CONNECTED), AttemptState.CONNECTED, AttemptState.UNKNOWN}
        changed_one(
            session,
            update(Attempt)
            .where(Attempt.id == attempt.id, Attempt.state.in_(below))
            .values(
                state=AttemptState.CONNECTED,
                identity_at=(attempt.identity_at or self.now) if confirmed else attempt.identity_at,
                version=Attempt.version + 1,
            ),
        )
        session.refresh(attempt)

    # ── The questions ───────────────────────────────────────────────────────────────────────────────────────────

    def _open(self) -> Response:
        """The response of this callback, in the form for calls unless something was answered in another."""
        callback = self.session.get_one(Callback, self.attempt.callback_id)
        form = FORM_OF[Channel.VOICE]
        response = surveys.open_response(
            self.session, callback=callback, attempt=self.attempt, channel=Channel.VOICE, now=self.now, form=form
        )
        state = SurveyState.from_json(response.engine_state)
        if state.form is not form and not state.answers:
            fresh = update(Response).where(Response.id == response.id, Response.version == response.version)
            changed_one(self.session, fresh.values(engine_state=start(form).to_json(), version=Response.version + 1))
            self.session.refresh(response)
        return response

    def _answered(self) -> VoiceResponse:
        """A turn about one question: its answer, a repetition, silence, or something that is no answer."""
        response = self._open()
        definition = surveys.definition_of(self.session, response)
        asked = definition.question(self.heard.step)
        if asked is None or asked.name in surveys.answers_of(response):
            return self._ask()  # asked and answered: the same turn again goes on where the call stands
        said = self.heard.said.strip()
        if said == REPEAT:
            return self._ask(tries=self.heard.tries)
        if not said:
            return self._unanswered(response, asked, "voice.again_silence")
        reply = self._understood(asked, said)
        if reply.kind in (Kind.VALUE, Kind.SKIP):
            return self._take(response, asked, reply)
        return self._unanswered(response, asked, "voice.again_wrong")

    def _understood(self, asked: Question, said: str) -> Reply:
        """A key is exactly its answer; words are understood as in a message."""
        if not self.heard.digits:
            return read(asked, said)
        if asked.is_text:
            return Reply(Kind.SKIP) if said == _SILENT_SKIP and not asked.required else Reply(Kind.UNCLEAR)
        found = next((key.option.value for key in rendering.keys(asked) if key.key == said), None)
        return Reply(Kind.UNCLEAR) if found is None else Reply(Kind.VALUE, found)

    def _take(self, response: Response, asked: Question, reply: Reply) -> VoiceResponse:
        try:
            taken = answering.take(
                self.session,
                response=response,
                channel=Channel.VOICE,
                now=self.now,
                question=asked.name,
                value=reply.value,
                said=self.heard.said or None,
            )
        except Conflict:
            return self._ask()  # answered elsewhere in the meantime
        return self._ask() if taken.step.invalid is None else self._unanswered(response, asked, "voice.again_wrong")

    def _unanswered(self, response: Response, asked: Question, code: str) -> VoiceResponse:
        """Asked once more; then a question that may be left out is, and any other ends the call with what was said."""
        if self.heard.tries < TRIES:
            return self._ask(before=say(code, self.language), tries=self.heard.tries + 1)
        if not asked.required:
            return self._take(response, asked, Reply(Kind.SKIP))
        return self._break_off("voice.no_answer")

    def _ask(self, *, before: str = "", tries: int = 1, record: bool = False) -> VoiceResponse:
        """The next question that can be asked by key or speech, if the time allows; else goodbye."""
        response = self._open()
        self.session.refresh(response)
        definition = surveys.definition_of(self.session, response)
        asked = _next_question(definition, SurveyState.from_json(response.engine_state))
        if asked is None:
            code = "voice.closing_unhappy" if answering.is_unhappy(self.session, response) else "voice.closing"
            return self._end(Disposition.COMPLETED, code)
        text = renderings.spoken_question(asked, self.language)
        if not self._has_time(before + text, free_text=asked.is_text):
            return self._break_off("voice.time_is_up")
        return renderings.ask(
            before + text,
            action=self._address(asked.name, tries),
            language=self.language,
            hints=renderings.hints(asked, self.language),
            free_text=asked.is_text,
            record=record,
        )

    def _has_time(self, text: str, *, free_text: bool) -> bool:
        """Whether this, answered at the last moment and at length, and the goodbye still end within the call's limit:
        there the carrier hangs up, and what is just being said would be lost."""
        spent = (self.now - self._since()).total_seconds()
        goodbye = rendering.seconds_to_say(say("voice.closing_unhappy", self.language), self.language)
        listened = rendering.INPUT_SECONDS + rendering.speech_seconds(free_text=free_text)
        needed = rendering.seconds_to_say(text, self.language) + listened + goodbye
        return spent + needed <= rendering.CALL_SECONDS

    # ── Ends ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _again(self, code: str) -> VoiceResponse:
        """Who is there, once more."""
        if self.heard.tries >= TRIES:
            return self._end(Disposition.IDENTITY_NOT_CONFIRMED, "voice.no_answer")
        return self._greet(tries=self.heard.tries + 1, before=say(code, self.language))

    def _break_off(self, code: str) -> VoiceResponse:
        return self._end(Disposition.PARTIAL if self._has_answers() else Disposition.BREAK_OFF, code)

    def _to_a_person(self) -> VoiceResponse:
        """Key 0: a person will call. What was answered is kept."""
        case = self.session.get_one(Case, self.attempt.case_id)
        made, _ = visits.ask_for_call(self.session, case=case, due_at=self.now + WISH_WITHIN, by=None, now=self.now)
        decisions.record(
            self.session,
            now=self.now,
            case_id=self.attempt.case_id,
            callback_id=self.attempt.callback_id,
            about="purpose",
            rule="asked_for_a_person",
            verdict="created",
            inputs={"attempt": self.attempt.handle, "callback": made},
        )
        return self._break_off("voice.person")

    def _opt_out(self, stop: Meaning) -> VoiceResponse:
        """Said in the call: no more automatic calls and surveys, or nothing at all, as the words mean.

        An answer in the same breath counts. Of a wrong number it is the number that hears no more, not the customer.
        """
        stranger = self.attempt.identity_at is None and self._who() is Who.WRONG_ADDRESS
        nothing = SuppressionScope.ALL in stop.scopes
        for scope in (SuppressionScope.ALL,) if nothing else (SuppressionScope.VOICE, SuppressionScope.SURVEY):
            suppress(
                self.session,
                scope=scope,
                reason=OPT_OUT_CALL,
                evidence={"words": self.heard.speech, "attempt": self.attempt.handle},
                now=self.now,
                customer_id=None if stranger else self.attempt.customer_id,
                address=self.attempt.address if stranger else None,
            )
        if stranger:
            return self._end(Disposition.WRONG_NUMBER, "voice.opted_out")
        self._keep_answer(stop.rest)
        return self._end(Disposition.PARTIAL if self._has_answers() else Disposition.REFUSED, "voice.opted_out")

    def _keep_answer(self, rest: str) -> None:
        asked = self._asked()
        if asked is None or not rest:
            return
        reply = read(asked, self.heard.speech if asked.is_text else rest)
        if reply.kind is Kind.VALUE and asked.name not in surveys.answers_of(self._open()):
            self._take(self._open(), asked, reply)

    def _has_answers(self) -> bool:
        response = surveys.of_callback(self.session, self.attempt.callback_id)
        return response is not None and any(value is not None for value in surveys.answers_of(response).values())

    def _end(self, disposition: Disposition, code: str | None) -> VoiceResponse:
        if self.attempt.state is not AttemptState.ENDED:
            end_attempt(self.session, attempt=self.attempt, disposition=disposition, now=self.now)
        return self._hang_up(code)

    def _hang_up(self, code: str | None) -> VoiceResponse:
        return renderings.hang_up(say(code, self.language) if code else None, self.language)

    def _since(self) -> datetime:
        """Never later than now: an address that says so would give the call all the time in the world."""
        since = self.heard.since
        return datetime.fromtimestamp(since, UTC) if 0 < since < self.now.timestamp() else self.now

    def _address(self, step: str, tries: int) -> str:
        query = {"step": step, "tries": tries, "since": int(self._since().timestamp())}
        return f"{self.action}?{urlencode(query)}"


def _next_question(definition: Definition, state: SurveyState) -> Question | None:
    """The first question without an answer that can be asked in a call."""
    return next(
        (
            question
            for question in visible(definition, state)
            if question.name not in state.answers
            and (state.form is Form.CALL or Form.CALL in question.forms)
            and (question.is_text or rendering.fits_a_keypad(question))
        ),
        None,
    )
