"""The questionnaire: its definition (a strict subset of SurveyJS JSON) and the pure machine that asks it."""

from callback.domain.survey.definition import (
    Definition,
    Form,
    Option,
    Question,
    QuestionRole,
    QuestionType,
    Value,
    Wording,
    accepts,
)
from callback.domain.survey.document import SurveyError, parse_definition
from callback.domain.survey.engine import (
    Ask,
    Complete,
    Dropped,
    Effect,
    Given,
    Invalid,
    Saved,
    SurveyState,
    advance,
    current,
    progress,
    start,
    visible,
)
from callback.domain.survey.understood import understand

__all__ = [
    "Ask",
    "Complete",
    "Definition",
    "Dropped",
    "Effect",
    "Form",
    "Given",
    "Invalid",
    "Option",
    "Question",
    "QuestionRole",
    "QuestionType",
    "Saved",
    "SurveyError",
    "SurveyState",
    "Value",
    "Wording",
    "accepts",
    "advance",
    "current",
    "parse_definition",
    "progress",
    "start",
    "understand",
    "visible",
]
