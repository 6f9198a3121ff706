"""Where a conversation stands, as it is kept with the attempt: the walk, the rendered texts, when it was told."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Self

from sqlalchemy.orm import Session

from callback.db.tables import Attempt
from callback.db.tables import Script as ScriptRow
from callback.domain.script import Facts, Script, ScriptState, Stage, begin, parse_script
from callback.services.scripts import PreparedScript, Spoken
from callback.texts import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """The JSON of `attempts.script_state`.

    The texts are rendered once, before the call, and kept: a case that is edited during the call cannot make a
    placeholder run dry in the middle of a sentence. They are dropped when the attempt ends.
    """

    state: ScriptState
    texts: dict[str, tuple[str, str]]
    """Node → what is said, what the agent alone reads."""
    told_at: datetime | None = None
    answered_at: datetime | None = None
    """When somebody picked up: the talk is timed from here. None while the call is being prepared."""
    no_questions: str | None = None
    """Why the questionnaire may not be asked in this call (the reason of a rule), found before the call."""

    @classmethod
    def begun(cls, prepared: PreparedScript, *, no_questions: str | None) -> Self:
        texts = {name: (spoken.say, spoken.note) for name, spoken in prepared.nodes.items()}
        return cls(state=begin(prepared.script), texts=texts, no_questions=no_questions)

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        kept = attempt.script_state or {}
        told_at, answered_at = kept.get("told_at"), kept.get("answered_at")
        return cls(
            state=ScriptState.from_json(kept["walk"]),
            texts={name: (say, note) for name, (say, note) in kept.get("texts", {}).items()},
            told_at=datetime.fromisoformat(told_at) if told_at else None,
            answered_at=datetime.fromisoformat(answered_at) if answered_at else None,
            no_questions=kept.get("no_questions"),
        )

    def to_json(self, *, with_texts: bool = True) -> dict[str, Any]:
        kept: dict[str, Any] = {"walk": self.state.to_json()}
        if self.told_at is not None:
            kept["told_at"] = self.told_at.isoformat()
        if self.answered_at is not None:
            kept["answered_at"] = self.answered_at.isoformat()
        if self.no_questions is not None:
            kept["no_questions"] = self.no_questions
        if with_texts:
            kept["texts"] = {name: list(texts) for name, texts in self.texts.items()}
        return kept

    @property
    def facts(self) -> Facts:
        return self.state.facts

    def moved_to(self, state: ScriptState, *, stage: Stage, now: datetime) -> Self:
        """The same conversation one step on, or back: what was told is told from the step that told it."""
        told_at = (self.told_at or now) if state.facts.told else None
        answered_at = (self.answered_at or now) if stage is not Stage.PREPARE else None
        return replace(self, state=state, told_at=told_at, answered_at=answered_at)


def script_of(session: Session, attempt: Attempt, walk: Walk) -> PreparedScript:
    """The script of an open attempt with the texts that were rendered when it began."""
    row = session.get_one(ScriptRow, attempt.script_id)
    script = _read(json.dumps(row.definition))
    language: Language = "zh" if row.language == "zh" else "en"
    nodes = {
        node.name: Spoken(
            node=node.name,
            stage=node.stage,
            say=walk.texts.get(node.name, ("", ""))[0],
            note=walk.texts.get(node.name, ("", ""))[1],
            choices=node.choices,
        )
        for node in script.nodes.values()
    }
    return PreparedScript(
        script_id=row.id, key=row.key, version=row.version, language=language, script=script, nodes=nodes
    )


@lru_cache(maxsize=64)
def _read(definition: str) -> Script:
    """Each version is read once: reading it strictly takes longer than everything else a step does."""
    return parse_script(json.loads(definition))
