"""When people answer, and what knowing it is worth."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from callback.api.schemas import Out
from callback.domain.account import Scope
from callback.domain.uplift import Evidence
from callback.domain.words import ContactKind, PartOfDay
from callback.entrance import HouseDep, LanguageDep, Principal, caller
from callback.services import contact_rates

router = APIRouter(tags=["contact rates"])
Reader = Annotated[Principal, Depends(caller(Scope.REPORTS_READ))]

Interval = Annotated[tuple[float, float] | None, Field(description="From, to; shares.")]


class SlotRateOut(Out):
    """First dials to one kind of number in one part of the customer's day."""

    kind: ContactKind
    part: PartOfDay
    tried: int
    reached: int
    interval: Interval
    expected: list[float] = Field(description="The forecast from Monday to Sunday, as shares.")


class DialsOut(Out):
    tried: int
    reached: int
    persons: int
    rate: float | None
    design_effect: float = Field(description="By how much persons who repeat themselves widen the interval; 1: not.")


class UpliftOut(Out):
    """What learning is worth: the share of first dials that reach the customer, against the holdout."""

    evidence: Evidence
    difference: float | None
    interval: Interval
    lasting: Interval
    learned: DialsOut
    holdout: DialsOut


class ContactRatesOut(Out):
    sentence: str
    uplift: UpliftOut
    holdout_share: float
    slots: list[SlotRateOut]


@router.get("/contact-rates", operation_id="readContactRates")
def read_contact_rates(house: HouseDep, me: Reader, language: LanguageDep) -> ContactRatesOut:
    """What was learned about when people answer, and whether it helps: "no evidence yet" until there is."""
    report = contact_rates.report(house.sessions)
    return ContactRatesOut(
        sentence=contact_rates.tell(report.uplift, language),
        uplift=UpliftOut.model_validate(report.uplift),
        holdout_share=report.holdout_share,
        slots=[SlotRateOut.model_validate(slot) for slot in report.slots],
    )
