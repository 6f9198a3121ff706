"""Hard rule 5: at most once. An attempt only ever moves forward, whoever reports about it and however late.

The database half is a conditional UPDATE (`db/claims.py`); this half says which moves it may ask for.
"""

from callback.domain.words import AttemptState


def rank(state: AttemptState) -> int:
    """How far an attempt has come; higher ranks win over later events."""
    return _RANKS[state]


def may_move(from_state: AttemptState, to_state: AttemptState) -> bool:
    """Whether an event may take an attempt from one state to another: upwards only, so a repetition changes nothing."""
    return rank(to_state) > rank(from_state)


def states_below(to_state: AttemptState) -> frozenset[AttemptState]:
    """From where `to_state` may be reached: the `WHERE state IN (…)` of the conditional UPDATE."""
    return frozenset(state for state in AttemptState if may_move(state, to_state))


_RANKS = {
    AttemptState.CLAIMED: 0,
    AttemptState.SENT: 1,
    AttemptState.CONNECTED: 2,
    # Above `connected`: once the lease ran out, a late event of the conversation says nothing about how it ended.
    AttemptState.UNKNOWN: 3,
    AttemptState.ENDED: 4,
}
