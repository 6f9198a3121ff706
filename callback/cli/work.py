"""`callback today`, `callback work`: an agent's list, and a call in the terminal."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from sqlalchemy import select

from callback.bootstrap import House
from callback.cli import app
from callback.cli.common import console, moment_of, open_house
from callback.db.engine import reading
from callback.db.tables import Agent
from callback.domain.script import Choice, FieldKind, Stage
from callback.domain.survey import Question
from callback.domain.words import Attitude, Disposition, HungUp
from callback.errors import NotFound
from callback.services import attempts, callbacks, surveys
from callback.services.attempts import CallSheet, Finished, HandedIn
from callback.texts import Language, say

AgentLogin = Annotated[str, typer.Option("--agent", help="Login of the agent.")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="Move the clock, for a try-out (not with a real carrier).")]
Lang = Annotated[str | None, typer.Option("--language", help="zh or en; default: CALLBACK_LANGUAGE.")]


def agent_id_of(house: House, login: str) -> int:
    """Raises `NotFound` (`agent_not_found`)."""
    with reading(house.sessions) as session:
        agent_id = session.scalar(select(Agent.id).where(Agent.login == login))
    if agent_id is None:
        raise NotFound("agent_not_found", agent=login)
    return agent_id


def _reader(house: House, wanted: str | None) -> Language:
    return "zh" if (wanted or house.settings.language).startswith("zh") else "en"


def _wall(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%m-%d %H:%M}"


# ── The list of the day ─────────────────────────────────────────────────────────────────────────────────────────────


@app.command("today")
def today_command(
    agent: AgentLogin,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
    language: Lang = None,
    as_of: AsOf = None,
) -> None:
    """An agent's list of the day, in calling order."""
    with open_house(as_of_text=as_of) as house:
        spoken = _reader(house, language)
        agent_id = agent_id_of(house, agent)
        with reading(house.sessions) as session:
            found = callbacks.todays_list(session, agent_id=agent_id, now=house.clock(), zone=house.zone, limit=limit)
        if as_json:
            typer.echo(json.dumps([_plain(entry) for entry in found.entries], ensure_ascii=False))
            return
        if found.entries:
            console.print(_table(found.entries, house.zone, spoken))
        elif found.empty_because:
            console.print(say(f"list.empty.{found.empty_because}", spoken))
        if found.next_planned_at is not None:
            console.print(say("list.next_planned", spoken, at=_wall(found.next_planned_at, house.zone)))


def _plain(entry: callbacks.Entry) -> dict[str, Any]:
    names = ("handle", "purpose", "state", "customer_name", "address", "planned_at", "due_at", "waits_until", "why")
    values = {name: getattr(entry, name) for name in names}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def _table(entries: tuple[callbacks.Entry, ...], zone: ZoneInfo, language: Language) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for whole in (True, True, False, False, True, False, False):
        table.add_column(no_wrap=whole, overflow="fold")  # a handle is copied: it is never cut
    for entry in entries:
        waits = entry.waits_until
        table.add_row(
            _wall(entry.planned_at, zone),
            entry.handle,
            say(f"purpose.{entry.purpose.value}", language),
            escape(entry.salutation or entry.customer_name or "–"),
            entry.address or "–",
            say(f"list.why.{entry.why}", language),
            say("list.waits_until", language, at=_wall(waits, zone)) if waits is not None else "",
        )
    return table


# ── One call ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Talk:
    """Where choices, fields and answers come from: the options of the command, else the keyboard."""

    choices: Iterator[str] | None
    fields: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)
    language: Language = "en"
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    """A moment without an offset is meant in this zone: the centre's."""

    @property
    def asks(self) -> bool:
        return self.choices is None

    def choose(self) -> str | None:
        """A key, `b` to go back; None when the given choices are used up."""
        if self.choices is None:
            prompt = f"{say('work.choose', self.language)} (b: {say('work.back', self.language)})"
            return str(typer.prompt(prompt)).strip()
        return next(self.choices, None)

    def fill(self, choice: Choice) -> dict[str, str]:
        filled = {}
        for wanted in choice.fields:
            value = self.fields.get(wanted.name)
            if value is None and self.asks:
                value = str(typer.prompt(wanted.label, default="" if not wanted.required else None))
            if value and wanted.kind is FieldKind.MOMENT:
                value = moment_of(value, self.zone).isoformat()
            if value:
                filled[wanted.name] = value
        return filled

    def answer(self, question: Question, spoken_in: Language) -> str | None:
        """What the customer says; None skips."""
        if not self.asks:
            return self.answers.get(question.name)
        for number, option in enumerate(question.options, start=1):
            console.print(f"  {number}. {option.wording.said_in(spoken_in)} ({option.value})", markup=False)
        said = str(typer.prompt(question.title.said_in(spoken_in), default="", show_default=False)).strip()
        return said or None


