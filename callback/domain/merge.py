"""Two hands at one text: what both have changed since they last saw the same is kept."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

_PIECES = re.compile(r"[^\W\u2e80-\uffff]+|.", re.DOTALL)
"""A word, or one character of anything else: Chinese has no words that could be told apart here."""
MOST_COMPARED = 1_000_000
"""Pieces times pieces. What is larger counts as replaced as a whole: a page waits for the answer."""

Edit = tuple[int, int, list[str]]
"""A stretch of the base and what stands there now."""


def merged(*, base: str, mine: str, theirs: str) -> str:
    """`mine` and `theirs` both come from `base`: the changes of both, wherever in the text they were made.

    Where both have changed the same place, both stand there, theirs first: nothing that was written is lost, and what
    both have written alike stands in it once.
    """
    if theirs in (base, mine) or mine == base:
        return theirs if mine == base else mine
    pieces = _PIECES.findall(base)
    return "".join(_applied(pieces, _edits(pieces, _PIECES.findall(mine)), _edits(pieces, _PIECES.findall(theirs))))


def _edits(base: list[str], text: list[str]) -> list[Edit]:
    """What makes `text` out of `base`, in order."""
    start = 0
    while start < min(len(base), len(text)) and base[start] == text[start]:
        start += 1
    end = 0
    while end < min(len(base), len(text)) - start and base[-1 - end] == text[-1 - end]:
        end += 1
    old, new = base[start : len(base) - end], text[start : len(text) - end]
    if len(old) * len(new) > MOST_COMPARED:
        return [(start, start + len(old), new)]
    found = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return [(start + a, start + b, new[c:d]) for kind, a, b, c, d in found if kind != "equal"]


def _applied(base: list[str], mine: list[Edit], theirs: list[Edit]) -> list[str]:
    text: list[str] = []
    at = 0
    while mine or theirs:
        first = min((edits[0] for edits in (mine, theirs) if edits), key=lambda edit: edit[:2])
        start, end = first[0], first[1]
        ours: list[Edit] = []
        others: list[Edit] = []
        grown = True
        while grown:  # everything that touches the same place belongs to it
            grown = False
            for edits, taken in ((mine, ours), (theirs, others)):
                while edits and (edits[0][0] < end or edits[0][0] == start):
                    taken.append(edits.pop(0))
                    end = max(end, taken[-1][1])
                    grown = True
        text += base[at:start]
        text += _both(base[start:end], _stretch(base, start, end, ours), _stretch(base, start, end, others))
        at = end
    return text + base[at:]


def _stretch(base: list[str], start: int, end: int, edits: Sequence[Edit]) -> list[str]:
    """One side of a place that was changed."""
    text: list[str] = []
    at = start
    for first, last, new in edits:
        text += base[at:first] + new
        at = last
    return text + base[at:end]


def _both(base: list[str], mine: list[str], theirs: list[str]) -> list[str]:
    if base in (mine, theirs):
        return theirs if mine == base else mine
    written, others = "".join(mine), "".join(theirs)
    if others in written or not others:  # also an earlier save of mine, whose answer was lost
        return mine
    if written in others:
        return theirs
    added = written.removeprefix("".join(base)).strip("\n")
    if f"\n{added}" in others:  # it was merged once already, and the answer was lost
        return theirs
    return [others.rstrip("\n"), "\n", added]
