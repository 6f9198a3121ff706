"""What an HTTP gateway tells us: delivery reports and customers' messages, signed as its file says."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from callback.bootstrap import House, build
from callback.channels.gateway import GatewaySms
from callback.channels.protocol import Accepted
from callback.db.tables import InboundMessage
from callback.domain.words import Channel, InboundOutcome, SendState
from callback.services import questionnaires
from callback.services.sends import Result
from callback.settings import Settings
from tests.fake_carrier import FakeCarrier
from tests.integration.conftest import StandingClock, application
from tests.integration.post_office import PostOffice
from tests.integration.test_channels import FILE, SECRET


class Told:
    """A house whose messages go out through the gateway, and what the gateway posts to it."""

    def __init__(self, house: House, clock: StandingClock) -> None:
        self.house = house
        self.post = PostOffice(house, FakeCarrier(), clock)
        self.client = TestClient(application(house, of="gateway"))
        with house.sessions.begin() as session:
            questionnaires.seed_content(session, clock())

    def tell(self, where: str, document: Any, *, secret: str = SECRET) -> int:
        body = document if isinstance(document, bytes) else json.dumps(document, ensure_ascii=False).encode()
        headers = {"X-Signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}
        return self.client.post(f"/api/v1/carrier/gateway/{where}", content=body, headers=headers).status_code

    def sent(self) -> str:
        """A survey that the gateway has taken as `G1`; the callback's handle."""
        handle = self.post.due(phone="+8613800138000", country="US", language="zh")
        self.post.record([Result(one, accepted=Accepted("G1", "queued")) for one in self.post.claim()])
        return handle

    def messages(self) -> list[InboundMessage]:
        with self.house.sessions() as session:
            return list(session.scalars(select(InboundMessage)))


