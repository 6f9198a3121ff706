"""Handles can be typed wherever they are shown."""

from callback.domain.handle import new_handle


def test_no_handle_looks_like_an_option() -> None:
    handles = {new_handle() for _ in range(2_000)}
    assert len(handles) == 2_000
    assert not [handle for handle in handles if handle.startswith("-")]
    assert {len(handle) for handle in handles} == {22}
