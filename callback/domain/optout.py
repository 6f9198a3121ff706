"""Words and sentences by which people end the messages, take them up again, or ask who is writing.

Sources of the words: the carriers' default keywords (STOP, STOPALL, UNSUBSCRIBE, CANCEL, END, QUIT; START, UNSTOP; HELP,
INFO), 47 CFR § 64.1200(a)(10) of the United States (adds REVOKE, OPT OUT, and any words that plainly mean it), and the
habit of Chinese message senders (回 T、TD、R、N 退订).
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from callback.domain.plain import normal
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
UNLESS_ANSWER: frozenset[str] = frozenset(["t", "r", "n", "0000", "取消", "拒收", "结束", "停止"])
"""These stop unless they are a possible answer to the question just asked (N to a yes-or-no question)."""
_EVERYTHING_WORDS = frozenset({"stopall", "stop all"})
STARTS: frozenset[str] = frozenset(["start", "unstop", "resume", "恢复", "恢复订阅", "重新订阅", "恢复接收"])
HELPS: frozenset[str] = frozenset(["help", "info", "帮助", "你是谁", "你们是谁", "who is this", "who are you"])

_MESSAGE = r"(?:texts?|texting|messages?|messaging|sms|surveys?|spam(?:ming)?)"
_SENTENCES: tuple[tuple[re.Pattern[str], tuple[SuppressionScope, ...]], ...] = tuple(
    (re.compile(pattern), scopes)
    for pattern, scopes in (
        # Calls, or contact of any kind: everything ends.
        (r"\b(?:stop|quit|no more|cease) (?:all )?(?:calls?|calling|contact(?:ing)?|phoning|harass\w*)\b", EVERYTHING),
        (r"\b(?:do not|don't|dont|never|not) (?:ever )?(?:call|contact|phone|ring|bother|disturb) (?:me|us|again)\b", EVERYTHING),
        (r"\bleave (?:me|us) alone\b", EVERYTHING),
        (r"\b(?:remove|delete|take) (?:me|my (?:number|phone|name)|us)\b.{0,20}\b(?:list|database|records|system)\b", EVERYTHING),
        (r"(?:不要|别|请勿|勿|不许|禁止|停止)(?:再)?(?:给我|跟我|向我)?(?:打电话|来电|致电|联系我|联系了|骚扰|打扰)", EVERYTHING),
        (r"(?:不要|别|请勿|勿)再(?:打来|打了|联系)", EVERYTHING),
        # Messages and surveys.
        (rf"\b(?:please |just )?(?:stop|quit|cease|no more) (?:sending )?(?:me |us |these |the |any |all |your )*{_MESSAGE}\b", MESSAGES),
        (rf"\b(?:do not|don't|dont|never) (?:ever )?(?:send|text|message|sms)(?: (?:me|us|any|anymore|again|more|these|{_MESSAGE}))+\b", MESSAGES),
        (r"\bstop sending (?:me|us)\b|^(?:please |just )?(?:stop|quit) (?:it|this)(?: now| already| please)?$", MESSAGES),
        (r"\b(?:unsubscribe|opt(?:ing)?[ -]?(?:me )?out|opted out)\b", MESSAGES),
        (r"\bi (?:don't|do not|dont) (?:want|wish) (?:to (?:get|receive)|any|these|your|more)\b.{0,20}" + _MESSAGE, MESSAGES),
        (r"(?:不要|别|请勿|勿|不许|停止)(?:再)?(?:给我|向我|跟我)?(?:发送|发|群发)(?:短信|信息|消息|问卷|垃圾|了$|给我|来了?$|这种|这些|这类)", MESSAGES),
        (r"(?:不想|不愿|不希望|拒绝)(?:再)?(?:收到|接收|接受)(?:你们的?|这种|这类|此类|任何|这些)?(?:短信|信息|消息|问卷|调查)", MESSAGES),
        (r"(?:我要|请|帮我|给我|要求|申请|怎么|如何|想)(?:办理)?(?:退订|取消订阅)|退订(?:短信|信息|消息|问卷|服务|一下|谢谢|吧|了)", MESSAGES),
    )
)  # fmt: skip
_POLITE = re.compile(
    r"^(?:please|pls|plz|请|回复|回|reply|thanks|thank you) ?| ?(?:please|pls|plz|thanks|thank you|谢谢|now|吧|了|啊)$"
)


def meaning(text: str, *, answers: bool) -> Meaning | None:
    """The wish in `text`, or None. `answers`: it is a possible answer to the closed question that was just asked."""
    plain = normal(text)
    bare = _bare(plain)
    if _undressed(plain) in ALWAYS:
        return Meaning(Wish.STOP, MESSAGES, "word")
    for form in (plain, bare):
        if form in ALWAYS or (form in UNLESS_ANSWER and not answers):
            return Meaning(Wish.STOP, EVERYTHING if form in _EVERYTHING_WORDS else MESSAGES, "word")
    if answers:
        return None
    if bare in STARTS:
        return Meaning(Wish.START, rule="word")
    if bare in HELPS:
        return Meaning(Wish.HELP, rule="word")
    scopes = sentence_scopes(plain)
    return Meaning(Wish.STOP, scopes, "sentence") if scopes else None


def sentence_scopes(text: str) -> tuple[SuppressionScope, ...]:
    """What a sentence asks to end; nothing when it asks for no such thing. Everything wins over messages alone."""
    plain = normal(text)
    found = [scopes for pattern, scopes in _SENTENCES if pattern.search(plain)]
    return EVERYTHING if EVERYTHING in found else found[0] if found else ()


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
        shorter = _POLITE.sub("", plain).strip(" .,!。，！")
        if shorter == plain or not shorter:
            return plain
        plain = shorter
