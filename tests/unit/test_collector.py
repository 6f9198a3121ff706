"""What the garbage collector leaves out in a server."""

import gc

from callback.services import collector


def test_what_a_young_server_comes_to_keep_is_left_out() -> None:
    before = list(gc.callbacks)
    try:
        collector.leave_out_what_is_there()
        laid_out = gc.get_freeze_count()
        first_used = [[number] for number in range(1_000)]
        gc.collect()
        assert gc.get_freeze_count() >= laid_out + len(first_used)
        for _ in range(collector.WARMING_LOOKS):
            gc.collect()
        assert gc.callbacks == before, "what makes cycles later has to be found"
    finally:
        gc.callbacks[:] = before
        gc.unfreeze()
