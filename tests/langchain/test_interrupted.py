"""A nudge that is interrupted: said at once, refused until it is recovered, recovered by call or by constructor."""

import logging

import pytest
from engines.chroma import ChromaEngine
from engines.faiss import FaissEngine
from engines.memory import InMemoryEngine

from nudge_core.errors import InputError, StoreError, UnfinishedRunError
from nudge_integrations.langchain import NudgeVectorStore
from nudge_integrations.stores import adapter_of

STORES = [("cosine", InMemoryEngine()), ("l2", FaissEngine()), ("cosine", ChromaEngine())]


@pytest.fixture(params=STORES, ids=lambda pair: type(pair[1]).__name__)
def half(request, make, monkeypatch):
    """A nudge of which some batches were written and the rest was not; and the store before."""
    metric, engine = request.param
    world = make(engine, metric)
    world.before = world.bits()
    kind, calls = type(adapter_of(world.inner)), []
    replace = kind.replace

    def fail(self, ids, vectors):
        calls.append(ids)
        if len(calls) > 2:
            raise ConnectionError("the store went away")
        replace(self, ids, vectors)

    with monkeypatch.context() as patch:
        patch.setattr(kind, "replace", fail)
        patch.setattr(kind, "batch", 7, raising=False)
        patch.setattr(kind, "__init__", with_batch(kind.__init__))
        with pytest.raises(StoreError, match=r"ConnectionError: the store went away.*recover\(\"finish\"\)"):
            world.store.nudge(world.pairs(), world.pairs("validation"), progress=False)
    assert len(calls) == 3
    assert world.bits() != world.before
    return world


def with_batch(init):
    def made(self, *args, **options):
        init(self, *args, **options)
        self.batch = 7

    return made


def whole(world, make):
    """What the nudge would have given."""
    metric, engine = next(
        pair for pair in STORES if type(adapter_of(world.inner)).kind.lower()[:4] in type(pair[1]).__name__.lower()
    )
    done = make(engine, metric)
    done.store = NudgeVectorStore(done.inner, journal=world.store.journal.with_name("another.sqlite"))
    done.store.nudge(done.pairs(), done.pairs("validation"), progress=False)
    return done.bits()


def test_nothing_but_recovering_begins(half):
    state = half.bits()
    for begin in (
        lambda: half.store.nudge(half.pairs(), progress=False),
        lambda: half.store.restore(progress=False),
        lambda: half.store.restore(run=1, progress=False),
        lambda: NudgeVectorStore(half.inner).nudge(half.pairs(), progress=False),
    ):
        with pytest.raises(
            UnfinishedRunError, match=r"run 1 \(nudge, .*interrupted after 14 of \d+ documents.*recover"
        ):
            begin()
    assert half.bits() == state


def test_everything_else_goes_on(half):
    """Searching, adding, measuring, feedback."""
    assert len(half.store.similarity_search("train0?", k=3)) == 3
    half.store.add_texts(["new"], ids=["new"])
    half.store.add_feedback("why?", relevant=["new"])
    evaluation = half.store.evaluate(half.pairs("test"), progress=False)
    assert evaluation.seen.any(), "fourteen documents stand moved"
    (run,) = half.store.history()
    assert (run.state, run.written, run.finished) == ("writing", 14, None)
    half.store.delete(["new"])
    half.store.recover("back", progress=False)
    assert half.bits() == half.before


@pytest.mark.parametrize("how", ["call", "constructor", "coroutine"])
@pytest.mark.parametrize("direction", ["forward", "back"])
async def test_it_is_recovered(half, make, direction, how):
    store = NudgeVectorStore(half.inner, recover=direction if how == "constructor" else None)
    if how == "call":
        assert store.recover(direction, progress=False).documents > 14
    if how == "coroutine":
        await store.arecover(direction, progress=False)
    assert half.bits() == (whole(half, make) if direction == "forward" else half.before)
    assert [run.state for run in store.history()] == ["done" if direction == "forward" else "undone"]
    half.store.restore(progress=False)
    assert half.bits() == half.before
    assert half.store.nudge(half.pairs(), half.pairs("validation"), progress=False).applied


def test_wrapping_says_so(half, caplog):
    with caplog.at_level(logging.WARNING):
        NudgeVectorStore(half.inner)
    assert [(record.name, record.levelname) for record in caplog.records] == [
        ("nudge_integrations.collection.runs", "WARNING")
    ]
    assert 'was interrupted: call recover("finish") or recover("rollback")' in caplog.text


@pytest.mark.parametrize("direction", [None, "forward", "back"])
def test_a_run_that_is_under_way_elsewhere_is_no_interrupted_one(half, direction, caplog):
    """Several workers start with recover=… while one of them is at it already."""
    state, busy = half.bits(), half.store._collection._opened().again()
    with busy.lock("nudge"), caplog.at_level(logging.WARNING):
        store = NudgeVectorStore(half.inner, recover=direction)
        assert len(store.similarity_search("train0?", k=2)) == 2
    assert caplog.records == []
    assert half.bits() == state
    NudgeVectorStore(half.inner, recover="back")
    assert half.bits() == half.before


def test_recovering_at_every_start_is_safe(world):
    """A service may always be started with it."""
    before = world.bits()
    for direction in ("forward", "back"):
        store = NudgeVectorStore(world.inner, recover=direction)
        assert store.history() == []
    world.store.nudge(world.pairs(), progress=False)
    state = world.bits()
    for direction in ("forward", "back"):
        NudgeVectorStore(world.inner, recover=direction)
        assert world.bits() == state
    world.store.restore()
    assert world.bits() == before


@pytest.mark.parametrize("direction", ["backward", "", True, "BACK"])
def test_another_direction(world, direction):
    with pytest.raises(
        InputError, match=r'expected "finish" to finish an interrupted run, "rollback" to undo it, or None'
    ):
        NudgeVectorStore(world.inner, recover=direction)
    world.store.nudge(world.pairs(), progress=False)
    with pytest.raises(InputError, match=r'expected "finish" to finish the run or "rollback" to undo it'):
        world.store.recover(direction)


def test_a_key_that_interrupts_says_what_to_do(world, monkeypatch, caplog):
    def stop(self, ids, vectors):
        raise KeyboardInterrupt

    monkeypatch.setattr(type(adapter_of(world.inner)), "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        world.store.nudge(world.pairs(), world.pairs("validation"), progress=False)
    assert 'run 1 was interrupted; recover("finish") finishes it, recover("rollback") undoes it' in caplog.text
