"""A task that awaits a nudge or a restore is cancelled: the work goes on to its end in its thread, and then the lock is free."""

import asyncio
import threading
import time

import pytest
from engines.chroma import ChromaEngine
from engines.memory import InMemoryEngine

from nudge_core.errors import LockedError
from nudge_integrations.stores import adapter_of


@pytest.fixture(params=[InMemoryEngine(), ChromaEngine()], ids=lambda engine: type(engine).__name__)
def world(request, make):
    return make(request.param, request.param.metrics[0])


def cancelled(world, monkeypatch, start):
    """Cancel a task while it writes; what another call says then."""
    kind = type(adapter_of(world.inner))
    real, writes, go_on, said = kind.replace, threading.Event(), threading.Event(), []

    def replace(self, *args):
        writes.set()
        assert go_on.wait(30)
        return real(self, *args)

    monkeypatch.setattr(kind, "replace", replace)

    async def cancel():
        task = asyncio.create_task(start())
        while not writes.is_set():
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(LockedError) as caught:
            await world.store.arestore(progress=False)
        said.append(str(caught.value))
        go_on.set()
        while world.store.history()[-1].state == "writing":
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(cancel(), 60))
    monkeypatch.undo()
    return said


def test_a_cancelled_nudge_ends_and_can_be_taken_back(world, monkeypatch):
    before = world.bits()
    pairs = world.pairs(), world.pairs("validation")
    [said] = cancelled(world, monkeypatch, lambda: world.store.anudge(*pairs, progress=False))
    assert "does 'nudge'" in said
    assert world.store.history()[-1].state == "done"
    assert world.bits() != before
    world.store.restore(progress=False)
    assert world.bits() == before


def test_a_cancelled_restore_ends(world, monkeypatch):
    before = world.bits()
    world.store.nudge(world.pairs(), world.pairs("validation"), progress=False)
    cancelled(world, monkeypatch, lambda: world.store.arestore(progress=False))
    assert [run.state for run in world.store.history()] == ["done", "done"]
    deadline = time.monotonic() + 30
    while True:
        try:
            world.store.nudge(world.pairs(), world.pairs("validation"), progress=False)
            break
        except LockedError:  # for the moment between the end of the run and that of its thread
            assert time.monotonic() < deadline
    world.store.restore(progress=False)
    assert world.bits() == before
