"""How often one network address may come to a public page. In memory, for each process by itself: with several
processes behind one address the limit is as many times higher, which still is no way to guess 192 bits."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MOST_ADDRESSES = 50_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Throttle:
    """Token buckets by key. The ones not used for longest are forgotten, so that memory is bounded."""

    def __init__(self, *, burst: int, per_minute: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._per_second, self._clock = burst, per_minute / 60, clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, key: str, *, cost: float = 1) -> int:
        """0: come in. Else the whole seconds after which one may try again; nothing is taken then."""
        with self._lock:
            now = self._clock()
            bucket = self._buckets.get(key) or _Bucket(float(self._burst), now)
            bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) * self._per_second)
            bucket.at = now
            self._buckets[key] = bucket
            self._buckets.move_to_end(key)
            while len(self._buckets) > MOST_ADDRESSES:
                self._buckets.popitem(last=False)
            if bucket.tokens >= cost:
                bucket.tokens -= cost
                return 0
            return max(1, math.ceil((cost - bucket.tokens) / self._per_second))
