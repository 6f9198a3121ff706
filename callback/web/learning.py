"""`/learning`: when people answer, as far as was learned; and what knowing it is worth, against the holdout."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from callback.domain.account import Scope
from callback.domain.uplift import ENOUGH, Evidence
from callback.domain.words import Role
from callback.services import contact_rates
from callback.web.desk import Desk, at_desk

router = APIRouter(include_in_schema=False)
Leader = Annotated[Desk, Depends(at_desk(Scope.REPORTS_READ, Role.SUPERVISOR, Role.ADMINISTRATOR))]
LEVELS = 6
TONES = {Evidence.NONE_YET: "plain", Evidence.HELPS: "good", Evidence.HARMS: "bad"}


@router.get("/learning")
def learning(desk: Leader) -> Response:
    report = contact_rates.report(desk.house.sessions)
    rates = [rate for slot in report.slots for rate in slot.expected]
    low, high = min(rates), max(rates)

    def level(rate: float) -> int:
        """0 to 5: how dark its field is, between the lowest and the highest of the table."""
        return 0 if high - low < 1e-9 else min(LEVELS - 1, int((rate - low) / (high - low) * LEVELS))

    best = max(report.slots, key=lambda slot: max(slot.expected))
    return desk.page(
        "learning/page.html",
        report=report,
        sentence=contact_rates.tell(report.uplift, desk.language),
        kinds=list(dict.fromkeys(slot.kind for slot in report.slots)),
        level=level,
        weekdays=desk.say("contact.weekdays").split(),
        tone=TONES[report.uplift.evidence],
        tried=sum(slot.tried for slot in report.slots),
        best=best,
        best_day=best.expected.index(max(best.expected)),
        enough=ENOUGH,
        picture=_picture(report.uplift.lasting, report.uplift.difference),
        spread=high - low > 1e-9,
    )


def _picture(interval: tuple[float, float] | None, difference: float | None) -> dict[str, Any] | None:
    """The interval on a line 600 wide, with zero in the middle."""
    if interval is None or difference is None:
        return None
    reach = max(abs(interval[0]), abs(interval[1]), 0.01) * 1.1

    def place(share: float) -> float:
        return round(300 + 290 * share / reach, 1)

    low, high = place(interval[0]), place(interval[1])
    return {"low": low, "high": high, "width": round(high - low, 1), "middle": place(difference)}
