"""Time zones for the tests: real ones that have done strange things, and made ones that change the clock at noon."""

import struct
from datetime import UTC, datetime, timedelta
from io import BytesIO
from zoneinfo import ZoneInfo

STRANGE = (
    "Africa/Cairo",  # changes at midnight
    "Africa/Casablanca",  # four changes a year, around Ramadan
    "America/Caracas",  # moved by half an hour, twice
    "America/Havana",
    "America/New_York",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/St_Johns",  # changed at 00:01, so that midnight struck twice
    "Antarctica/Casey",  # moved by three hours, back and forth
    "Antarctica/Troll",  # two hours of daylight saving
    "Asia/Amman",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Pyongyang",
    "Asia/Shanghai",  # daylight saving until 1991
    "Asia/Tehran",
    "Asia/Tokyo",
    "Atlantic/Azores",
    "Australia/Lord_Howe",  # half an hour of daylight saving
    "Europe/Dublin",  # negative daylight saving
    "Europe/Istanbul",
    "Europe/London",
    "Europe/Moscow",
    "Pacific/Apia",  # 2011-12-30 did not happen
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "Pacific/Kwajalein",  # 1993-08-21 did not happen
    "Pacific/Marquesas",
    "UTC",
)


def made_zone(*changes: tuple[datetime, timedelta], before: timedelta = timedelta(0)) -> ZoneInfo:
    """A zone that is UTC + `before`, and from each UTC moment on UTC + the offset beside it."""
    offsets = [before, *(offset for _, offset in changes)]
    header = struct.pack(">4sc15x6l", b"TZif", b"\0", 0, 0, 0, len(changes), len(offsets), 4)
    moments = b"".join(struct.pack(">l", int(at.timestamp())) for at, _ in changes)
    indices = bytes(range(1, len(offsets)))
    types = b"".join(struct.pack(">lBB", int(offset.total_seconds()), 0, 0) for offset in offsets)
    return ZoneInfo.from_file(BytesIO(header + moments + indices + types + b"MAD\0"), key=f"Made/{len(changes)}")


NOON_GAP = made_zone((datetime(2026, 3, 11, 10, tzinfo=UTC), timedelta(hours=1)))
"""On 2026-03-11 the clock jumps from 10:00 to 11:00."""
NOON_FOLD = made_zone((datetime(2026, 3, 11, 12, tzinfo=UTC), timedelta(hours=-1)))
"""On 2026-03-11 the clock goes back from 12:00 to 11:00."""
