"""The walk through a script: begin, step, back, and the facts that the walk has established."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from callback.domain.script.graph import AFTER_IDENTITY, Choice, EffectKind, Field, FieldKind, Script
from callback.domain.text import is_storable
from callback.domain.words import Disposition

MAX_FIELD = 2000
"""Characters that one recorded field may hold."""


class StepError(Exception):
    """A step that the script does not allow here; the state is unchanged. `code` is stable."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code, params)
        self.code = code
        self.params = params


@dataclass(frozen=True, slots=True)
class Effect:
    kind: EffectKind
    data: Mapping[str, Any] = field(default_factory=dict)
    """JSON; moments as ISO 8601 text in UTC or with an offset."""

    def moment(self, name: str) -> datetime | None:
        """A field of kind moment, parsed; None when it was left empty."""
        value = self.data.get(name)
        return datetime.fromisoformat(value) if value else None


@dataclass(frozen=True, slots=True)
class Taken:
    """One step of the walk."""

    node: str
    choice: str
    effects: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class ScriptState:
    """Where the call stands. JSON round trip by `to_json` and `from_json`."""

    node: str
    trail: tuple[Taken, ...] = ()

    @property
    def effects(self) -> tuple[Effect, ...]:
        """Everything that has happened, oldest first."""
        return tuple(effect for taken in self.trail for effect in taken.effects)

    def has(self, kind: EffectKind) -> bool:
        return any(effect.kind is kind for effect in self.effects)

    def last(self, kind: EffectKind) -> Effect | None:
        return next((effect for effect in reversed(self.effects) if effect.kind is kind), None)

    @property
    def facts(self) -> "Facts":
        return _facts(self)

    def to_json(self) -> dict[str, Any]:
        return {
            "node": self.node,
            "trail": [
                {
                    "node": taken.node,
                    "choice": taken.choice,
                    "effects": [{"kind": effect.kind.value, "data": dict(effect.data)} for effect in taken.effects],
                }
                for taken in self.trail
            ],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        return cls(
            node=value["node"],
            trail=tuple(
                Taken(
                    node=taken["node"],
                    choice=taken["choice"],
                    effects=tuple(Effect(EffectKind(effect["kind"]), effect["data"]) for effect in taken["effects"]),
                )
                for taken in value["trail"]
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the call has established so far."""

    identity: bool
    told: bool
    understood: bool
    accepted: bool | None
    """None: not asked yet. The last word counts: a customer who was persuaded has accepted."""
    new_needs: tuple[Mapping[str, Any], ...]
    questionnaire: bool | None
    appointment_at: datetime | None
    promise_at: datetime | None
    refused: bool
    cause: str | None
    disposition: Disposition | None
    """The outcome that the path suggests; the agent may correct it."""
    over: bool


def _facts(state: ScriptState) -> Facts:
    def last_of(yes: EffectKind, no: EffectKind) -> bool | None:
        return next((e.kind is yes for e in reversed(state.effects) if e.kind in (yes, no)), None)

    appointment = next((effect for effect in reversed(state.effects) if "appointment_at" in effect.data), None)
    promise = state.last(EffectKind.PROMISE_TAKEN)
    cause = state.last(EffectKind.CAUSE)
    outcome = state.last(EffectKind.OUTCOME)
    return Facts(
        identity=state.has(EffectKind.IDENTITY_CONFIRMED),
        told=state.has(EffectKind.TOLD),
        understood=state.has(EffectKind.UNDERSTOOD),
        accepted=last_of(EffectKind.ACCEPTED, EffectKind.NOT_ACCEPTED),
        new_needs=tuple(effect.data for effect in state.effects if effect.kind is EffectKind.NEW_NEED),
        questionnaire=last_of(EffectKind.QUESTIONNAIRE, EffectKind.QUESTIONNAIRE_DECLINED),
        appointment_at=appointment.moment("appointment_at") if appointment else None,
        promise_at=promise.moment("promise_at") if promise else None,
        refused=state.has(EffectKind.REFUSED),
        cause=str(cause.data["cause"]) if cause else None,
        disposition=Disposition(outcome.data["disposition"]) if outcome else None,
        over=state.has(EffectKind.CLOSE),
    )


def begin(script: Script) -> ScriptState:
    """The first node: nothing has been said."""
    return ScriptState(node=script.begin)


def step(script: Script, state: ScriptState, choice: str, **fields: Any) -> tuple[ScriptState, tuple[Effect, ...]]:
    """Take the choice with that key. Raises `StepError` and leaves the state as it was.

    Codes: `script_node_unknown`, `script_choice_unknown`, `script_field_missing`, `script_field_unknown`,
    `script_field_invalid`, `script_text_too_long`, `script_time_invalid`, `identity_first`. Their `field` is
    the label of the field, as it stands before the agent.
    """
    node = script.nodes.get(state.node)
    if node is None:
        raise StepError("script_node_unknown", node=state.node)
    taken = node.choice(choice)
    if taken is None:
        raise StepError("script_choice_unknown", node=node.name, choice=choice)
    data = dict(taken.data) | _recorded(taken, fields)
    effects = [Effect(kind, data) for kind in taken.effects]
    if taken.outcome is not None:
        effects.append(Effect(EffectKind.OUTCOME, {"disposition": taken.outcome.value}))
    if script.nodes[taken.goto].is_end:
        effects.append(Effect(EffectKind.CLOSE))
    if not state.facts.identity and EffectKind.IDENTITY_CONFIRMED not in taken.effects:
        forbidden = AFTER_IDENTITY.intersection(taken.effects)
        if forbidden:
            raise StepError("identity_first", effect=min(forbidden).value)
    happened = tuple(effects)
    trail = (*state.trail, Taken(node=node.name, choice=choice, effects=happened))
    return ScriptState(node=taken.goto, trail=trail), happened


def back(script: Script, state: ScriptState) -> tuple[ScriptState, tuple[Effect, ...]]:
    """Undo the last step; also gives the effects that no longer hold. At the beginning nothing changes."""
    if not state.trail:
        return begin(script), ()
    last = state.trail[-1]
    return replace(state, node=last.node, trail=state.trail[:-1]), last.effects


def _recorded(choice: Choice, given: Mapping[str, Any]) -> dict[str, str]:
    """The fields of a choice as JSON. Raises `StepError`."""
    known = {wanted.name for wanted in choice.fields}
    for name in given:
        if name not in known:
            raise StepError("script_field_unknown", field=name)
    recorded = {}
    for wanted in choice.fields:
        value = given.get(wanted.name)
        if value is None or (isinstance(value, str) and not value.strip()):
            if wanted.required:
                raise StepError("script_field_missing", field=wanted.label)
            continue
        recorded[wanted.name] = _field_text(wanted, value)
    return recorded


def _field_text(wanted: Field, value: object) -> str:
    if wanted.kind is FieldKind.MOMENT:
        moment = value
        if isinstance(value, str):
            try:
                moment = datetime.fromisoformat(value.strip())
            except ValueError:
                raise StepError("script_time_invalid", field=wanted.label) from None
        if not isinstance(moment, datetime) or moment.tzinfo is None:
            raise StepError("script_time_invalid", field=wanted.label)
        return moment.isoformat()
    if not isinstance(value, str) or not is_storable(value):
        raise StepError("script_field_invalid", field=wanted.label)
    if len(value) > MAX_FIELD:
        raise StepError("script_text_too_long", field=wanted.label, length=len(value), limit=MAX_FIELD)
    return value.strip()