@app.command("work")
def work_command(
    agent: AgentLogin,
    handle: Annotated[str | None, typer.Argument(metavar="CALLBACK", help="Handle; left out: the next one.")] = None,
    choices: Annotated[str | None, typer.Option(help="Keys of the choices, as 1,1,2; left out: you are asked.")] = None,
    fields: Annotated[
        list[str] | None, typer.Option("--field", help="name=value, for choices that record one.")
    ] = None,
    answers: Annotated[list[str] | None, typer.Option("--answer", help="question=answer, for the questions.")] = None,
    outcome: Annotated[Disposition | None, typer.Option(help="How it ended; default: what the path suggests.")] = None,
    attitude: Annotated[Attitude | None, typer.Option()] = None,
    hung_up_first: Annotated[HungUp | None, typer.Option("--hung-up-first")] = None,
    notes: Annotated[str | None, typer.Option()] = None,
    duration: Annotated[int | None, typer.Option(min=0, max=86_400, help="Seconds.")] = None,
    appointment: Annotated[str | None, typer.Option(help="The moment the customer asked for.")] = None,
    new_promise: Annotated[
        str | None, typer.Option(help="Of a holding call: by when the customer hears from us.")
    ] = None,
    new_need: Annotated[str | None, typer.Option(help="What else the customer needs.")] = None,
    unhappy: Annotated[bool, typer.Option("--unhappy", help="Your own judgement.")] = False,
    language: Lang = None,
    as_of: AsOf = None,
) -> None:
    """Make one call: the script step by step, the questions, the outcome."""
    with open_house(as_of_text=as_of) as house:
        spoken = _reader(house, language)
        agent_id = agent_id_of(house, agent)
        keys = iter([key.strip() for key in choices.split(",") if key.strip()]) if choices is not None else None
        talk = Talk(keys, _pairs(fields), _pairs(answers), spoken, house.zone)
        call = _start(house, agent_id, handle)
        if call is None:
            console.print(say("list.next_none", spoken))
            return
        _show_card(call, spoken)
        call = _converse(house, agent_id, call, talk)
        ended = outcome or call.facts.disposition
        if ended is None and talk.asks:
            ended = Disposition(str(typer.prompt(say("work.outcome", spoken))))
        if ended is None:
            console.print(say("work.choices_used_up", spoken, handle=call.callback), markup=False)
            return
        if notes is None and talk.asks:
            notes = str(typer.prompt(say("work.notes", spoken), default="", show_default=False))
        handed_in = HandedIn(
            outcome=ended,
            attitude=attitude,
            hung_up_first=hung_up_first,
            notes=notes,
            duration_s=duration,
            appointment_at=moment_of(appointment, house.zone) if appointment else None,
            new_promise_at=moment_of(new_promise, house.zone) if new_promise else None,
            new_need=new_need,
            unhappy=unhappy,
        )
        with house.sessions.begin() as session:
            done = attempts.finish(
                session, handle=call.attempt, agent_id=agent_id, handed_in=handed_in, now=house.clock()
            )
        _show_end(done, house.zone, spoken)


def _pairs(given: list[str] | None) -> dict[str, str]:
    """`name=value` options. Raises `typer.BadParameter`."""
    pairs = {}
    for text in given or ():
        name, separator, value = text.partition("=")
        if not separator or not name.strip():
            raise typer.BadParameter(f"{text!r}: write it as name=value")
        pairs[name.strip()] = value
    return pairs


def _start(house: House, agent_id: int, handle: str | None) -> CallSheet | None:
    with house.sessions.begin() as session:
        if handle is None:
            return attempts.start_next(session, agent_id=agent_id, now=house.clock(), settings=house.settings)
        return attempts.start(session, handle=handle, agent_id=agent_id, now=house.clock(), settings=house.settings)