@pytest.fixture
def told(settings: Settings, clock: StandingClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    path = tmp_path / "gateway.toml"
    path.write_text(FILE.format(url="http://127.0.0.1:9"), encoding="utf-8")
    monkeypatch.setenv("TEST_SMS_SECRET", SECRET)
    house = build(settings.model_copy(update={"gateway_file": str(path), "country": "CN"}), clock=clock)
    yield Told(house, clock)
    house.close()


def test_a_report_counts_once_and_only_when_it_is_signed(told: Told) -> None:
    handle = told.sent()
    ours = told.post.the_send(handle).handle
    delivered = {"msgid": "G1", "status": "DELIVRD"}
    assert told.tell(ours, delivered, secret="somebody else's") == 403
    assert told.tell(ours, b"no json") == 422
    assert told.tell(ours, {"msgid": "G1", "status": "NEVER_HEARD"}) == 204
    assert told.tell(ours, {"msgid": "G2", "status": "DELIVRD"}) == 204  # about another one
    assert told.tell("x" * 22, delivered) == 204
    assert told.post.the_send(handle).state is SendState.SENT
    assert [told.tell(ours, delivered) for _ in range(2)] == [204, 204]
    assert told.post.the_send(handle).state is SendState.DELIVERED


def test_a_report_without_an_id_is_about_the_handle_in_its_address(told: Told) -> None:
    handle = told.sent()
    assert told.tell(told.post.the_send(handle).handle, {"status": "DELIVRD"}) == 204
    send = told.post.the_send(handle)
    assert (send.state, send.provider_id) == (SendState.DELIVERED, "G1")


def test_a_customer_writes_to_the_gateway_s_number(told: Told) -> None:
    """National number, the gateway's own id, twice: one message of the customer whose number it is."""
    handle = told.sent()
    written = {"moid": 77, "from": "13800138000", "content": "１"}
    assert told.tell("inbound", written, secret="somebody else's") == 403
    assert [told.tell("inbound", written) for _ in range(2)] == [204, 204]
    assert [one.outcome for one in told.messages()] == [InboundOutcome.WAITING]
    assert told.post.read() == 1
    (message,) = told.messages()
    assert (message.from_address, message.outcome, message.text) == ("+8613800138000", InboundOutcome.ANSWERED, "１")
    assert told.tell("inbound", {"moid": 78, "from": "13800138000", "content": "回T退订"}) == 204
    told.post.read()
    assert told.messages()[-1].outcome is InboundOutcome.OPT_OUT
    assert {scope for scope, _, _ in told.post.suppressions()} == {"sms", "survey"}
    assert told.post.attempts(handle)[0].ended_at is not None


@pytest.mark.parametrize("document", [{}, {"moid": 1}, {"moid": 1, "from": "nobody"}, {"from": "13800138000"}, [1]])
def test_what_is_no_message(told: Told, document: Any) -> None:
    assert told.tell("inbound", document) == 422
    assert told.messages() == []


def test_the_number_nought_is_what_the_customer_wrote(told: Told) -> None:
    assert told.tell("inbound", {"moid": 0, "from": "13800138000", "content": 0}) == 204
    assert [(one.provider_id, one.text) for one in told.messages()] == [("GW0", "0")]


def test_what_no_database_can_keep_is_left_out(told: Told) -> None:
    """Also where nothing has looked at it before: what is not called JSON."""
    handle = told.sent()
    written = b'{"moid": "a\\u0000\\ud800b", "from": "13800138000", "content": "T\\u0000"}'
    assert told.tell("inbound", written) == 204
    told.post.read()
    assert [one.outcome for one in told.messages()] == [InboundOutcome.OPT_OUT]
    assert told.tell("reports", b'{"msgid": "G\\u00001", "status": "DELIVRD", "err": "\\ud800"}') == 204
    assert told.post.sends(handle)[0].state is SendState.DELIVERED
    assert told.tell("inbound", b"[" * 100_000) == 422


def test_without_a_gateway_nothing_is_believed(house: House) -> None:
    client = TestClient(application(house))
    for where in ("inbound", "h" * 22):
        assert client.post(f"/api/v1/carrier/gateway/{where}", json={}).status_code == 403
    assert Channel.SMS not in house.channels


def test_reports_at_one_address_are_told_apart_by_the_gateways_id(told: Told) -> None:
    """One or many at once, as JSON or as a form; what is not ours among them changes nothing."""
    first = told.sent()
    reports = [{"msgid": "G9", "status": "UNDELIV"}, {"msgid": "G1", "status": "DELIVRD"}]
    assert told.tell("reports", reports, secret="somebody else's") == 403
    assert told.post.the_send(first).state is SendState.SENT
    assert told.tell("reports", reports) == 204
    assert told.post.the_send(first).state is SendState.DELIVERED


def test_a_report_that_comes_before_the_acceptance_is_asked_for_again(told: Told) -> None:
    """It goes by an id that we learn a moment later; dropped, the message would count as sent for ever."""
    handle = told.post.due(phone="+8613800138000", country="US", language="zh")
    claimed = told.post.claim()
    assert told.tell("reports", {"msgid": "G1", "status": "DELIVRD"}) == 503
    told.post.record([Result(one, accepted=Accepted("G1", "queued")) for one in claimed])
    assert told.tell("reports", {"msgid": "G1", "status": "DELIVRD"}) == 204
    assert told.post.the_send(handle).state is SendState.DELIVERED
    assert told.tell("reports", {"msgid": "G9", "status": "DELIVRD"}) == 204  # nothing is under way: not ours


def _with_ref(told: Told, **update: str) -> None:
    way = told.house.channels[Channel.SMS]
    assert isinstance(way, GatewaySms)
    assert way.file.reports
    way.file = way.file.model_copy(update={"reports": way.file.reports.model_copy(update={"ref": "uid", **update})})


@pytest.mark.parametrize("ref", ["", None, "somebody-else-s", 7])
def test_a_reference_that_is_not_ours_leaves_the_id(told: Told, ref: str | int | None) -> None:
    _with_ref(told)
    handle = told.sent()
    assert told.tell("reports", {"uid": ref, "msgid": "G1", "status": "DELIVRD"}) == 204
    assert told.post.the_send(handle).state is SendState.DELIVERED


def test_a_gateway_hears_what_it_wants_to_hear(told: Told) -> None:
    _with_ref(told, each="data.list", answer="OK")
    handle = told.sent()
    ours = told.post.the_send(handle).handle
    body = json.dumps({"data": {"list": [{"uid": ours, "msgid": "G1", "status": "DELIVRD"}]}}).encode()
    headers = {"X-Signature": hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}
    answer = told.client.post("/api/v1/carrier/gateway/reports", content=body, headers=headers)
    assert (answer.status_code, answer.text) == (200, "OK")
    assert told.post.the_send(handle).state is SendState.DELIVERED
    form = b"msgid=G1&status=DELIVRD"
    headers = {
        "X-Signature": hmac.new(SECRET.encode(), form, hashlib.sha256).hexdigest(),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    assert told.client.post("/api/v1/carrier/gateway/reports", content=form, headers=headers).text == "OK"
