"""Words and sentences by which people end the messages, take them up again, or ask who is writing.

Sources of the words: the carriers' default keywords (STOP, STOPALL, UNSUBSCRIBE, CANCEL, END, QUIT; START, UNSTOP; HELP,
INFO), 47 CFR § 64.1200(a)(10) of the United States (adds REVOKE, OPT OUT, and any words that plainly mean it), and the
habit of Chinese message senders (回 T、TD、R、N 退订).
"""

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from callback.domain.plain import clauses, normal
from callback.domain.reply_words import COURTESIES
from callback.domain.words import SuppressionScope


class Wish(StrEnum):
    STOP = "stop"
    START = "start"
    HELP = "help"


@dataclass(frozen=True, slots=True)
class Meaning:
    wish: Wish
    scopes: tuple[SuppressionScope, ...] = ()
    """Of a stop: what it ends."""
    rule: str = ""
    """`word` or `sentence`: kept with the evidence."""
    rest: str = ""
    """Of a stop: what else was said, in one shape; it may be an answer all the same."""


MESSAGES = (SuppressionScope.SMS, SuppressionScope.SURVEY)
"""A plain STOP ends the messages, and the surveys on every channel; answers that were promised are still told by a
person, unless the customer wants nothing at all."""
EVERYTHING = (SuppressionScope.ALL,)

ALWAYS: frozenset[str] = frozenset(
    [
        "stop",
        "stopall",
        "stop all",
        "unsubscribe",
        "cancel",
        "end",
        "quit",
        "revoke",
        "optout",
        "opt out",
        "opt-out",
        "退订",
        "退訂",
        "td",
        "退定",
        "退阅",
        "取消订阅",
        "取消訂閱",
    ]
)
"""These stop whatever was asked."""
_ALSO_PLAIN_WORDS = frozenset({"stop", "cancel", "end", "quit", "revoke"})
"""Between two other clauses these are part of a story (`I had to call, cancel, and call again`)."""
UNLESS_ANSWER: frozenset[str] = frozenset(["t", "r", "n", "0000", "取消", "拒收", "结束", "停止"])
"""These stop unless they are a possible answer to the question just asked (N to a yes-or-no question)."""
_EVERYTHING_WORDS = frozenset({"stopall", "stop all"})
STARTS: frozenset[str] = frozenset(["start", "unstop", "resume", "恢复", "恢复订阅", "重新订阅", "恢复接收"])
HELPS: frozenset[str] = frozenset(["help", "info", "帮助", "你是谁", "你们是谁", "who is this", "who are you"])

_Sentences = tuple[tuple[re.Pattern[str], tuple[SuppressionScope, ...]], ...]

_MESSAGE = r"(?:texts?|texting|messages?|messaging|sms|surveys?|spam(?:ming)?)"
_NOT = r"(?:do not|don't|dont|never)"
_WHO_NEVER_CALLS = r"(?<!you )(?<!they )(?<!we )(?<!he )(?<!she )(?<!people )(?<!agents )(?<!who )(?<!if i )"
"""`you never call me back` is a complaint, `never call me` a wish."""
_TOLD = (
    r"\b(?:told|tell|asked|ask|begged|beg|warned|warn) "
    r"(?:(?:you|them|him|her|people|everyone)(?: (?:people|guys|all|lot|once|twice|before|already|to))*) "
)
"""`I told you never contact me again`: the same words after it are what was asked for."""
_BACK = r"(?! back\b(?! again| ever))"
"""To `shall we call you?` it is an answer."""
_WISH = rf"(?:{_WHO_NEVER_CALLS}\b{_NOT}|{_TOLD}(?:please )?(?:{_NOT}|not to))"
_NO_MORE = r"(?:不要|不许|别|请勿|勿)(?:再)?"
_END = r"(?:了|啦|吧|好吗)?(?:谢谢)?$"
_OF_THESE = r"(?:接受|接收|参加|参与|做)?(?:你们的?|这种|这类|此类|任何)?(?:电话|短信)?(?:回访|调查|调研)"


