"""What one shift leaves to the next: open points, each named once, the most pressing first."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from callback.domain.words import OpenPoint

_ORDER = {kind: place for place, kind in enumerate(OpenPoint)}
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Found:
    """One reason to hand something over. `callback_id` is None where no call is owed (a case that is worked on)."""

    kind: OpenPoint
    case_id: int
    callback_id: int | None = None
    due_at: datetime | None = None

    @property
    def subject(self) -> str:
        """What it is about, whatever the reason: the key under which a remark is kept."""
        return f"case-{self.case_id}" if self.callback_id is None else f"callback-{self.callback_id}"


def points(found: Iterable[Found]) -> tuple[Found, ...]:
    """What is open for several reasons is named for the most pressing one; then by kind, then by when it is due."""
    first: dict[str, Found] = {}
    for one in sorted(found, key=_pressing):
        first.setdefault(one.subject, one)
    return tuple(first.values())


def may_sign(*, signer: int, team: int | None, given_by: int, given_to: int | None, given_to_team: int | None) -> bool:
    """The named colleague; where nobody is named, anybody of the team but the one who hands over."""
    if signer == given_by:
        return False
    return given_to == signer if given_to is not None else team is not None and team == given_to_team


def _pressing(one: Found) -> tuple[int, datetime, str]:
    return _ORDER[one.kind], one.due_at or _NEVER, one.subject
