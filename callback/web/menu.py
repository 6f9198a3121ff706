"""Where one can go: the menu as data. What a role may not open is not in it."""

from collections.abc import Sequence
from dataclasses import dataclass

from callback.domain.account import Scope
from callback.entrance import Principal


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the menu; its text is `desk.menu_<name>`."""

    name: str
    path: str
    icon: str
    scope: Scope
    group: str
    """Heading: `desk.group_<group>`."""
    key: str = ""
    """After `g`, on the keyboard."""
    supervisors: bool = False
    also: str = ""
    """One more key, by itself."""


MENU: tuple[Entry, ...] = (
    Entry("board", "/board", "speedometer2", Scope.CALLBACKS_WRITE, "lead", "b", supervisors=True),
    Entry("plan", "/plan", "calendar-week", Scope.CALLBACKS_WRITE, "lead", "p", supervisors=True),
    Entry("reassign", "/reassign", "arrow-left-right", Scope.CALLBACKS_WRITE, "lead", "r", supervisors=True),
    Entry("unhappy", "/unhappy", "emoji-frown", Scope.DISSATISFACTIONS_READ, "lead", "u", supervisors=True),
    Entry("day", "/day", "list-task", Scope.CALLBACKS_READ, "work", "d"),
    Entry("search", "/search", "search", Scope.CUSTOMERS_READ, "work", "s", also="/"),
    Entry("handover", "/handover", "clipboard-check", Scope.CALLBACKS_READ, "work", "h"),
    Entry("campaigns", "/campaigns", "megaphone", Scope.CALLBACKS_WRITE, "send", "c", supervisors=True),
    Entry("unsent", "/unsent", "slash-circle", Scope.CALLBACKS_WRITE, "send", supervisors=True),
    Entry("suppressions", "/suppressions", "shield-check", Scope.CUSTOMERS_WRITE, "send", supervisors=True),
    Entry("messages", "/messages", "chat-dots", Scope.CALLBACKS_WRITE, "send", "m", supervisors=True),
    Entry("sandbox", "/sandbox", "inbox", Scope.CALLBACKS_WRITE, "send", supervisors=True),
    Entry("learning", "/learning", "graph-up", Scope.REPORTS_READ, "house", supervisors=True),
    Entry("setup", "/setup", "sliders", Scope.SCRIPTS_WRITE, "house", "e", supervisors=True),
)


def menu_of(me: Principal) -> Sequence[tuple[str, Sequence[Entry]]]:
    """The groups that this person sees, in order, each with its lines."""
    groups: dict[str, list[Entry]] = {}
    for entry in MENU:
        if entry.scope in me.scopes and (me.supervises or not entry.supervisors):
            groups.setdefault(entry.group, []).append(entry)
    return tuple(groups.items())
