"""A worker process of the grown engine, on the clock of the benchmark: one job at a time until its input ends.

`python -m bench_parts._worker` prints what it took as JSON when it is over.
"""

import json
import resource
import sys
import time

from bench_parts._town import NOW
from callback.bootstrap import build
from callback.worker.procrastinate import ProcrastinateEngine


def main() -> None:
    house = build(clock=lambda: NOW)
    engine = ProcrastinateEngine(house, threads=1)
    engine.start()
    sys.stdin.read()
    assert engine.stop(60), "still at work a minute after the end"
    house.close()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024
    print(json.dumps({"cpu": time.process_time(), "memory": memory}))


if __name__ == "__main__":
    main()