def _compiled(*sentences: tuple[str, tuple[SuppressionScope, ...]]) -> _Sentences:
    return tuple((re.compile(pattern), scopes) for pattern, scopes in sentences)


_SENTENCES = _compiled(
    # Calls, or contact of any kind: everything ends.
    (r"\b(?:stop|quit|no more|cease) (?:all )?(?:calls?|calling|contact(?:ing)?|phoning|harass\w*)\b", EVERYTHING),
    (rf"{_WISH} (?:ever )?(?:call|contact|phone|ring|bother|disturb) (?:me|us|again)\b{_BACK}", EVERYTHING),
    (rf"^(?:please |just )?(?:{_NOT}|not) (?:ever )?(?:call|contact|phone|ring|bother|disturb)(?: me| us)?(?: again| anymore| any more)?$", EVERYTHING),
    (r"\bleave (?:me|us) alone\b", EVERYTHING),
    (r"\b(?:remove|delete|take) (?:me|my (?:number|phone|name)|us)\b.{0,20}\b(?:list|database|records|system)\b", EVERYTHING),
    (r"(?:不要|别|请勿|勿|不许|禁止|停止)(?:再)?(?:给我|跟我|向我)?(?:打电话|来电|致电|联系我|联系了|骚扰|打扰)", EVERYTHING),
    (r"(?:不要|别|请勿|勿)再(?:打来|打了|联系)|^请?勿扰$", EVERYTHING),
    (rf"{_NO_MORE}(?:给我|往这)?打(?:来|过来|电话|电话来)?{_END}", EVERYTHING),
    (rf"{_NO_MORE}(?:来)?烦(?:我|我们|人)?{_END}", EVERYTHING),
    # Messages and surveys.
    (rf"\b(?:please |just )?(?:stop|quit|cease|no more) (?:sending )?(?:me |us |these |the |any |all |your )*{_MESSAGE}\b", MESSAGES),
    (rf"{_WISH} (?:ever )?(?:send|text|message|sms)(?: (?:me|us|any|anymore|again|more|these|{_MESSAGE}))+\b", MESSAGES),
    (rf"^(?:please |just )?(?:{_NOT}|not) (?:ever )?(?:text|message|sms)$", MESSAGES),
    (r"\bstop sending (?:me|us)\b", MESSAGES),
    (r"^(?:please |just )?stop sending(?: these| this| those| them| it| that| to me| to us| any| more| now)*$", MESSAGES),
    (r"^(?:please |just )?(?:stop|quit) (?:it|this)(?: now| already| please)?$", MESSAGES),
    (r"^(?:please )?no more (?:of (?:this|these) )?please$|^please no more(?: of (?:this|these))?$", MESSAGES),
    (r"\b(?:unsubscribe|opt(?:ing)?[ -]?(?:me )?out|opted out)\b", MESSAGES),
    (r"\bi (?:don't|do not|dont) (?:want|wish) (?:to (?:get|receive)|any|these|your|more)\b.{0,20}" + _MESSAGE, MESSAGES),
    (r"(?:不要|别|请勿|勿|不许|停止)(?:再)?(?:给我|向我|跟我)?(?:发送|发|群发)(?:短信|信息|消息|问卷|垃圾|了$|给我|来了?$|这种|这些|这类)", MESSAGES),
    (rf"^(?:请|麻烦|求)?(?:你们|以后|今后)?(?:都|也)?{_NO_MORE}(?:给我)?(?:发|发送|群发|推送){_END}", MESSAGES),
    (rf"^(?:请|麻烦|给我)?(?:你们)?(?:立即|马上|立刻)?停止(?:发送|推送|群发){_END}", MESSAGES),
    (r"(?:不想|不愿|不希望|拒绝)(?:再)?(?:收到|接收|接受)(?:你们的?|这种|这类|此类|任何|这些)?(?:短信|信息|消息|问卷|调查)", MESSAGES),
    (rf"^(?:请|我|本人)?(?:(?:拒绝|谢绝|不接受)(?:再)?|(?:不需要|不想要|不要|别|请勿|勿)再){_OF_THESE}{_END}", MESSAGES),
    (r"(?:我要|请|帮我|给我|要求|申请|怎么|如何|想)(?:办理)?(?:退订|取消订阅)|退订(?:短信|信息|消息|问卷|服务|一下|谢谢|吧|了)", MESSAGES),
    # The hint at the foot of our own messages, written back as it stands.
    (r"^(?:退订|退訂)(?:请)?回复?(?:td|[tnr])$", MESSAGES),
)  # fmt: skip
_UNLESS_ANSWER_SENTENCES = _compiled(
    (rf"^(?:请|我|本人)?(?:不需要|不想要|不要){_OF_THESE}{_END}", MESSAGES),
    (rf"{_WISH} (?:ever )?(?:call|phone|ring) (?:me|us) back\b", EVERYTHING),
)
"""To `shall we call you?` these say no, and nothing about anything else."""
_NEGATED = re.compile(
    r"(?:(?:\bnot|\bnever|n't|\bdont|\bdidnt|\bdoesnt|\bwont|\bcannot)(?: ever| just| please| even| really)?|"
    r"没有?|未曾?|不要?再?|别再?|不会)\s*(?:把我|给我|向我|自己|主动)?\s*$"
)
"""Before a sentence: `please don't stop sending me these`, `didn't stop calling`, `我没有退订`."""
_POLITE_FIRST = re.compile(r"(?:please|pls|plz|请|回复|回|reply|thanks|thank you) ?")
_POLITE_LAST = re.compile(r" ?(?:please|pls|plz|thanks|thank you|谢谢|now|吧|了|啊)$")
_LONGEST_POLITE_LAST = len(" thank you")
_SCORE = r"(?:\d{1,2} ?(?:分|星|stars?|points?)?|[一二两三四五六七八九十]分?|one|two|three|four|five|six|seven|eight|nine|ten)"
_ANSWER_FIRST = re.compile(rf"(?P<answer>{_SCORE}|yes|no|y|n)(?:(?<=[^a-z])(?=[^\x00-\x7f])| )(?P<rest>.+)")
_ANSWER_LAST = re.compile(rf"(?P<rest>\D+?)(?: |(?<=[^\x00-\x7f]))(?P<answer>{_SCORE})")


