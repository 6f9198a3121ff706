"""One planning in a process of its own: prints what it took as JSON. `python -m bench_parts._planner TEAM` (0: all)."""

import json
import resource
import sys
import time

from bench_parts._town import NOW
from callback.bootstrap import build
from callback.db.shards import EVERYTHING, Shard
from callback.services.assignments import assign


def main(team: int) -> None:
    house = build()
    shard = Shard(by_team=True, team_id=team) if team else EVERYTHING
    began, used = time.monotonic(), time.process_time()
    report = assign(house.sessions, now=NOW, zone=house.zone, shard=shard)
    figures = {
        "wall": time.monotonic() - began,
        "cpu": time.process_time() - used,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024,
        "assigned": report.assigned,
        "left": sum(report.left.values()),
    }
    house.close()
    print(json.dumps(figures))


if __name__ == "__main__":
    main(int(sys.argv[1]))
