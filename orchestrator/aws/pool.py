"""Threads for calls that are under way at once, of which none outlives the reason for it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """A pool; calls that have not begun at the end of the block, however it ends, are not made."""
    pool = ThreadPoolExecutor(count)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