def meaning(text: str, *, answers: bool) -> Meaning | None:
    """The wish in `text`, or None. `answers`: it is a possible answer to the closed question that was just asked.

    Only a word or sentence that may be either is that answer. What means a stop always does, in whichever clause it stands.
    """
    plain = normal(text)
    bare = _bare(plain)
    if (word := _word(plain)) is not None:
        return Meaning(Wish.STOP, _scopes_of_word(word), "word")
    if not answers and (plain in UNLESS_ANSWER or bare in UNLESS_ANSWER):
        return Meaning(Wish.STOP, MESSAGES, "word")
    if (stop := _stop_in(plain, answers=answers)) is not None:
        return stop
    if answers:
        return None
    if bare in STARTS:
        return Meaning(Wish.START, rule="word")
    return Meaning(Wish.HELP, rule="word") if bare in HELPS else None


def _stop_in(plain: str, *, answers: bool) -> Meaning | None:
    """A stop in one of the clauses, or in a sentence that a comma divides. Everything wins over messages alone."""
    said = [clause for clause in clauses(plain) if clause not in COURTESIES]
    ends = (0, len(said) - 1)
    read = [_clause(clause, at_an_end=place in ends, answers=answers) for place, clause in enumerate(said)]
    stops = [stop for stop in read if stop is not None]
    if not stops:
        scopes = _sentence(plain, answers=answers)
        return Meaning(Wish.STOP, scopes, "sentence") if scopes else None
    scopes = EVERYTHING if any(stop.scopes == EVERYTHING for stop in stops) else stops[0].scopes
    rule = "sentence" if any(stop.rule == "sentence" for stop in stops) else "word"
    rest = [clause if stop is None else stop.rest for clause, stop in zip(said, read, strict=True)]
    return Meaning(Wish.STOP, scopes, rule, ", ".join(part for part in rest if part))


