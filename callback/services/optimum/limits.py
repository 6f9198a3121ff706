"""Which limit leaves a callback without a place: the time there is, or how many calls somebody may have a day.

The two are mended in different ways, by shifts and by a number, so they are told apart.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from callback.domain.assignment import Demand, Left, Roster
from callback.domain.policy import Policy
from callback.services.optimum.board import Board, Books, Bools, make_board
from callback.services.optimum.wishes import Times, bits, who_may

DAY_FULL = "day_full"


def name_limits(
    left: Sequence[Left], demands: Sequence[Demand], roster: Roster, books: Books, policy: Policy
) -> list[Left]:
    """The same, `day_full` instead of `no_capacity` where people have time and may have no more calls on that day."""
    crowded = {item.callback_id for item in left if item.reason == "no_capacity"}
    asked = [demand for demand in demands if demand.callback_id in crowded]
    if not asked:
        return list(left)
    board = make_board(roster, books, policy, seconds_each=min(demand.seconds for demand in asked))
    rows, eligible = who_may(asked, board)
    idle_time = _time_of_full_days(board)
    columns = [bits(np.asarray(idle_time[eligible[row]].any(axis=0))) for row in range(len(eligible))]
    times = Times(board, books, policy)
    full = {d.callback_id for d, row in zip(asked, rows, strict=True) if columns[row] and times.legal(d) & columns[row]}
    return [replace(item, reason=DAY_FULL) if item.callback_id in full else item for item in left]


def _time_of_full_days(board: Board) -> Bools:
    """[agents, spans]: where there is time, on a day on which the agent may have no more calls."""
    days = np.maximum(board.day, 0)
    no_more = np.take_along_axis(board.day_room, days, axis=1) == 0
    return np.asarray((board.room > 0) & (board.day >= 0) & no_more)