def _converse(house: House, agent_id: int, call: CallSheet, talk: Talk) -> CallSheet:
    """Walk through the script until it ends, or the given choices do."""
    while call.node is not None:
        _show_node(call, talk.language)
        if call.node.stage is Stage.QUESTIONNAIRE and call.facts.questionnaire and call.no_questions is None:
            _ask_questions(house, agent_id, call, talk)
        if call.node.is_end:
            return call
        key = talk.choose()
        if key is None:
            return call
        call = _step(house, agent_id, call, key, talk)
    return call


def _step(house: House, agent_id: int, call: CallSheet, key: str, talk: Talk) -> CallSheet:
    chosen = next((choice for choice in call.node.choices if choice.key == key), None) if call.node else None
    fields = talk.fill(chosen) if chosen is not None else {}
    where: dict[str, Any] = {"handle": call.attempt, "agent_id": agent_id, "version": call.version}
    with house.sessions.begin() as session:
        if key == "b":
            return attempts.back(session, **where, now=house.clock())
        return attempts.step(session, **where, choice=key, fields=fields, now=house.clock())


def _ask_questions(house: House, agent_id: int, call: CallSheet, talk: Talk) -> None:
    with house.sessions.begin() as session:
        asked = attempts.question(session, handle=call.attempt, agent_id=agent_id, now=house.clock())
    while asked.question is not None:
        console.print(say("work.question", talk.language, done=asked.done + 1, total=asked.total), style="dim")
        said = talk.answer(asked.question, call.script_language)
        if said is None and asked.question.required and not talk.asks:
            return
        asked = _answer(house, agent_id, call, asked.question.name, said)
        if asked.invalid is not None:
            console.print(say("work.question_invalid", talk.language, reason=asked.invalid), style="yellow")
            if not talk.asks:
                raise typer.Exit(2)


def _answer(house: House, agent_id: int, call: CallSheet, question: str, said: str | None) -> surveys.Step:
    with house.sessions.begin() as session:
        return attempts.answer(
            session, handle=call.attempt, agent_id=agent_id, question=question, said=said, now=house.clock()
        )


# ── What is shown ───────────────────────────────────────────────────────────────────────────────────────────────────


def _show_card(call: CallSheet, language: Language) -> None:
    card = call.card
    line = say(
        "work.card",
        language,
        name=card.salutation,
        address=card.address or "–",
        local=f"{card.local_time:%H:%M}",
        language=card.language,
    )
    console.print(Panel(Text(line), title=say(f"purpose.{call.purpose.value}", language), expand=False))


def _show_node(call: CallSheet, language: Language) -> None:
    node = call.node
    assert node is not None  # noqa: S101  asked by the caller
    if node.say:
        console.print(f"{say('work.node', language)}: {node.say}", style="bold", markup=False, highlight=False)
    if node.note:
        console.print(f"{say('work.note', language)}: {node.note}", style="dim", markup=False, highlight=False)
    for choice in node.choices:
        console.print(f"  {choice.key}. {choice.label}", markup=False, highlight=False)


def _show_end(done: Finished, zone: ZoneInfo, language: Language) -> None:
    for line in _end_lines(done, zone, language):
        console.print(line, markup=False, highlight=False)


def _end_lines(done: Finished, zone: ZoneInfo, language: Language) -> Iterator[str]:
    yield say(
        "work.done",
        language,
        outcome=done.disposition.value,
        code=done.aapor_code,
        state=done.callback_state.value,
    )
    if done.next_try_at is not None:
        yield say("work.next_try", language, at=_wall(done.next_try_at, zone))
    if done.new_promise_at is not None:
        yield say("work.promise", language, at=_wall(done.new_promise_at, zone))
    if done.child_case_ids:
        yield say("work.children", language, ids=", ".join(str(case_id) for case_id in done.child_case_ids))
    if done.dissatisfaction_id is not None and done.dissatisfaction_state is not None:
        state = say(f"verdict.{done.dissatisfaction_state.value}", language)
        yield say("work.unhappy", language, id=done.dissatisfaction_id, state=state)