def _clause(clause: str, *, at_an_end: bool, answers: bool) -> Meaning | None:
    """The stop in one clause: a word, a sentence, or either beside an answer (`5 stop`, `stop 5`)."""
    if at_an_end or clause not in _ALSO_PLAIN_WORDS:
        word = _word(clause)
        if word is not None:
            return Meaning(Wish.STOP, _scopes_of_word(word), "word")
    for pattern in (_ANSWER_FIRST, _ANSWER_LAST):
        match = pattern.fullmatch(clause)
        # After a sentence a number is part of it: `stop calling me at 5`.
        words_alone = pattern is _ANSWER_LAST
        beside = None if match is None else _beside(match["rest"], words_alone=words_alone, answers=answers)
        if match is not None and beside is not None:
            return replace(beside, rest=match["answer"].strip())
    scopes = _sentence(clause, answers=answers)
    return Meaning(Wish.STOP, scopes, "sentence") if scopes else None


def _beside(rest: str, *, words_alone: bool, answers: bool) -> Meaning | None:
    if (word := _word(rest)) is not None:
        return Meaning(Wish.STOP, _scopes_of_word(word), "word")
    scopes = () if words_alone else _sentence(rest, answers=answers)
    return Meaning(Wish.STOP, scopes, "sentence") if scopes else None


def _sentence(plain: str, *, answers: bool) -> tuple[SuppressionScope, ...]:
    """What a sentence asks to end; nothing when it asks for no such thing, or says that it does not."""
    forms = (plain, _bare(plain))
    found = [
        scopes
        for pattern, scopes in (_SENTENCES if answers else _SENTENCES + _UNLESS_ANSWER_SENTENCES)
        for form in forms
        if any(not _NEGATED.search(form[: match.start()]) for match in pattern.finditer(form))
    ]
    return EVERYTHING if EVERYTHING in found else found[0] if found else ()


def _word(plain: str) -> str | None:
    """The word that always stops, if this is one and nothing else but politeness and repetition."""
    return next((form for form in (plain, _undressed(plain), _bare(plain)) if form in ALWAYS), None)


def _scopes_of_word(word: str) -> tuple[SuppressionScope, ...]:
    return EVERYTHING if word in _EVERYTHING_WORDS else MESSAGES


_ONCE_MORE = re.compile(r"^(?:回复?)?(?:(?:退订|退訂|td|[trn](?= ?退))[ ,，。!！]*)+$")


def _undressed(plain: str) -> str:
    """The one word of `STOP STOP STOP`, `退订TD`, `S T O P`, `回T退订`; empty for anything else."""
    words = plain.replace(",", " ").replace("!", " ").replace(".", " ").split()
    if len(words) > 1 and len(set(words)) == 1:
        return words[0]
    if _ONCE_MORE.match(plain):
        return "td"
    return "".join(words) if all(len(word) == 1 for word in words) else ""


def _bare(plain: str) -> str:
    """Without the politeness around it: `please stop`, `回复td`, `退订谢谢`."""
    while True:
        shorter = plain
        if (first := _POLITE_FIRST.match(shorter)) is not None:
            shorter = shorter[first.end() :]
        # Looked for at the end alone: of a message that is ten thousand times 了, each one would be a search of the rest.
        tail = max(0, len(shorter) - _LONGEST_POLITE_LAST)
        if (last := _POLITE_LAST.search(shorter, tail)) is not None:
            shorter = shorter[: last.start()]
        shorter = shorter.strip(" .,!。，！")
        if shorter == plain or not shorter:
            return plain
        plain = shorter
