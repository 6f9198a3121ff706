"""The worker of a browser test, one round at a time: plan what is due, hand over what may leave, record it."""

from datetime import timedelta

from callback.bootstrap import House
from callback.services import sends
from callback.services.planning import plan_day
from callback.services.sends.compose import texts_of


def work(house: House, *, plan: bool = True) -> int:
    """How many messages and calls were handed over."""
    now = house.clock()
    if plan:
        plan_day(house.sessions, now=now, zone=house.zone, carriers=house.carriers)
    handed_over = 0
    for way in house.channels.values():
        with house.sessions.begin() as session:
            claimed = sends.claim(
                session, way=way, now=now, lease=timedelta(minutes=2), limit=50, compose=texts_of(house.settings)
            )
        results = [sends.hand_over(one, way=way, now=now, timeout=timedelta(seconds=15)) for one in claimed]
        with house.sessions.begin() as session:
            sends.record(session, results, way=way, now=now, settle=timedelta(seconds=30))
        handed_over += len(results)
    return handed_over
