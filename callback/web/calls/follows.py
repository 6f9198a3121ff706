"""What the page says follows from a call. One thing after the other is put into words here, so that no two lines of it
say opposite things: what is done is not called about again, unless there is a promise, or somebody unhappy.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from callback.domain.words import CallbackState, Disposition, DissatisfactionState, SuppressionScope
from callback.services.attempts import Finished

STOPS_CALLS = frozenset({SuppressionScope.ALL, SuppressionScope.AGENT})


@dataclass(frozen=True, slots=True)
class Line:
    icon: str
    code: str
    at: datetime | None = None
    """Said in the customer's time."""
    params: Mapping[str, object] = field(default_factory=dict)
    why: str | None = None
    """The code of a sentence below it."""


def follows(result: Finished, *, special: bool) -> tuple[Line, ...]:
    """The lines, the callback's own first."""
    return (
        *_callback(result),
        *_unhappy(result),
        *_promise(result),
        *_beside(result, special=special),
    )


def _callback(result: Finished) -> Iterator[Line]:
    unhappy = result.dissatisfaction_state in (DissatisfactionState.OPEN, DissatisfactionState.ESCALATED)
    if result.callback_state is CallbackState.DONE:
        yield Line("check-lg", f"call_desk.{_done(result, unhappy=unhappy)}")
    elif result.appointment_at:
        # Of an unhappy customer the next call is another one, by somebody else: the wish is told, not who keeps it.
        code = "call_desk.result_wished" if unhappy else "call_desk.result_appointment"
        yield Line("calendar-event", code, at=result.appointment_at)
    elif result.next_try_at:
        if not unhappy:
            yield Line(
                "telephone-outbound", "call_desk.result_again", at=result.next_try_at, why=f"retry.{result.rule}"
            )
    elif result.opt_out in STOPS_CALLS:
        yield Line("person-check", "call_desk.result_no_more_calls")
    else:
        code = "call_desk.result_supervisor_too" if unhappy else f"retry.{result.rule}"
        yield Line("person-check", code)


def _done(result: Finished, *, unhappy: bool) -> str:
    """A call that is done is not always the end of the matter."""
    if unhappy or result.opt_out in STOPS_CALLS:
        return "result_done_call"
    if result.new_promise_at:
        return "result_done_promised"
    return {
        Disposition.REFUSED: "result_done_refused",
        Disposition.PARTIAL: "result_done_partly",
        Disposition.BREAK_OFF: "result_done_partly",
    }.get(result.disposition, "result_done")


def _unhappy(result: Finished) -> Iterator[Line]:
    match result.dissatisfaction_state:
        case None:
            return
        case DissatisfactionState.OPEN if result.opt_out in STOPS_CALLS:
            yield Line("emoji-frown", "call_desk.result_unhappy_no_calls")
        case DissatisfactionState.OPEN:
            yield Line("emoji-frown", "call_desk.result_second_call")
        case DissatisfactionState.RECOVERED:
            yield Line("emoji-smile", "call_desk.result_recovered")
        case _:
            yield Line("emoji-frown", "call_desk.result_escalated")


def _promise(result: Finished) -> Iterator[Line]:
    if not result.new_promise_at:
        return
    code = "call_desk.result_promise_no_calls" if result.opt_out in STOPS_CALLS else "call_desk.result_promise"
    why = "call_desk.result_too_many" if result.too_many_promises else None
    yield Line("hourglass-split", code, at=result.new_promise_at, why=why)


def _beside(result: Finished, *, special: bool) -> Iterator[Line]:
    if result.child_case_ids:
        yield Line("diagram-3", "call_desk.result_children", params={"count": len(result.child_case_ids)})
    if result.opt_out:
        yield Line("slash-circle", f"call_desk.result_opt_out_{result.opt_out.value}")
    if special and result.opt_out not in STOPS_CALLS:
        yield Line("star-fill", "call_desk.result_special")
