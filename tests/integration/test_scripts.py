"""Scripts in the database: versions, and a script made ready for one call."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from callback.db.engine import SessionFactory
from callback.db.tables import AuditEntry, Callback, Case, Customer
from callback.domain.handle import new_handle
from callback.domain.script import EffectKind
from callback.domain.words import CallbackState, CaseStatus, Channel, Purpose, VersionState
from callback.errors import Conflict, Invalid, NotFound, RuleBroken
from callback.services import scripts
from callback.settings import Settings
from tests.town import add_agent, add_case, add_customer, make_unhappy


def add_callback(session: Session, case: Case, purpose: Purpose, *, now: datetime, **columns: Any) -> Callback:
    callback = Callback(
        **{
            "handle": new_handle(),
            "case_id": case.id,
            "customer_id": case.customer_id,
            "purpose": purpose,
            "channel": Channel.AGENT,
            "state": CallbackState.WAITING,
            "priority": 50,
            "earliest_at": now,
            "due_at": now + timedelta(days=1, hours=8),
            "created_at": now,
            "updated_at": now,
            **columns,
        }
    )
    session.add(callback)
    session.flush()
    return callback


def answered(session: Session, customer: Customer, *, now: datetime, **columns: Any) -> Case:
    return add_case(
        session,
        customer,
        now=now - timedelta(days=3),
        **{"status": CaseStatus.CLOSED, "answer": "线路已经更换。", "answered_at": now, **columns},
    )


@pytest.fixture
def ready(sessions: SessionFactory, settings: Settings, now: datetime) -> SessionFactory:
    with sessions.begin() as session:
        assert scripts.seed_content(session, now) == 12
    return sessions


def test_seeding_again_changes_nothing(ready: SessionFactory, now: datetime) -> None:
    with ready.begin() as session:
        assert scripts.seed_content(session, now) == 0
        assert len(scripts.versions(session)) == 12
        assert {row.state for row in scripts.versions(session)} == {VersionState.PUBLISHED}


def test_the_answer_is_told_in_the_customer_s_own_words_and_dates(
    ready: SessionFactory, settings: Settings, now: datetime
) -> None:
    with ready.begin() as session:
        agent = add_agent(session, "li", now=now, number="010")
        wang = answered(session, add_customer(session, now=now, salutation="王女士"), now=now)
        brown = add_customer(session, now=now, name="Ann Brown", language="en", time_zone="America/New_York")
        late = now.replace(hour=3)  # 22:00 or 23:00 of the day before in New York
        english = answered(
            session, brown, now=now, opened_at=late, subject="Router\n\trestarts", answer="We sent a new one."
        )
        calls = {case: add_callback(session, case, Purpose.ANSWER, now=now) for case in (wang, english)}
        zh = scripts.prepare(session, callback_id=calls[wang].id, agent_id=agent.id, now=now, settings=settings)
        en = scripts.prepare(session, callback_id=calls[english].id, agent_id=agent.id, now=now, settings=settings)
    assert (zh.key, zh.language, en.language) == ("outbound", "zh", "en")
    assert zh.nodes["identity"].say == "您好！请问您是王女士吗？"
    assert (
        zh.nodes["introduce"].say == f"这里是{settings.company}{settings.centre}{settings.department}，我的工号是010。"
    )
    assert zh.nodes["tell"].say == (
        "您曾经在2026年3月8日向我们反映了“宽带经常掉线”的情况，关于这个问题，我们已经有跟进结果了：线路已经更换。"
    )
    assert "On 10 March 2026 you told us about this: Router restarts." in en.nodes["tell"].say
    assert en.nodes["identity"].say == "Hello! Am I speaking with Ann Brown?"


def test_a_promise_is_read_out_with_its_time(ready: SessionFactory, settings: Settings, now: datetime) -> None:
    with ready.begin() as session:
        agent = add_agent(session, "li", now=now)
        case = add_case(session, add_customer(session, now=now), now=now, promised_at=now)
        call = add_callback(session, case, Purpose.HOLDING, now=now)
        english = add_case(session, add_customer(session, now=now, language="en"), now=now)
        unpromised = add_callback(session, english, Purpose.HOLDING, now=now)
        zh = scripts.prepare(session, callback_id=call.id, agent_id=agent.id, now=now, settings=settings)
        en = scripts.prepare(session, callback_id=unpromised.id, agent_id=agent.id, now=now, settings=settings)
    assert "我们应在2026年3月11日10:00前给您答复" in zh.nodes["hold"].say
    assert "by 18:00 on 12 March 2026" in en.nodes["hold"].say  # the due time: nothing was promised


def test_what_a_stranger_wrote_is_never_read_as_a_template(
    ready: SessionFactory, settings: Settings, now: datetime
) -> None:
    nasty = "{{ agent_number }}{% for x in ().__class__.__mro__ %}{{ x }}{% endfor %}<b>"
    with ready.begin() as session:
        agent = add_agent(session, "li", now=now)
        case = answered(session, add_customer(session, now=now), now=now, subject=nasty, answer="{{ 7*7 }}")
        call = add_callback(session, case, Purpose.ANSWER, now=now)
        made = scripts.prepare(session, callback_id=call.id, agent_id=agent.id, now=now, settings=settings)
    assert nasty in made.nodes["tell"].say
    assert "{{ 7*7 }}" in made.nodes["tell"].say


@pytest.mark.parametrize("missing", [None, "", "  \n"])
def test_a_placeholder_with_nothing_to_say_stops_the_call_before_it_begins(
    ready: SessionFactory, settings: Settings, now: datetime, missing: str | None
) -> None:
    with ready.begin() as session:
        agent = add_agent(session, "li", now=now)
        case = answered(session, add_customer(session, now=now), now=now, answer=missing)
        call = add_callback(session, case, Purpose.ANSWER, now=now)
        with pytest.raises(Invalid) as refused:
            scripts.prepare(session, callback_id=call.id, agent_id=agent.id, now=now, settings=settings)
    assert refused.value.code == "script_placeholder_missing"
    assert refused.value.params == {"placeholder": "result", "node": "tell", "script": "outbound"}
    assert "result" in str(refused.value)


def test_nobody_s_name_is_needed(ready: SessionFactory, settings: Settings, now: datetime) -> None:
    with ready.begin() as session:
        agent = add_agent(session, "li", now=now)
        case = answered(session, add_customer(session, now=now, name=None), now=now)
        call = add_callback(session, case, Purpose.ANSWER, now=now)
        made = scripts.prepare(session, callback_id=call.id, agent_id=agent.id, now=now, settings=settings)
    assert "先生/女士" in made.nodes["identity"].say


@pytest.mark.parametrize("purpose", list(Purpose))
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_purpose_has_its_script(
    ready: SessionFactory, settings: Settings, now: datetime, purpose: Purpose, language: str
) -> None:
    with ready.begin() as session:
        agent = add_agent(session, "li", now=now)
        case = answered(session, add_customer(session, now=now, language=language), now=now)
        make_unhappy(session, case, at=now - timedelta(days=1))
        before = add_callback(
            session, case, Purpose.VISIT, now=now, state=CallbackState.DONE, finished_at=now - timedelta(days=2)
        )
        call = add_callback(session, case, purpose, now=now, parent_id=before.id)
        made = scripts.prepare(session, callback_id=call.id, agent_id=agent.id, now=now, settings=settings)
        if purpose is Purpose.SECOND_CALL:
            assert ("2026年3月9日" if language == "zh" else "9 March 2026") in made.nodes["apology"].say
            call.parent_id = None
            session.flush()
            made = scripts.prepare(session, callback_id=call.id, agent_id=agent.id, now=now, settings=settings)
            assert ("2026年3月10日" if language == "zh" else "10 March 2026") in made.nodes["apology"].say
    assert made.language == language
    assert "{{" not in "".join(node.say + node.note for node in made.nodes.values())
    assert made.at(made.begin()).stage == "prepare"


def test_a_call_keeps_the_version_it_began_with(ready: SessionFactory, settings: Settings, now: datetime) -> None:
    with ready.begin() as session:
        agent = add_agent(session, "li", now=now)
        call = add_callback(
            session, answered(session, add_customer(session, now=now), now=now), Purpose.ANSWER, now=now
        )
        began = scripts.prepare(session, callback_id=call.id, agent_id=agent.id, now=now, settings=settings)
        definition = scripts.find_script(session, began.script_id).definition | {"title": "第二版"}
        draft = scripts.save_draft(
            session, key="outbound", language="zh", purposes=[Purpose.ANSWER], definition=definition, now=now
        )
        assert scripts.preview(session, draft.id, settings=settings).nodes["identity"].say == "您好！请问您是王女士吗？"
        scripts.publish(session, script_id=draft.id, now=now, actor_id=agent.id)
    with ready.begin() as session:
        kept = scripts.prepare(
            session, callback_id=call.id, agent_id=agent.id, now=now, settings=settings, script_id=began.script_id
        )
        fresh = scripts.prepare(session, callback_id=call.id, agent_id=agent.id, now=now, settings=settings)
        assert (kept.version, fresh.version, fresh.script.title) == (1, 2, "第二版")
        assert scripts.find_script(session, began.script_id).state is VersionState.RETIRED
        newest = scripts.versions(session, key="outbound", language="zh")
        assert [row.version for row in newest] == [2, 1]
        entries = session.query(AuditEntry).filter_by(action="script_published", actor_id=agent.id).all()
        assert [entry.details["version"] for entry in entries] == [2]


def test_only_a_draft_can_be_published_and_one_script_serves_a_purpose(ready: SessionFactory, now: datetime) -> None:
    with ready.begin() as session:
        (row,) = scripts.versions(session, key="visit", language="en")
        with pytest.raises(Conflict, match="not a draft"):
            scripts.publish(session, script_id=row.id, now=now)
        other = scripts.save_draft(
            session, key="mine", language="en", purposes=[Purpose.VISIT], definition=row.definition, now=now
        )
        with pytest.raises(Conflict, match="already used"):
            scripts.publish(session, script_id=other.id, now=now)
        with pytest.raises(NotFound):
            scripts.publish(session, script_id=10**6, now=now)


def test_a_bad_script_is_refused_with_every_place(ready: SessionFactory, now: datetime) -> None:
    with ready.begin() as session:
        (row,) = scripts.versions(session, key="visit", language="en")
        bad = row.definition | {"begin": 5, "colour": "red"}
        with pytest.raises(Invalid) as refused:
            scripts.save_draft(session, key="visit", language="en", purposes=[], definition=bad, now=now)
        assert refused.value.code == "script_refused"
        problems = refused.value.details["problems"]
        assert isinstance(problems, list)
        assert {(problem["path"], problem["code"]) for problem in problems} == {
            ("begin", "text_expected"),
            ("colour", "unknown_property"),
        }
        assert all(problem["zh"] and problem["en"] for problem in problems)
        with pytest.raises(Invalid, match="cannot name a script"):
            scripts.save_draft(session, key="Bad Key", language="en", purposes=[], definition=row.definition, now=now)
        assert [found.version for found in scripts.versions(session, key="visit", language="en")] == [1]


def test_without_a_script_the_call_does_not_begin(sessions: SessionFactory, settings: Settings, now: datetime) -> None:
    with sessions.begin() as session:
        agent = add_agent(session, "li", now=now)
        call = add_callback(
            session, answered(session, add_customer(session, now=now), now=now), Purpose.ANSWER, now=now
        )
        with pytest.raises(NotFound, match="No script"):
            scripts.prepare(session, callback_id=call.id, agent_id=agent.id, now=now, settings=settings)
        with pytest.raises(NotFound, match="no callback"):
            scripts.prepare(session, callback_id=10**6, agent_id=agent.id, now=now, settings=settings)


def test_steps_that_are_refused_are_errors_a_person_can_read(
    ready: SessionFactory, settings: Settings, now: datetime
) -> None:
    with ready.begin() as session:
        agent = add_agent(session, "li", now=now)
        call = add_callback(
            session, answered(session, add_customer(session, now=now), now=now), Purpose.ANSWER, now=now
        )
        made = scripts.prepare(session, callback_id=call.id, agent_id=agent.id, now=now, settings=settings)
    state, _ = made.step(made.begin(), "1")
    state, effects = made.step(state, "1", {})
    assert effects[0].kind is EffectKind.IDENTITY_CONFIRMED
    with pytest.raises(Invalid, match="no choice"):
        made.step(state, "7")
    jumped = type(state)(node="tell")
    with pytest.raises(RuleBroken) as refused:
        made.step(jumped, "1")
    assert refused.value.params["rule"] == "identity_first"
    with pytest.raises(NotFound):
        made.at(type(state)(node="elsewhere"))
