"""The zone that a test's clock on the wall is in."""

import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from zoneinfo import ZoneInfo


@contextmanager
def living_in(zone: str) -> Generator[ZoneInfo]:
    """The machine's clock on the wall is that of ``zone``."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = zone
    time.tzset()
    try:
        yield ZoneInfo(zone)
    finally:
        os.environ.pop("TZ")
        os.environ.update({"TZ": before} if before else {})
        time.tzset()
