"""A centre as its desks see it: 1,000,000 callbacks, 500 agents in ten teams, and all that hangs on them.

Made by the database itself. A tenth is live; one agent has 200 on today's list. What has ended has attempts, a part of
it answers, a part of those flags; what was sent has its ledger.
"""

from datetime import datetime, timedelta

from sqlalchemy import text

from callback.bootstrap import House
from callback.clock import utc_now
from callback.domain.words import Role
from callback.services import accounts, questionnaires, scripts

AGENTS = 500
TEAMS = 10
LONG_LIST = 200
"""Callbacks of today on the first agent's list."""
BUSY, CHIEF = 1, AGENTS + 1
"""Ids of that agent and of a supervisor; the administrator is the next."""

STATEMENTS = (
    "INSERT INTO teams (name, created_at) SELECT 'Team ' || n, :now FROM generate_series(1, :teams) n",
    """INSERT INTO agents (login, name, number, role, team_id, languages, skills, daily_capacity, time_zone, created_at)
    SELECT 'agent' || n, 'Agent ' || n, n, CASE WHEN n <= :agents THEN 'agent' WHEN n = :agents + 1 THEN 'supervisor'
           ELSE 'administrator' END, CASE WHEN n <= :agents THEN 1 + n % :teams END, '["zh", "en"]',
           CAST(CASE WHEN n % 3 = 0 THEN '["billing"]' ELSE '[]' END AS jsonb), 60, 'Asia/Shanghai', :now
    FROM generate_series(1, :agents + 2) n""",
    """INSERT INTO shifts (agent_id, weekday, starts, ends)
    SELECT n, day, part.starts, part.ends FROM generate_series(1, :agents) n, generate_series(0, 6) day,
           (VALUES (time '00:00', time '12:00'), (time '12:30', time '23:59')) AS part (starts, ends)""",
    """INSERT INTO slots (agent_id, starts_at, ends_at)
    SELECT n, :day + make_interval(mins => 30 * part), :day + make_interval(mins => 30 * part + 30)
    FROM generate_series(1, :agents) n, generate_series(0, 47) part""",
    """INSERT INTO customers (source, external_id, name, language, country, time_zone, consents, created_at, updated_at)
    SELECT 'bench', n, (ARRAY['Wang', 'Li', 'Zhang', 'Smith', 'Brown', 'Garcia'])[1 + n % 6] || ' ' || n,
           CASE WHEN n % 2 = 0 THEN 'zh' ELSE 'en' END, 'CN', :zone, '[]', :now, :now
    FROM generate_series(1, :callbacks) n""",
    """INSERT INTO contact_points (customer_id, kind, address, fictional)
    SELECT id, 'mobile', '+86139' || lpad(((id * 7919) % 100000000)::text, 8, '0'), true FROM customers""",
    """INSERT INTO cases (source, external_id, customer_id, team_id, subject, description, kind, priority, status,
                          opened_at, closed_at, told_at, promised_at, repromises, created_at, updated_at)
    SELECT 'bench', 'C-' || id, id, 1 + id % :teams, 'Subject ' || id, repeat('What happened. ', 10),
           CASE WHEN id % 9 = 0 THEN 'complaint' ELSE 'request' END, 'normal',
           CASE WHEN id % 10 = 0 THEN 'pending' ELSE 'closed' END,
           :now - interval '3 days', CASE WHEN id % 10 <> 0 THEN :now - interval '2 days' END,
           CASE WHEN id % 10 <> 0 THEN :now - interval '2 days' END,
           CASE WHEN id % 10 = 0 THEN :now + make_interval(mins => (id % 4320)::int - 600) END, 0, :now, :now
    FROM customers""",
    """INSERT INTO promises (case_id, due_at, made_at, state)
    SELECT id, promised_at, opened_at, CASE WHEN promised_at < :now THEN 'broken' ELSE 'open' END FROM cases
    WHERE promised_at IS NOT NULL""",
    # A tenth is live: assigned over today and the next days, some waiting, some blocked, some sent by themselves.
    """INSERT INTO callbacks (handle, case_id, customer_id, case_team_id, purpose, channel, state, blocked_by, priority,
                              earliest_at, due_at, agent_id, slot_id, planned_at, result, finished_at, attempts_made,
                              created_at, updated_at)
    SELECT md5(n::text), n, n, 1 + n % :teams,
           (ARRAY['survey', 'answer', 'holding', 'survey', 'answer', 'second_call', 'follow_up'])[1 + (n / 10) % 7],
           CASE WHEN live % 50 = 7 THEN 'sms' ELSE 'agent' END, state,
           CASE WHEN state = 'blocked' THEN (ARRAY['nobody_qualifies', 'needs_data', 'no_legal_moment',
                                                   'supervisor_only'])[1 + (n / 10) % 4] END,
           30 + n % 60, :now - interval '1 day', :now + make_interval(mins => n % 2880 - 300),
           CASE WHEN state = 'assigned' THEN agent WHEN state = 'done' THEN 1 + n % :agents END,
           CASE WHEN state = 'assigned' AND live <= 48 * :agents
                THEN 48 * (agent - 1) + 1 + (live / :agents) % 48 END,
           CASE WHEN state = 'assigned' THEN :day + make_interval(mins => CASE WHEN live <= 48 * :agents
                THEN 30 * (live / :agents % 48) ELSE 1440 + live % 2880 END) END,
           CASE WHEN state = 'done' THEN 'completed' END,
           CASE WHEN state IN ('done', 'exhausted') THEN :now - make_interval(mins => (n / 10) % 200000) END,
           CASE WHEN state = 'done' THEN 1 ELSE 0 END, :now - interval '2 days', :now
    FROM (SELECT n, live, 1 + live % :agents AS agent,
                 CASE WHEN live IS NULL THEN CASE WHEN n % 401 = 0 THEN 'exhausted' ELSE 'done' END
                      WHEN live % 50 = 7 THEN 'waiting' WHEN live % 100 = 3 THEN 'blocked'
                      WHEN live % 20 = 1 THEN 'waiting' ELSE 'assigned' END AS state
          FROM (SELECT n, CASE WHEN n % 10 = 0 THEN n / 10 END AS live FROM generate_series(1, :callbacks) n) AS spread
         ) AS told""",
    """UPDATE callbacks SET agent_id = :busy, slot_id = NULL, planned_at = :now - interval '1 hour'
    WHERE id IN (SELECT id FROM callbacks WHERE state = 'assigned' AND agent_id <> :busy
                 ORDER BY id DESC LIMIT :long)""",
    """INSERT INTO attempts (handle, callback_id, case_id, customer_id, contact_point_id, address, channel, agent_id,
                             state, disposition, aapor_code, counts, part_of_day, started_at, identity_at, ended_at,
                             duration_s, attitude, notes, learned)
    SELECT md5('a' || callback.id), callback.id, case_id, callback.customer_id, point.id, point.address, 'agent',
           callback.agent_id, 'ended',
           (ARRAY['completed', 'completed', 'no_answer', 'busy', 'completed', 'not_convenient'])[1 + callback.id % 6],
           '1.1', true, 'morning', finished_at - interval '4 minutes', finished_at - interval '3 minutes', finished_at,
           120 + callback.id % 300, 'ordinary', '', true
    FROM callbacks AS callback JOIN contact_points AS point ON point.customer_id = callback.customer_id
    WHERE callback.state = 'done' AND callback.id % 3 = 0""",
    """INSERT INTO responses (handle, callback_id, case_id, customer_id, questionnaire_id, channel, purpose, state,
                              engine_state, csat, nps, started_at, completed_at)
    SELECT md5('r' || id), id, case_id, customer_id, (SELECT min(id) FROM questionnaires), 'agent', 'survey',
           'complete', '{}', 20 * (id % 6), id % 11, finished_at, finished_at
    FROM callbacks WHERE state = 'done' AND id % 6 = 0""",
    """INSERT INTO answers (response_id, question, value, channel, answered_at)
    SELECT id, 'attitude', to_json(1 + id % 5), 'agent', completed_at FROM responses""",
    """INSERT INTO dissatisfactions (case_id, customer_id, callback_id, rule, severity, evidence, failures, state,
                                     raised_at)
    SELECT case_id, customer_id, callback_id, 'low_score', (ARRAY['minor', 'major', 'critical'])[1 + id % 3],
           '[{"rule": "low_score", "question": "attitude", "value": 1}]', 0,
           CASE WHEN id % 50 = 0 THEN 'open' WHEN id % 333 = 0 THEN 'escalated' ELSE 'recovered' END,
           completed_at
    FROM responses WHERE csat < 40""",
    """INSERT INTO sends (handle, kind, channel, sender, carrier, callback_id, customer_id, address, body, state,
                          due_at, sent_at, ended_at, created_at)
    SELECT md5('s' || callback.id), 'invitation', 'sms', '+15005550006', 'sandbox_sms', callback.id,
           callback.customer_id, point.address, 'How did we do?', 'delivered', finished_at, finished_at, finished_at,
           finished_at
    FROM callbacks AS callback JOIN contact_points AS point ON point.customer_id = callback.customer_id
    WHERE callback.state = 'done' AND callback.id % 5 = 0""",
)


def fill(house: House, *, callbacks: int) -> datetime:
    """Fill an empty, migrated house. Returns the moment that everything was made for."""
    now = utc_now()
    values = {
        "now": now,
        "day": now.astimezone(house.zone).replace(hour=0, minute=0, second=0, microsecond=0),
        "agents": AGENTS,
        "teams": TEAMS,
        "callbacks": callbacks,
        "busy": BUSY,
        "long": LONG_LIST,
        # Where it is about ten in the morning now, so that calls can be made whenever this is run.
        "zone": f"Etc/GMT{(now.hour - 10 + 12) % 24 - 12:+d}",
    }
    with house.sessions.begin() as session:
        scripts.seed_content(session, now)
        questionnaires.seed_content(session, now)
        for statement in STATEMENTS:
            session.execute(text(statement), {name: value for name, value in values.items() if f":{name}" in statement})
    with house.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return now


def logged_in(house: House, agent_id: int) -> str:
    """The secret of a session of this person."""
    with house.sessions.begin() as session:
        return accounts.start_session(session, agent_id, now=utc_now(), lifetime=timedelta(hours=12)).secret


ROLES = {BUSY: Role.AGENT, CHIEF: Role.SUPERVISOR, CHIEF + 1: Role.ADMINISTRATOR}
