"""What a script is made of: nodes, the choices between them, and what a choice means for the case."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from callback.domain.document import DocumentError
from callback.domain.words import Disposition

PUBLIC_PLACEHOLDERS = frozenset({"salutation", "company", "centre", "department", "agent_number", "agent_name"})
"""May be said to whoever answers the telephone."""
CASE_PLACEHOLDERS = frozenset({"report_date", "issue", "result", "promise", "last_contact_date", "case_number"})
"""About the case: never before the person is confirmed."""


class Stage(StrEnum):
    """Where in the outbound flow a node belongs (in the order of the flow; the last ones are side paths)."""

    PREPARE = "prepare"
    IDENTITY = "identity"
    INTRODUCE = "introduce"
    CONVENIENT = "convenient"
    TELL = "tell"
    ACCEPTED = "accepted"
    NEW_NEED = "new_need"
    QUESTIONNAIRE = "questionnaire"
    CLOSE = "close"
    OBJECTION = "objection"
    PROMISE = "promise"
    APOLOGY = "apology"
    APPOINTMENT = "appointment"
    THIRD_PARTY = "third_party"
    MACHINE = "machine"


class EffectKind(StrEnum):
    """What a choice means for the case. The payload (`Effect.data`) holds the fields recorded with the choice."""

    IDENTITY_CONFIRMED = "identity_confirmed"
    WRONG_PERSON = "wrong_person"
    """Somebody else is speaking; nothing about the case is said. `data["appointment_at"]` when they named a time."""
    TOLD = "told"
    """The customer has heard the answer."""
    UNDERSTOOD = "understood"
    ACCEPTED = "accepted"
    NOT_ACCEPTED = "not_accepted"
    NEW_NEED = "new_need"
    """`data["need"]`; `data["answered"]` is true when the agent knew the answer and told it: no child case then."""
    QUESTIONNAIRE = "questionnaire"
    """The customer agreed to answer the questions."""
    QUESTIONNAIRE_DECLINED = "questionnaire_declined"
    NOT_CONVENIENT = "not_convenient"
    """`data["appointment_at"]`, an aware ISO 8601 moment; absent when the customer named none."""
    REFUSED = "refused"
    """`data["words"]`: what the customer said."""
    PROMISE_TAKEN = "holding_promise_taken"
    """`data["promise_at"]`, an aware ISO 8601 moment."""
    SAID = "said"
    """`data["words"]`: what the customer told us about the past in their own words; kept with the attempt."""
    APOLOGISED = "apologised"
    CAUSE = "cause"
    """`data["cause"]`: why the customer was unhappy, found in a second call."""
    OUTCOME = "outcome"
    """`data["disposition"]`: how the attempt will most likely be recorded."""
    CLOSE = "close"
    """The call is over: wait until the customer has hung up."""


AFTER_IDENTITY = frozenset(
    {
        EffectKind.TOLD,
        EffectKind.UNDERSTOOD,
        EffectKind.ACCEPTED,
        EffectKind.NOT_ACCEPTED,
        EffectKind.NEW_NEED,
        EffectKind.QUESTIONNAIRE,
        EffectKind.PROMISE_TAKEN,
        EffectKind.CAUSE,
    }
)
"""Effects that suppose a confirmed person."""


class FieldKind(StrEnum):
    TEXT = "text"
    MOMENT = "moment"
    """An aware ISO 8601 date and time."""


@dataclass(frozen=True, slots=True)
class Field:
    """Something the agent writes down with a choice."""

    name: str
    label: str
    kind: FieldKind = FieldKind.TEXT
    required: bool = True


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing the customer may do. `key` is the digit on the keyboard."""

    key: str
    label: str
    goto: str
    effects: tuple[EffectKind, ...] = ()
    outcome: Disposition | None = None
    fields: tuple[Field, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    """Fixed payload, added to the fields."""


@dataclass(frozen=True, slots=True)
class Node:
    """One step: what is said to the customer, what the agent alone reads, and where it may go. No choices: the end."""

    name: str
    stage: Stage
    say: str = ""
    note: str = ""
    choices: tuple[Choice, ...] = ()

    @property
    def is_end(self) -> bool:
        return not self.choices

    def choice(self, key: str) -> Choice | None:
        return next((choice for choice in self.choices if choice.key == key), None)


@dataclass(frozen=True, slots=True)
class Script:
    title: str
    begin: str
    nodes: Mapping[str, Node]


class ScriptError(DocumentError):
    """A script that cannot be published, with every fault and its place."""
