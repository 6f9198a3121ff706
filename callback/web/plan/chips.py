"""The cells of the grid and the callbacks in them as HTML.

Written here and not in the template: a page has some six hundred of each, and a macro called for every one of them took
most of the page's time.
"""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape
from sqlalchemy import Row

from callback.domain.words import Purpose
from callback.services.day_plans import Cell
from callback.web.desk import Desk, templates


class Chips:
    """For one reader: whatever is the same for many is said and escaped once."""

    def __init__(self, desk: Desk, clocks: Sequence[str]) -> None:
        """`clocks`: the beginnings of the columns as the reader writes them."""
        self._clocks = [f'<span class="cell-time num">{escape(clock)}</span>' for clock in clocks]
        self._faces = {one: _face(desk, one) for one in Purpose}
        self._appointment = _icon("calendar-event", desk.say("reassign_desk.appointment"))
        self._pinned = _icon("pin-angle", desk.say("reassign_desk.pinned"))
        self._special = _icon("star-fill", desk.say("reassign_desk.special"))
        self._late = _icon("exclamation-circle", desk.say("plan_desk.late"))
        self._calling = _icon("telephone-outbound", desk.say("callback_state.in_progress"))
        self._desk = desk

    def in_tray(self, row: Row[Any], *, late: bool) -> Markup:
        why = f"reassign_desk.blocked.{row.blocked_by.value}" if row.blocked_by else None
        more = _icon("slash-circle", self._desk.say(why)) if why else ""
        return Markup(self._chip(row, late=late, calling=False, more=more))  # noqa: S704  escaped below

    def cells(self, cells: Sequence[Cell]) -> Markup:
        """Of one agent, a column after the other."""
        return Markup("".join(map(self._cell, cells, self._clocks)))  # noqa: S704  escaped below

    def _cell(self, cell: Cell, clock: str) -> str:
        at = f' data-at="{cell.starts_at.isoformat()}"' if cell.starts_at else ""
        kind = "" if cell.starts_at else "off"
        kind += (" full" if cell.full else "") + (" past" if cell.past else "")
        if not cell.chips:
            return f'<td class="{kind}"{at}></td>'
        chips = (self._chip(one.row, late=one.late, calling=not one.movable) for one in cell.chips)
        return f'<td class="{kind} has"{at}>{clock}{"".join(chips)}</td>'

    def _chip(self, row: Row[Any], *, late: bool, calling: bool, more: str = "") -> str:
        opening, face = self._faces[row.purpose]
        state = (" is-late" if late else "") + (" is-calling" if calling else "")
        signs = (
            more
            + (self._appointment if row.appointment_at else "")
            + (self._pinned if row.pinned else "")
            + (self._special if row.special else "")
            + (self._late if late else "")
            + (self._calling if calling else "")
        )
        return (
            f'{opening}{state}" type="button" id="c-{row.handle}" data-v="{row.version}">{face}'
            f'<span translate="no">{escape(row.name or row.case_id)}</span>{signs}</button>'
        )


def _face(desk: Desk, purpose: Purpose) -> tuple[str, str]:
    """How its chips begin, and its mark."""
    name = escape(desk.say(f"reassign_desk.purpose.{purpose.value}"))
    mark = escape(desk.say(f"plan_desk.mark.{purpose.value}"))
    return f'<button class="chip p-{purpose.value}', f'<i role="img" aria-label="{name}">{mark}</i>'


def _icon(name: str, label: str) -> str:
    parts: Any = templates.get_template("desk/parts.html").module
    return str(parts.icon(name, label))
