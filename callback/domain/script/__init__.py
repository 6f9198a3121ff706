"""The agent's guided call: a script is a graph of nodes, a call is a walk through it.

The state is the walk itself (`trail`); what the call has established (`facts`) is folded from it, so going back is
dropping the last step and nothing can get out of step with itself. The engine never applies an effect: it names it.

Hard rule 7 (identity first) is checked when a script is read: a node that can be reached before the person is
confirmed may not hold a placeholder of the case, and nothing may be told from it.
"""

from callback.domain.script.document import parse_script
from callback.domain.script.graph import (
    AFTER_IDENTITY,
    CASE_PLACEHOLDERS,
    PUBLIC_PLACEHOLDERS,
    Choice,
    EffectKind,
    Field,
    FieldKind,
    Node,
    Script,
    ScriptError,
    Stage,
)
from callback.domain.script.walk import MAX_FIELD, Effect, Facts, ScriptState, StepError, Taken, back, begin, step

__all__ = [
    "AFTER_IDENTITY",
    "CASE_PLACEHOLDERS",
    "MAX_FIELD",
    "PUBLIC_PLACEHOLDERS",
    "Choice",
    "Effect",
    "EffectKind",
    "Facts",
    "Field",
    "FieldKind",
    "Node",
    "Script",
    "ScriptError",
    "ScriptState",
    "Stage",
    "StepError",
    "Taken",
    "back",
    "begin",
    "parse_script",
    "step",
]
