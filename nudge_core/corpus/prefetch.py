"""Prefetch: while one item is worked on, a thread gets the next one ready."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def prefetched(items: Generator[Item, None, None]) -> Iterator[Item]:
    """The same items in the same order, never more than one ahead. An error comes where its item would have come."""
    done = object()
    with ThreadPoolExecutor(1, "nudge-read") as thread:
        try:
            following = thread.submit(next, items, done)
            while (item := following.result()) is not done:
                following = thread.submit(next, items, done)
                yield item  # type: ignore[misc]
        finally:
            following.cancel()
            thread.submit(items.close).result()
