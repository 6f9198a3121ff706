"""Fair between campaigns: a slow sender serves them in turn, whoever claims, however many there are."""

import threading
from collections import Counter

from sqlalchemy import select, update

from callback.db.tables import Callback, Send
from callback.services import campaigns
from callback.services.campaigns import Criteria
from tests.integration.post_office import PostOffice


def _campaign(post: PostOffice, name: str, handles: list[str]) -> int:
    """A campaign of exactly these."""
    with post.house.sessions.begin() as session:
        campaign = campaigns.create(session, name=name, criteria=Criteria(category=name), by=None, now=post.now)
        session.execute(update(Callback).where(Callback.handle.in_(handles)).values(campaign_id=campaign.id))
        return campaign.id


def _served(post: PostOffice) -> Counter[int | None]:
    with post.house.sessions() as session:
        return Counter(session.scalars(select(Callback.campaign_id).join(Send, Send.callback_id == Callback.id)))


def test_at_one_message_a_second_every_campaign_has_its_turn(post: PostOffice) -> None:
    first = _campaign(post, "A", [post.due() for _ in range(10)])
    second = _campaign(post, "B", [post.due() for _ in range(10)])
    for _ in range(5):
        post.due()  # in no campaign
    post.way().rate = 1.0
    for _ in range(24):  # a message has two segments
        post.round(limit=48)
        post.clock.advance(seconds=1)
    served = _served(post)
    assert sum(served.values()) >= 10
    assert set(served) == {None, first, second}
    assert max(served.values()) - min(served.values()) <= 1, served


def test_what_cannot_be_sent_does_not_keep_the_others_waiting(post: PostOffice) -> None:
    """A campaign whose customers are asleep has its turns too, and loses them."""
    _campaign(post, "Asleep", [post.due(time_zone="America/Los_Angeles") for _ in range(20)])
    awake = _campaign(post, "Awake", [post.due() for _ in range(5)])
    post.way().rate = 1.0
    for _ in range(16):
        post.round(limit=48)
        post.clock.advance(seconds=1)
    assert _served(post)[awake] >= 4


def test_several_dispatchers_deal_from_one_hand(post: PostOffice) -> None:
    """More campaigns than places, and two workers that claim at the same time."""
    ids = [_campaign(post, name, [post.due() for _ in range(8)]) for name in "ABCD"]
    way = post.way()
    way.rate = 1.0
    failed: list[Exception] = []

    def work(start: threading.Barrier) -> None:
        try:
            start.wait(10)
            post.round(limit=48)
        except Exception as error:
            failed.append(error)

    for _ in range(16):
        start = threading.Barrier(2)
        workers = [threading.Thread(target=work, args=(start,)) for _ in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(30)
        post.clock.advance(seconds=2)  # a burst is one second's worth
    served = _served(post)
    assert not failed, failed
    assert sum(served.values()) >= 14
    assert max(served[one] for one in ids) - min(served[one] for one in ids) <= 1, served
