"""Who is there, as people say it when they are asked for by name: `Yes, speaking.`, `嗯，是的`, `我是王芳`, `打错了`.

Read clause by clause, and a clause by the words that it is made of; a clause with anything else in it says nothing.
Nothing about a case is told on a guess: whoever says yes and no, or yes and is somebody's wife, is asked again.
"""

import re
from collections.abc import Collection, Iterable
from enum import StrEnum
from functools import cache, lru_cache

from callback.domain.identity_words import (
    DENIALS,
    DOUBTS,
    FILLERS,
    INTRODUCTIONS,
    IS_THE_PERSON,
    NAMED_DENIALS,
    NO,
    NOT_HERE,
    OPENINGS,
    RELATIVES,
    SOMEBODY_ELSE,
    TITLES,
    WRONG_ADDRESS,
)
from callback.domain.plain import clauses, normal


class Who(StrEnum):
    PERSON = "person"
    SOMEBODY_ELSE = "somebody_else"
    WRONG_ADDRESS = "wrong_address"
    """The number, or the address, is not the person's at all."""


class _Sign(StrEnum):
    """What one clause says. `denied`: not the person, and no mere no."""

    YES = "yes"
    NO = "no"
    DENIED = "denied"
    WRONG = "wrong"
    DOUBT = "doubt"


_WORDS: tuple[tuple[frozenset[str], _Sign | None], ...] = (
    (WRONG_ADDRESS, _Sign.WRONG),
    (SOMEBODY_ELSE, _Sign.DENIED),
    (NO | NOT_HERE, _Sign.NO),
    (IS_THE_PERSON, _Sign.YES),
    (FILLERS, None),
)


def who(text: str, *, names: Iterable[str | None] = ()) -> Who | None:
    """Who answered the question whether they are the person of these `names`; None when it is not clear."""
    signs = _signs(text, names)
    if _Sign.WRONG in signs:
        return Who.WRONG_ADDRESS
    no = bool(signs & {_Sign.NO, _Sign.DENIED})
    if _Sign.YES in signs:
        return None if no or _Sign.DOUBT in signs else Who.PERSON
    return Who.SOMEBODY_ELSE if no else None


def is_stranger(text: str, *, names: Iterable[str | None] = ()) -> bool:
    """Whether somebody writes, unasked, that they are not the person; a mere no answers whatever was asked."""
    signs = _signs(text, names)
    return _Sign.YES not in signs and bool(signs & {_Sign.WRONG, _Sign.DENIED})


def _signs(text: str, names: Iterable[str | None]) -> set[_Sign]:
    known = tuple(sorted({normal(name) for name in names if name} - {""}))
    plain = TITLES.sub(r"\1", normal(text))
    return {sign for clause in clauses(plain) for sign in _of_clause(clause, known)}


def _of_clause(clause: str, names: tuple[str, ...]) -> Collection[_Sign]:
    if any(pattern.fullmatch(clause) for pattern in DENIALS) or _denied_by_name(clause, names):
        return {_Sign.DENIED}
    if any(pattern.fullmatch(clause) for pattern in RELATIVES):
        return {_Sign.NO}
    if _introduced(clause, names):
        return {_Sign.YES}
    whole = _made_of(clause)
    if whole is not None:
        return whole
    doubt = {_Sign.DOUBT} if DOUBTS.search(clause) else set()
    opening = OPENINGS.match(clause)
    if opening is None:
        return doubt
    # `yes this is mei wang`, `yes how can i help`: the rest is read as a clause of its own.
    return {_Sign.YES, *_of_clause(clause[opening.end() :].strip(), names)}


def _made_of(clause: str) -> set[_Sign] | None:
    """What the words say of which the clause is made, from its beginning to its end; None if others are among them."""
    if not _whole().fullmatch(clause):
        return None
    said = (match.group() for match in _word().finditer(clause))
    return {sign for word in said for words, sign in _WORDS if sign is not None and word in words}


def _introduced(clause: str, names: tuple[str, ...]) -> bool:
    """`我是王芳`, `this is Mei Wang speaking`: the name alone may be a question, or whoever shouts for the person."""
    match = _introduction(names).fullmatch(clause) if names else None
    return match is not None


def _denied_by_name(clause: str, names: tuple[str, ...]) -> bool:
    match = NAMED_DENIALS.fullmatch(clause)
    return match is not None and match["name"] in names


@lru_cache(maxsize=4096)
def _introduction(names: tuple[str, ...]) -> re.Pattern[str]:
    name = "|".join(re.escape(one) for one in names)
    after_it = r"(?: speaking| here|本人|啊|呀)?"
    return re.compile(rf"{INTRODUCTIONS} ?(?:(?:mr|mrs|ms|miss|dr) )?(?:{name}){after_it}|(?:{name}) (?:speaking|here)")


@cache
def _word() -> re.Pattern[str]:
    words = sorted({word for words, _ in _WORDS for word in words}, key=len, reverse=True)
    return re.compile("|".join(_bounded(word) for word in words))


@cache
def _whole() -> re.Pattern[str]:
    return re.compile(rf"(?:(?:{_word().pattern})\s*)+")


def _bounded(word: str) -> str:
    """English words stand apart; Chinese ones run on."""
    return rf"\b{re.escape(word)}\b" if word.isascii() else re.escape(word)
