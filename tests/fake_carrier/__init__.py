"""A carrier of our own on loopback, over real HTTP: strict with requests, and bad in every known way on demand."""

from tests.fake_carrier.server import Behaviour, Call, FakeCarrier, Message

__all__ = ["Behaviour", "Call", "FakeCarrier", "Message"]
