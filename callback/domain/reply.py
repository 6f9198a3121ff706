"""What people write back: `５`, `五`, `5分`, `很满意`, `Five`, `very good`, an emoji digit. Whole clauses are matched,
never parts of them, so that 不满意 is not taken for the 满意 in it, and `not 5` is not 5.

Clauses that are greetings or thanks say nothing. Two clauses that answer differently answer nothing: it is asked again.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from callback.domain.plain import AROUND, clauses, normal
from callback.domain.reply_words import BY_ROLE, COURTESIES, LEVELS, NO_CALL, SKIPS, UNSURE, YES_NO
from callback.domain.survey import Question, QuestionType, Value


class Kind(StrEnum):
    VALUE = "value"
    SKIP = "skip"
    """Of a question that need not be answered."""
    COURTESY = "courtesy"
    """Thanks or a greeting: nothing to answer, nothing to ask again."""
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Reply:
    kind: Kind
    value: Value | None = None


def read(question: Question, text: str) -> Reply:
    """What `text` says to `question`. A free text is kept as it came, blanks around it apart."""
    plain = normal(text)
    if not plain:
        return Reply(Kind.UNCLEAR)
    if plain in SKIPS and not question.required:
        return Reply(Kind.SKIP)
    if question.is_text:
        return Reply(Kind.VALUE, text.strip())
    whole = _exactly(question, plain)
    if whole is not None:
        return Reply(Kind.VALUE, whole)
    return _read_clauses(question, plain)


def is_courtesy(text: str) -> bool:
    """Whether it is nothing but thanks or a greeting."""
    said = clauses(normal(text))
    return bool(said) and all(clause in COURTESIES for clause in said)


def _read_clauses(question: Question, plain: str) -> Reply:
    found: list[Value] = []
    said = 0
    for clause in clauses(plain):
        if clause in COURTESIES:
            continue
        said += 1
        if question.type is QuestionType.BOOLEAN and clause.startswith(_BUTS):
            return Reply(Kind.UNCLEAR)  # "yes, but it is broken again" is neither
        value = _value_of(question, clause)
        if value is not None:
            if said > 1 and not found:
                return Reply(Kind.UNCLEAR)  # the answer comes first; a number in a story is none
            found.append(value)
    if not said:
        return Reply(Kind.COURTESY)
    distinct = {(type(value), value) for value in found}
    return Reply(Kind.VALUE, found[0]) if len(distinct) == 1 else Reply(Kind.UNCLEAR)


def _value_of(question: Question, clause: str) -> Value | None:
    """The value of one clause, as it is or without the words around an answer (`我觉得`, `谢谢`, `吧`)."""
    for form in _peeled(clause):
        value = _exactly(question, form)
        if value is not None:
            return value
    return _twice_said(question, clause)


def _twice_said(question: Question, clause: str) -> Value | None:
    """`5 很满意`, `1 terrible`: a number and words that say the same. `5 days late` is no answer."""
    match = _NUMBER_THEN_WORDS.fullmatch(clause)
    if match is None:
        return None
    number = _exactly(question, match["score"])
    in_words = {value for form in _peeled(match["words"]) if (value := _exactly(question, form)) is not None}
    return number if in_words == {number} else None


def _peeled(clause: str) -> Iterable[str]:
    """The clause, then with one wrapping after the other taken off, the outermost first.

    Not without end: what is nothing but wrappings (都都都…的的的) has as many forms as the product of both ends.
    """
    seen = {clause}
    yield clause
    waiting = [clause]
    while waiting and len(seen) < _MOST_FORMS:
        form = waiting.pop(0)
        for pattern in (_BEFORE, _AFTER):
            shorter = pattern.sub("", form, count=1).strip(AROUND)
            if shorter and shorter not in seen:
                seen.add(shorter)
                waiting.append(shorter)
                yield shorter


def _exactly(question: Question, form: str) -> Value | None:
    for option in question.options:
        if form in (normal(option.wording.en), normal(option.wording.zh)):
            return option.value
    match question.type:
        case QuestionType.BOOLEAN:
            return _yes_or_no(question, form)
        case QuestionType.RADIOGROUP:
            return _choice(question, form)
        case _:
            return _rating(question, form)


# ── Numbers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def number_of(form: str) -> int | None:
    """A whole number in figures or in words, in either language: `5`, `五`, `伍`, `five`, `ten`, `十`."""
    if form.isascii() and form.isdecimal():
        return int(form) if len(form) <= 2 else None
    return _NUMBERS.get(form)


def _rating(question: Question, form: str) -> Value | None:
    """A number on the scale, alone or with its unit; else a word for a level."""
    values = {int(option.value) for option in question.options if not isinstance(option.value, bool)}
    stars = _STARS.fullmatch(form)
    if stars:
        # Drawn stars are out of five; on any other scale they say nothing exact.
        return len(stars["full"]) if max(values) == _MOST_STARS and len(form) <= _MOST_STARS else None
    match = _SCORE.fullmatch(form)
    if match:
        number = number_of(match["number"])
        of = number_of(match["of"] or match["of_zh"] or "") if match["of"] or match["of_zh"] else None
        if of is not None and of != max(values):
            return None  # 8/10 on a scale of five is no answer to it
        return number if number in values else None
    level = LEVELS.get(question.role, {}).get(_VERY_VERY.sub(r"\1", form)) if question.role else None
    if level is None:
        level = _ends(question, form)
    return level if level in values else None


def _ends(question: Question, form: str) -> int | None:
    """The words at the two ends of a scale."""
    for label, option in ((question.low_label, question.options[0]), (question.high_label, question.options[-1])):
        if label is not None and form in (normal(label.en), normal(label.zh)):
            return int(option.value)
    return None


# ── Yes, no, and choices ────────────────────────────────────────────────────────────────────────────────────────────


def _yes_or_no(question: Question, form: str) -> bool | None:
    if form in ("1", "2"):
        return form == "1"
    if question.role is not None:
        special = BY_ROLE.get(question.role, {}).get(form)
        if special is not None:
            return special
    elif form in NO_CALL:
        return NO_CALL[form]
    return YES_NO.get(form)


def _choice(question: Question, form: str) -> Value | None:
    """By value, by place in the list (`2`, `b`, `第二个`, `option 2`), or by a word for yes, no and not sure."""
    by_value = {normal(str(option.value)): option.value for option in question.options}
    if form in by_value:
        return by_value[form]
    if (place := _place(form)) is not None:
        return question.options[place - 1].value if 1 <= place <= len(question.options) else None
    said = YES_NO.get(form)
    word = "unsure" if form in UNSURE else None if said is None else "yes" if said else "no"
    return by_value.get(word) if word else None


def _place(form: str) -> int | None:
    match = _PLACE.fullmatch(form)
    if match is None:
        return None
    if match["letter"]:
        return ord(match["letter"]) - ord("a") + 1
    return number_of(match["number"])


# ── Words ───────────────────────────────────────────────────────────────────────────────────────────────────────────


_MOST_FORMS = 64
"""Of one clause; ten wrappings around an answer are fewer."""
_BUTS = ("但", "可是", "不过", "然而", "but", "however", "though", "except", "until", "只是", "就是")

_NUMBERS: Mapping[str, int] = {
    word: number
    for number, words in enumerate(
        (
            "零 〇 zero nil",
            "一 壹 幺 one",
            "二 两 贰 two",
            "三 叁 three",
            "四 肆 four",
            "五 伍 five",
            "六 陆 six",
            "七 柒 seven",
            "八 捌 eight",
            "九 玖 nine",
            "十 拾 ten",
        )
    )
    for word in words.split()
}
_NUMBER = r"(?:\d{1,2}|" + "|".join(sorted(_NUMBERS, key=len, reverse=True)) + ")"
_SCORE = re.compile(
    rf"(?:满分)?(?P<number>{_NUMBER})\s*(?:个?(?:分|星|颗星|级|[⭐★🌟])(?:好评)?|points?|stars?|marks?)?"
    rf"(?:\s*(?:/|out of|of|over)\s*(?P<of>{_NUMBER})\s*(?:分|星|points?|stars?)?"
    rf"|\s*\(?满分(?P<of_zh>{_NUMBER})分?\)?)?"
)
_MOST_STARS = 5
_STARS = re.compile(r"(?P<full>[⭐★🌟]+)☆*")
_VERY_VERY = re.compile(r"(非常|很|特别|十分|太|very |really |so )\1+")
"""Said twice it is still one level: 非常非常满意."""
_NUMBER_THEN_WORDS = re.compile(rf"(?P<score>{_NUMBER}\s*(?:分|星|级|points?|stars?)?)\s+(?P<words>.+)")
_PLACE = re.compile(
    rf"(?:第|选项?|option|answer|no\.?|number|choice)?\s*(?:(?P<number>{_NUMBER})|(?P<letter>[a-z]))\s*(?:个|项|号|\))?"
)
_BEFORE = re.compile(
    r"(?:^(?:我们?|本人|个人|总的来说|总体来?说?|整体|感觉|觉得|认为|应该|算是?|评价?是?|打个|打分?|给个|给你们?|给|选择?|回复|回答|"
    r"答案?是?|服务|态度|速度|产品|对此|都|还是|那就?|就是?|it's|its|it is|it was|i'm|im|i am|i was|we are|we were|"
    r"i think|i feel|i'd say|i would say|"
    r"(?:i|i'd|i would|i'll|i will|we|we'd)? ?(?:give|rate)(?: (?:it|you|this|him|her|them))?(?: guys)?|"
    r"i choose|my answer is|my rating is|answer|rating|"
    r"score|definitely|overall|just|a|an|you get|option)(?:\s+|(?<=[\u4e00-\u9fff])|:))"
)
_AFTER = re.compile(
    r"(?:(?<=[^\s])\s*(?:吧|啊|呀|哦|喔|噢|啦|呢|哈+|嘛|哟|咯|的|了|谢谢你?们?|感谢|thanks?(?: you)?|thx|please|pls|"
    r"for me|from me|indeed|actually|overall|sir|madam))$"
)
