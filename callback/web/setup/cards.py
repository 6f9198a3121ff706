"""The parts of the set-up as data: the index shows a card for each, in this order."""

from collections.abc import Sequence
from dataclasses import dataclass

from callback.domain.account import Scope
from callback.entrance import Principal


@dataclass(frozen=True, slots=True)
class Card:
    """Its texts are `setup_desk.card_<name>` and `…_text`; its heading `setup_desk.group_<group>`."""

    name: str
    path: str
    icon: str
    group: str
    scope: Scope
    """To open it."""
    change: Scope
    """To change something on it; who lacks it reads along."""


CARDS: tuple[Card, ...] = (
    Card("teams", "/setup/teams", "diagram-3", "people", Scope.AGENTS_READ, Scope.AGENTS_WRITE),
    Card("agents", "/setup/agents", "people", "people", Scope.AGENTS_READ, Scope.AGENTS_WRITE),
    Card("agents_import", "/setup/agents/import", "upload", "people", Scope.AGENTS_WRITE, Scope.AGENTS_WRITE),
    Card("skills", "/setup/skills", "tags", "people", Scope.AGENTS_READ, Scope.AGENTS_WRITE),
    Card("shifts", "/setup/shifts", "calendar-week", "people", Scope.AGENTS_READ, Scope.SHIFTS_WRITE),
    Card("policy", "/setup/policy", "sliders", "rules", Scope.POLICIES_READ, Scope.POLICIES_WRITE),
    Card("calendars", "/setup/calendars", "calendar3", "rules", Scope.POLICIES_READ, Scope.POLICIES_WRITE),
    Card("retry", "/setup/retry", "arrow-counterclockwise", "rules", Scope.POLICIES_READ, Scope.POLICIES_WRITE),
    Card("escalation", "/setup/escalation", "bell", "rules", Scope.POLICIES_READ, Scope.POLICIES_WRITE),
    Card("scripts", "/setup/scripts", "signpost-split", "words", Scope.SCRIPTS_READ, Scope.SCRIPTS_WRITE),
    Card("questionnaires", "/setup/questionnaires", "card-checklist", "words", Scope.SURVEYS_READ, Scope.SURVEYS_WRITE),
    Card("replies", "/setup/replies", "chat-left-text", "words", Scope.SCRIPTS_READ, Scope.SCRIPTS_WRITE),
    Card("import", "/setup/import", "upload", "outside", Scope.IMPORTS_WRITE, Scope.IMPORTS_WRITE),
    Card("channels", "/setup/channels", "send", "outside", Scope.POLICIES_READ, Scope.POLICIES_WRITE),
)


def cards_of(me: Principal) -> Sequence[tuple[str, Sequence[Card]]]:
    """The groups that this person sees, in order, each with its cards."""
    groups: dict[str, list[Card]] = {}
    for card in CARDS:
        if card.scope in me.scopes:
            groups.setdefault(card.group, []).append(card)
    return tuple(groups.items())
