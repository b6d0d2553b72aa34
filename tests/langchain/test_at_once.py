"""Several at once: one nudges, the others search or are told to wait."""

import os
import subprocess
import sys
import threading

import pytest
from engines.chroma import ChromaEngine

from nudge_core.apply import Journal
from nudge_core.errors import LockedError
from nudge_integrations.langchain import NudgeVectorStore
from nudge_integrations.stores import adapter_of


class Gate:
    """Holds a nudge where it embeds its questions, until it is opened."""

    def __init__(self, world):
        self.reached, self.opened = threading.Event(), threading.Event()
        embed = world.embedding.embed_documents

        def wait(texts):
            if len(texts) > 1:
                self.reached.set()
                assert self.opened.wait(60)
            return embed(texts)

        world.embedding.embed_documents = wait


@pytest.fixture
def busy(world):
    """A store that another thread is nudging."""
    gate, reports = Gate(world), []
    nudge = lambda: reports.append(world.store.nudge(world.pairs(), world.pairs("validation"), progress=False))  # noqa: E731
    thread = threading.Thread(target=nudge)
    thread.start()
    assert gate.reached.wait(60)

    def finish():
        gate.opened.set()
        thread.join()
        return reports[0]

    yield world, finish
    finish()


@pytest.mark.parametrize("same", [True, False], ids=["the same object", "another object"])
def test_a_second_thread_is_told_to_wait(busy, same):
    world, finish = busy
    store = world.store if same else NudgeVectorStore(world.inner, journal=world.store.journal)
    before = world.bits()
    for begin in (
        lambda: store.nudge(world.queries(), progress=False),
        lambda: store.restore(progress=False),
        lambda: store.recover("forward", progress=False),
    ):
        with pytest.raises(LockedError, match=rf"process {os.getpid()} .* does 'nudge'.*wait until it has ended"):
            begin()
    assert world.bits() == before
    assert finish().applied
    assert [run.state for run in store.history()] == ["done"]
    store.restore(progress=False)
    assert world.bits() == before


def test_everything_else_goes_on_meanwhile(busy):
    world, finish = busy
    assert len(world.store.similarity_search("train0?", k=3)) == 3
    world.store.add_texts(["a new text"], ids=["new"])
    world.store.add_feedback("why?", relevant=["new"])
    assert len(world.store.labels()) == 1
    assert world.store.history() == []
    assert len(world.store.evaluate(world.queries("test"), progress=False)) == 30
    assert finish().applied
    assert "new" in world.bits()


def test_searches_during_a_write_see_all_or_nothing(world):
    """In memory a write binds a new dictionary."""
    before, states, stop = world.bits(), set(), threading.Event()

    def watch():
        while not stop.wait(0.0005):  # a thread that never rests keeps the other from its work
            rows = world.inner.store
            states.add(tuple(tuple(rows[name]["vector"]) for name in world.ids))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        for _ in range(5):
            world.store.nudge(world.pairs(), world.pairs("validation"), progress=False)
            world.store.restore(progress=False)
    finally:
        stop.set()
        thread.join()
    assert len(states) <= 2
    assert world.bits() == before


def test_many_threads_nudge_at_once(world):
    """Each has its turn or is refused; none sees half of another's work."""
    before, done, refused = world.bits(), [], []
    start = threading.Barrier(6)

    def nudge():
        start.wait(60)
        try:
            done.append(world.store.nudge(world.queries(), world.queries("validation"), progress=False))
        except LockedError as error:
            refused.append(error)

    threads = [threading.Thread(target=nudge) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) + len(refused) == 6
    assert len(done) >= 1
    assert {run.state for run in world.store.history()} == {"done"}
    assert len(world.store.history()) == len(done)
    world.store.restore(progress=False)
    assert world.bits() == before


HOLD = """
import sys, numpy as np
from nudge_core.apply import Journal
path, kind, fingerprint, dim, dtype = sys.argv[1:]
journal = Journal(path, kind=kind, fingerprint=fingerprint, dim=int(dim), dtype=np.dtype(dtype))
with journal.lock("nudge"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_another_process_nudges_the_same_collection(make):
    world = make(ChromaEngine())
    world.store.nudge(world.pairs(), progress=False)
    state, adapter = world.bits(), adapter_of(world.inner)
    about = [str(world.store.journal), adapter.kind, adapter.fingerprint, str(adapter.dim), adapter.dtype.str]
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, *about], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(LockedError, match=rf"process {other.pid} on .*"):
            world.store.nudge(world.pairs(), progress=False)
        with pytest.raises(LockedError, match="so restore cannot begin"):
            world.store.restore(progress=False)
        assert len(NudgeVectorStore(world.inner).similarity_search("train0?", k=3)) == 3
        assert world.bits() == state
        other.kill()
    assert world.store.restore(progress=False).documents > 0


FORK = """
import os, traceback
from langchain_core.embeddings import DeterministicFakeEmbedding
from nudge_core import NudgeN
from nudge_integrations.langchain import NudgeVectorStore
ids = [f"d{i}" for i in range(40)]
store = NudgeVectorStore.from_texts([f"text {i}" for i in range(40)], DeterministicFakeEmbedding(size=8), ids=ids)
pairs = [(f"text {i}", [f"d{(i + 1) % 40}", f"d{i}"]) for i in range(40)]
before = {name: row["vector"] for name, row in store.inner.store.items()}
assert store.nudge(pairs, pairs, method=NudgeN("angles", "R@2"), progress=False).applied
child = os.fork()
if child == 0:  # as a server does that loads everything and then starts its workers
    try:
        store.add_texts(["text 3"], ids=["d3"])
        assert len(store.history()) == 1
        assert store.restore(progress=False).changed == ()
        assert {name: row["vector"] for name, row in store.inner.store.items()} == before
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
assert os.waitpid(child, 0)[1] == 0, "the child failed"
assert [run.kind for run in store.history()] == ["nudge", "restore"]
store.restore(progress=False)
assert {name: row["vector"] for name, row in store.inner.store.items()} == before
"""


def test_a_server_that_forks_its_workers():
    done = subprocess.run([sys.executable, "-c", FORK], check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_the_lock_is_that_of_the_journal(world):
    """Whoever holds it, also from outside this package."""
    world.store.nudge(world.pairs(), progress=False)
    journal = Journal(
        world.store.journal, kind="InMemory", fingerprint="in memory", dim=8, dtype=adapter_of(world.inner).dtype
    )
    with journal.lock("something else"), pytest.raises(LockedError, match="does 'something else'"):
        world.store.nudge(world.pairs(), progress=False)
