"""Call scripts: drafts, publishing, and a script made ready for one call.

A script is rendered whole before the call: a placeholder that has nothing to say is an error while the telephone is
still on the hook. The texts of cases come from strangers; they fill placeholders and are never read as templates.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time
from jinja2 import StrictUndefined, Template
from jinja2.sandbox import SandboxedEnvironment
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from callback.db import scripts as rows
from callback.db import versions as db_versions
from callback.db.tables import Customer
from callback.db.tables import Script as ScriptRow
from callback.domain.script import (
    Choice,
    Effect,
    Script,
    ScriptError,
    ScriptState,
    Stage,
    StepError,
    begin,
    parse_script,
    step,
)
from callback.domain.script.document import placeholders
from callback.domain.words import Purpose
from callback.errors import Conflict, Invalid, NotFound, RuleBroken
from callback.services import audit
from callback.services.contents import refused, shipped
from callback.settings import Settings
from callback.texts import LANGUAGES, Language, language_of

_LOCALES: Mapping[Language, str] = {"zh": "zh_CN", "en": "en_GB"}
_NOBODY: Mapping[Language, str] = {"zh": "先生/女士", "en": "Sir or Madam"}
_SANDBOX = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False)
_KEY = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class Spoken:
    """One node with its placeholders filled."""

    node: str
    stage: Stage
    say: str
    note: str
    choices: tuple[Choice, ...]

    @property
    def is_end(self) -> bool:
        return not self.choices


@dataclass(frozen=True, slots=True)
class PreparedScript:
    """A script ready for one call: every node can be spoken."""

    script_id: int
    key: str
    version: int
    language: Language
    script: Script
    nodes: Mapping[str, Spoken]

    def begin(self) -> ScriptState:
        return begin(self.script)

    def at(self, state: ScriptState) -> Spoken:
        """What stands on the agent's screen now. Raises `NotFound` when the state is of another script."""
        spoken = self.nodes.get(state.node)
        if spoken is None:
            raise NotFound("script_node_unknown", node=state.node)
        return spoken

    def step(
        self, state: ScriptState, choice: str, fields: Mapping[str, Any] | None = None
    ) -> tuple[ScriptState, tuple[Effect, ...]]:
        """`domain.script.step`, its refusals as errors: `RuleBroken("identity_first")`, else `Invalid`."""
        try:
            return step(self.script, state, choice, **(fields or {}))
        except StepError as error:
            if error.code == "identity_first":
                raise RuleBroken("identity_first", rule="identity_first", **error.params) from None
            raise Invalid(error.code, **error.params) from None


def prepare(
    session: Session,
    *,
    callback_id: int,
    agent_id: int,
    now: datetime,
    settings: Settings,
    script_id: int | None = None,
    language: Language | None = None,
) -> PreparedScript:
    """The script for this callback, filled for this agent and customer.

    `script_id` (of the attempt) brings back the version that a call began with; else the published script of the
    callback's purpose in the customer's language. Raises `NotFound` for the callback, the agent or the script, and
    `Invalid("script_placeholder_missing")` naming the placeholder and the node.
    """
    occasion = rows.occasion(session, callback_id=callback_id, agent_id=agent_id)
    if occasion is None:
        raise NotFound("callback_not_found", callback=callback_id)
    spoken_in = language or language_of(occasion.customer.language, settings.language)
    row = _script_for(session, occasion.callback.purpose, script_id=script_id, language=spoken_in)
    written_in: Language = "zh" if row.language == "zh" else "en"
    values = _values(occasion, now=now, settings=settings, language=written_in)
    return _rendered(row, values, language=written_in)


def preview(session: Session, script_id: int, *, settings: Settings) -> PreparedScript:
    """A version, draft or not, filled with example values: what an author sees before publishing."""
    row = find_script(session, script_id)
    return example(row, settings=settings)


def example(row: ScriptRow, *, settings: Settings) -> PreparedScript:
    """A script that may not be saved yet, with example values. Raises `Invalid` (`script_placeholder_missing`)."""
    language: Language = "zh" if row.language == "zh" else "en"
    return _rendered(row, _EXAMPLE[language] | settings.house_names(language), language=language)


def _script_for(session: Session, purpose: Purpose, *, script_id: int | None, language: Language) -> ScriptRow:
    row = (
        rows.by_id(session, script_id)
        if script_id is not None
        else rows.for_purpose(session, purpose, language=language)
    )
    if row is None:
        raise NotFound("script_not_published", purpose=purpose.value, language=language)
    return row


def _rendered(row: ScriptRow, values: Mapping[str, str], *, language: Language) -> PreparedScript:
    script = parse_script(row.definition)
    nodes = {}
    for node in script.nodes.values():
        for name in (*placeholders(node.say), *placeholders(node.note)):
            if not values.get(name):
                raise Invalid("script_placeholder_missing", placeholder=name, node=node.name, script=row.key)
        nodes[node.name] = Spoken(
            node=node.name,
            stage=node.stage,
            say=_template(node.say).render(values),
            note=_template(node.note).render(values),
            choices=node.choices,
        )
    return PreparedScript(
        script_id=row.id, key=row.key, version=row.version, language=language, script=script, nodes=nodes
    )


@lru_cache(maxsize=1024)
def _template(source: str) -> Template:
    """Compiled once: the same few texts are read out all day."""
    return _SANDBOX.from_string(source)


