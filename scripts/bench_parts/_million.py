"""A million callbacks, made by the database itself: a tenth live, the rest history."""

from datetime import datetime, timedelta

from sqlalchemy import text

from callback.bootstrap import House
from callback.clock import utc_now

AGENTS = 500
CLAIMERS = 200
"""The first agents; what they will claim is on top of the others' lists and planned before now."""
ON_A_LIST = 60
"""Callbacks of the day of each other agent."""

STATEMENTS = (
    """INSERT INTO agents (login, name, number, role, languages, skills, time_zone, created_at)
    SELECT 'agent' || n, 'Agent ' || n, n, 'agent', '["zh", "en"]', '[]', 'Asia/Shanghai', :now
    FROM generate_series(1, :agents) n""",
    """INSERT INTO customers (source, external_id, name, language, country, time_zone, consents, created_at, updated_at)
    SELECT 'bench', n, 'Customer ' || n, 'en', 'US', 'America/New_York', '[]', :now, :now
    FROM generate_series(1, :callbacks) n""",
    """INSERT INTO contact_points (customer_id, kind, address, fictional)
    SELECT id, 'phone', '+15550' || lpad(id::text, 7, '0'), true FROM customers""",
    """INSERT INTO cases (source, external_id, customer_id, subject, description, kind, priority, status,
                          opened_at, closed_at, told_at, repromises, created_at, updated_at)
    SELECT 'bench', id, id, 'Subject ' || id, repeat('What happened. ', 10), 'request', 'normal', 'closed', :now, :now,
           :now, 0, :now, :now FROM customers""",
    # Live ones spread over the ids, as in a database that grew: the lists of the day, and what is to be claimed.
    """INSERT INTO callbacks (handle, case_id, customer_id, purpose, channel, state, priority, earliest_at, due_at,
                              agent_id, planned_at, result, finished_at, created_at, updated_at)
    SELECT md5(n::text), n, n, 'survey', 'agent',
           CASE WHEN live IS NULL THEN 'done' ELSE 'assigned' END,
           50, :now - interval '1 day', :now + interval '1 day',
           CASE WHEN live IS NULL THEN 1 + n % :agents WHEN live <= :claims THEN 1 + live % :claimers
                ELSE :claimers + 1 + live % (:agents - :claimers) END,
           CASE WHEN live IS NULL THEN :now - interval '30 days' WHEN live <= :claims THEN :now - interval '1 hour'
                ELSE :day_ends - interval '1 second' * (1 + live % 3600) END,
           CASE WHEN live IS NULL THEN 'completed' END,
           CASE WHEN live IS NULL THEN :now - make_interval(mins => n % 500000) END,
           :now, :now
    FROM (SELECT n, CASE WHEN n % :stride = 0 THEN n / :stride END AS live
          FROM generate_series(1, :callbacks) n) AS spread""",
    "ANALYZE",
)


def fill(house: House, *, callbacks: int, claims: int) -> None:
    """`claims` of `callbacks` are there to be claimed, evenly over the claimers; the others have lists of the day."""
    now = utc_now()
    live = claims + ON_A_LIST * (AGENTS - CLAIMERS)
    values = {
        "now": now,
        "day_ends": _day_ends(now, house),
        "agents": AGENTS,
        "claimers": CLAIMERS,
        "callbacks": callbacks,
        "claims": claims,
        "stride": max(1, callbacks // live),
    }
    with house.sessions.begin() as session:
        for statement in STATEMENTS:
            used = {name: value for name, value in values.items() if f":{name}" in statement}
            session.execute(text(statement), used)


def _day_ends(now: datetime, house: House) -> datetime:
    local = now.astimezone(house.zone)
    return (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
