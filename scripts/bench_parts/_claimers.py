"""A process of agents for the benchmark `work`: `_claimers.py FIRST AGENTS CLAIMS_EACH CLAIMS_PER_SECOND`."""

import json
import random
import sys
import threading
import time

from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

from callback.clock import utc_now
from callback.db.callbacks import lock_agent
from callback.db.policies import load_policy
from callback.services.callbacks import claim_next
from callback.settings import load_settings

LOGGED = "-c timezone=UTC -c log_min_duration_statement=0 -c application_name=claim"


def main(first: int, agents: int, each: int, per_second: float) -> None:
    settings = load_settings()
    engine = create_engine(
        settings.database_url,
        pool_size=agents * 2,
        max_overflow=0,
        connect_args={"options": LOGGED, "prepare_threshold": 3},
    )
    sessions = sessionmaker(engine, expire_on_commit=False)
    with sessions() as session:
        policy = load_policy(session)
    claimed: list[int] = []
    took: list[float] = []
    pause = agents / per_second

    def work(agent_id: int) -> None:
        """One agent at one screen, until nothing is left on the list."""
        chance = random.Random(agent_id)
        empty = 0
        while empty < 3:
            time.sleep(chance.uniform(0, 2 * pause))
            began = time.perf_counter()
            with sessions.begin() as session:
                lock_agent(session, agent_id)
                callback = claim_next(session, agent_id=agent_id, now=utc_now(), policy=policy)
            took.append((time.perf_counter() - began) * 1000)
            if callback is None:
                empty += 1
            else:
                claimed.append(callback.id)

    def work_or_fail(agent_id: int) -> None:
        try:
            work(agent_id)
        except Exception as error:
            failures.append(f"{type(error).__name__}: {error}")

    failures: list[str] = []
    screens = [first + n for n in range(agents)] + [first + n for n in range(0, agents, 10)]
    threads = [threading.Thread(target=work_or_fail, args=(agent_id,)) for agent_id in screens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise SystemExit(f"{len(failures)} agents failed, the first one with: {failures[0][:500]}")
    if len(claimed) < agents * each:
        raise SystemExit(f"only {len(claimed)} of {agents * each} were claimed")
    json.dump({"claimed": claimed, "took": took}, sys.stdout)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
