"""From what was said or typed (`是`, `2`, `yes`, `Very satisfied`) to the value of an answer."""

import unicodedata

from callback.domain.survey.definition import Question, QuestionType, Value

_YES = frozenset({"yes", "y", "true", "是", "是的", "对", "对的", "好", "好的", "可以", "嗯", "解决了", "接受"})
_NO = frozenset({"no", "n", "false", "否", "不", "不是", "没有", "没", "不可以", "没解决", "不接受"})
_AROUND = " \t\r\n。.!?,"


def understand(question: Question, said: str) -> Value | None:
    """The value that `said` stands for; None when it stands for none. A free text stands for itself.

    A rating is its number. A yes-no question takes yes and no in both languages, 1 for yes and 2 for no (as on a
    keypad). A choice is its text in either language, its value, or its place in the list counted from 1.
    """
    text = unicodedata.normalize("NFKC", said).strip(_AROUND).casefold()
    if question.is_text:
        return said.strip() or None
    for option in question.options:
        if text in (option.wording.en.casefold(), option.wording.zh.casefold()):
            return option.value
    if question.type is QuestionType.BOOLEAN and text in _YES | _NO:
        return text in _YES
    if question.type is QuestionType.RATING:
        return next((option.value for option in question.options if str(option.value) == text), None)
    places = {str(place): option.value for place, option in enumerate(question.options, start=1)}
    values = {str(option.value).casefold(): option.value for option in question.options}
    return values.get(text, places.get(text)) if question.type is QuestionType.RADIOGROUP else places.get(text)
