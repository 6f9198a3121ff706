"""The ledger of what was not sent, and the messages that a person has to read, over the API on both databases."""

import csv
import io
from datetime import timedelta
from typing import Any

from callback.bootstrap import House
from callback.db import decisions
from callback.db.unsent import NO_SURVEY, listed
from callback.domain.sending import FAILURES, failure_of
from callback.domain.words import CaseStatus, Channel, InboundOutcome
from callback.services import explanations, failures, replies
from callback.services.plans import plan
from callback.services.unsent import Reason, entry_of, why
from callback.texts import LANGUAGES, say
from tests.integration.post_office import PostOffice
from tests.integration.surveyed import CENTRE, PHONE, survey
from tests.town import add_case, add_customer


def closed_case(house: House, **person: Any) -> int:
    now = house.clock()
    with house.sessions.begin() as session:
        customer = add_customer(session, now=now, **person)
        ago = now - timedelta(days=2)
        done: dict[str, Any] = {
            "status": CaseStatus.CLOSED,
            "answer": "x",
            "answered_at": ago,
            "closed_at": ago,
            "told_at": ago,
        }
        return add_case(session, customer, now=now, opened_at=ago, **done).id


def test_refused_channels_and_things_put_off(desk: Any, house: House) -> None:
    case = closed_case(house, country="US", consents=["voice"])
    plan(house.sessions, now=house.clock(), carriers=frozenset({Channel.SMS, Channel.VOICE}))
    put_off = survey(house.sessions, house.clock())
    with house.sessions.begin() as session:
        decisions.record(
            session,
            now=house.clock(),
            case_id=put_off.case,
            callback_id=put_off.callback,
            about="channel",
            rule="outside_window",
            verdict="not_sent",
            inputs={"channel": "sms", "not_before": "2026-03-11T06:00:00+00:00"},
        )
        decisions.record(  # nothing to do with sending
            session, now=house.clock(), case_id=put_off.case, about="retry", rule="again", verdict="waiting"
        )
    chief = desk.supervisor()
    found = chief.get("/api/v1/unsent").json()["items"]
    assert [(entry["case_id"], [reason["rule"] for reason in entry["reasons"]]) for entry in found] == [
        (put_off.case, ["outside_window"]),
        (case, ["no_consent"]),
    ]
    assert found[0]["not_before"] == "2026-03-11T06:00:00+00:00"
    assert found[1]["reasons"][0] == {
        "channel": "sms",
        "rule": "no_consent",
        "why": "the customer has not agreed to it",
    }
    assert chief.get("/api/v1/unsent", params={"case_id": case}).json()["items"] == found[1:]
    export = chief.get("/api/v1/unsent.csv")
    assert export.headers["content-type"] == "text/csv; charset=utf-8"
    lines = list(csv.DictReader(io.StringIO(export.text)))
    assert [(line["channel"], line["rule"]) for line in lines] == [("sms", "no_consent"), ("sms", "outside_window")]
    assert desk.agent().get("/api/v1/unsent").status_code == 403


def test_every_reason_of_the_rules_has_words() -> None:
    refused = {"not_in_this_country", "no_carrier", "no_consent", "no_address", "opted_out"}
    refused |= {failure.reason for failure in (*FAILURES.values(), failure_of("99999"))}
    for language in LANGUAGES:
        other = say("unsent.other", language, rule="")[:5]
        assert not [
            rule for rule in refused | {*NO_SURVEY, *failures.WITHDRAWN} if why(rule, language).startswith(other)
        ]


def test_what_was_sent_in_vain_is_in_the_ledger_and_explained(post: PostOffice) -> None:
    """Refused at once, or undelivered later: the reason is a line of the ledger, and `explain` says it in words."""
    refused, undelivered = post.due(), post.due()
    for handle in (refused, undelivered):
        (address,) = post.addresses(handle)
        if handle == refused:
            post.fake.behaviour.refused[address] = 21211
        else:
            post.fake.behaviour.fate[address] = ("undelivered", 30007)
    post.round()
    for message in list(post.fake.messages.values()):
        post.receive(*post.fake.events_of(message))
    assert ("bad_number", "not_sent") in post.decisions(refused)
    assert ("filtered", "not_sent") in post.decisions(undelivered)
    with post.house.sessions() as session:
        found = {entry_of(one).reasons for one in session.scalars(listed())}
        assert {(Reason("sms", "bad_number"),), (Reason("sms", "filtered"),)} <= found
        for handle, words in ((refused, "the number does not exist"), (undelivered, "took it for unwanted mail")):
            explanation = explanations.explain(session, explanations.find(session, handle), now=post.now)
            assert any(words in line for line in explanations.tell(explanation, "en"))


def test_messages_for_a_person(desk: Any, house: House) -> None:
    with house.sessions.begin() as session:
        for number, text in enumerate(("Where is my engineer?", "thanks")):
            replies.receive(
                session,
                from_address=PHONE,
                to_address=CENTRE,
                text=text,
                provider_id=f"SM{number}",
                now=house.clock(),
                settings=house.settings,
            )
    chief = desk.supervisor()
    assert len(chief.get("/api/v1/messages").json()["items"]) == 2
    (message,) = chief.get("/api/v1/messages", params={"for_a_person": True}).json()["items"]
    assert (message["text"], message["outcome"]) == ("Where is my engineer?", InboundOutcome.NO_QUESTION)
    assert message["from_address"] == "+1 415****123"
    done = chief.post(f"/api/v1/messages/{message['id']}/handled")
    assert done.json()["handled_by_id"] == desk.ids["chief"]
    assert chief.post(f"/api/v1/messages/{message['id']}/handled").status_code == 409
    assert chief.get("/api/v1/messages", params={"for_a_person": True}).json()["items"] == []
    assert desk.agent().get("/api/v1/messages").status_code == 403