def _values(occasion: rows.Occasion, *, now: datetime, settings: Settings, language: Language) -> dict[str, str]:
    """What each placeholder says for this call; an empty text is a placeholder that has nothing to say."""
    case, callback, customer = occasion.case, occasion.callback, occasion.customer
    zone = ZoneInfo(customer.time_zone)
    unhappy_at = occasion.unhappy.raised_at if occasion.unhappy else None
    last_contact = (occasion.before.finished_at if occasion.before else None) or unhappy_at or case.told_at
    return settings.house_names(language) | {
        "salutation": salutation(customer, language),
        "agent_number": occasion.agent.number,
        "agent_name": occasion.agent.name,
        "case_number": case.external_id,
        "report_date": _day(case.opened_at, zone, language),
        "issue": " ".join(case.subject.split()),
        "result": (case.answer or "").strip(),
        "promise": _moment(case.promised_at or callback.due_at, zone, language),
        "last_contact_date": _day(last_contact or case.closed_at or now, zone, language),
    }


def salutation(customer: Customer, language: Language) -> str:
    """How the customer is addressed: as recorded, else by name, else politely without one."""
    return (customer.salutation or "").strip() or " ".join((customer.name or "").split()) or _NOBODY[language]


def _day(moment: datetime, zone: ZoneInfo, language: Language) -> str:
    """2026年3月8日, 8 March 2026."""
    pattern = "y年M月d日" if language == "zh" else "d MMMM y"
    return format_date(moment.astimezone(zone).date(), pattern, locale=_LOCALES[language])


def _moment(moment: datetime, zone: ZoneInfo, language: Language) -> str:
    """2026年3月8日18:00; 18:00 on 8 March 2026."""
    clock = format_time(moment.astimezone(zone), "HH:mm", tzinfo=zone, locale=_LOCALES[language])
    day = _day(moment, zone, language)
    return f"{day}{clock}" if language == "zh" else f"{clock} on {day}"


def find_script(session: Session, script_id: int) -> ScriptRow:
    """Raises `NotFound("script_not_found")`."""
    row = rows.by_id(session, script_id)
    if row is None:
        raise NotFound("script_not_found", script=script_id)
    return row


def versions(session: Session, *, key: str | None = None, language: str | None = None) -> Sequence[ScriptRow]:
    """Every version, newest first within each key and language."""
    return rows.listed(session, key=key, language=language)


def save_draft(
    session: Session,
    *,
    key: str,
    language: Language,
    purposes: Sequence[Purpose],
    definition: Mapping[str, Any],
    now: datetime,
    author_id: int | None = None,
) -> ScriptRow:
    """A new version as a draft. Raises `Invalid("script_refused")` with every fault and its place."""
    if not _KEY.fullmatch(key):
        raise Invalid("script_key_invalid", key=key)
    if language not in LANGUAGES:
        raise Invalid("script_language_unknown", language=language)
    check(definition)
    same = {"key": key, "language": language}
    row = ScriptRow(
        **same,
        version=db_versions.next_version(session, ScriptRow, same),
        purposes=sorted({purpose.value for purpose in purposes}),
        definition=dict(definition),
        created_at=now,
        created_by_id=author_id,
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        raise Conflict("version_taken", key=key) from None
    audit.record(
        session, now=now, actor_id=author_id, action="script_drafted", subject_kind="script", subject_id=row.id, key=key
    )
    return row


def check(definition: Any) -> Script:
    """Read a definition. Raises `Invalid("script_refused")`."""
    try:
        return parse_script(definition)
    except ScriptError as error:
        raise refused("script_refused", error.problems) from None


def publish(session: Session, *, script_id: int, now: datetime, actor_id: int | None = None) -> ScriptRow:
    """Put a draft into force; the version before it is retired. A published version never changes any more.

    Raises `NotFound`, `Invalid("script_refused")`, `Conflict("version_not_draft")`, and
    `Conflict("script_purpose_taken")` when another key is already published for one of its purposes.
    """
    row = find_script(session, script_id)
    check(row.definition)
    for other in rows.published(session, language=row.language):
        shared = sorted(set(other.purposes) & set(row.purposes))
        if other.key != row.key and shared:
            raise Conflict("script_purpose_taken", purpose=shared[0], key=other.key)
    if not db_versions.put_in_force(session, row, {"key": row.key, "language": row.language}):
        raise Conflict("version_not_draft", version=row.version)
    audit.record(
        session,
        now=now,
        actor_id=actor_id,
        action="script_published",
        subject_kind="script",
        subject_id=row.id,
        key=row.key,
        language=row.language,
        version=row.version,
    )
    return row


def seed_content(session: Session, now: datetime) -> int:
    """Load and publish the shipped scripts that this house has no version of. Returns how many; again: 0."""
    present = {(row.key, row.language) for row in rows.listed(session)}
    loaded = 0
    for _path, document in shipped("scripts"):
        if (document["key"], document["language"]) in present:
            continue
        draft = save_draft(
            session,
            key=document["key"],
            language=document["language"],
            purposes=[Purpose(name) for name in document["purposes"]],
            definition=document["script"],
            now=now,
        )
        publish(session, script_id=draft.id, now=now)
        loaded += 1
    return loaded


_EXAMPLE: Mapping[Language, dict[str, str]] = {
    "zh": {
        "salutation": "王女士",
        "agent_number": "010",
        "agent_name": "李明",
        "case_number": "EXAMPLE-1",
        "report_date": "2026年3月8日",
        "issue": "电梯经常停运",
        "result": "维修已经完成，电梯今天恢复运行。",
        "promise": "2026年3月11日18:00",
        "last_contact_date": "2026年3月10日",
    },
    "en": {
        "salutation": "Ms Brown",
        "agent_number": "010",
        "agent_name": "Alex Green",
        "case_number": "EXAMPLE-1",
        "report_date": "8 March 2026",
        "issue": "the lift keeps stopping",
        "result": "The repair is finished and the lift has been running again since this morning.",
        "promise": "18:00 on 11 March 2026",
        "last_contact_date": "10 March 2026",
    },
}
