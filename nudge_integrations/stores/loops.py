"""The event loop of whoever awaits a job: stores whose connections live in it are reached through it, from the job's own thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
_caller: ContextVar[asyncio.AbstractEventLoop | None] = ContextVar("nudge_caller", default=None)


async def in_thread(call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """What a call returns that runs in a thread of its own, which knows this event loop and goes on to the end when the task is cancelled."""
    token = _caller.set(asyncio.get_running_loop())
    try:
        return await asyncio.to_thread(call, *args, **kwargs)
    finally:
        _caller.reset(token)


def caller() -> asyncio.AbstractEventLoop | None:
    """The loop that waits for this thread; None where none does."""
    loop = _caller.get()
    try:
        return None if asyncio.get_running_loop() is loop else loop  # it cannot wait for itself
    except RuntimeError:
        return loop


def run_in(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, R]) -> R:
    """What a coroutine returns that runs in another thread's loop."""
    return asyncio.run_coroutine_threadsafe(coroutine, loop).result()
