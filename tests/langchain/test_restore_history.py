"""Runs are listed, originals come back to the last bit, and any run can be had again; also after a restart."""

import pytest
from engines.chroma import ChromaEngine
from engines.faiss import FaissEngine
from engines.memory import InMemoryEngine

from nudge_core.apply import Outcome
from nudge_core.errors import InputError, JournalError
from nudge_integrations.langchain import NudgeVectorStore

STORES = [("cosine", InMemoryEngine()), ("dot", FaissEngine()), ("cosine", ChromaEngine())]
stores = pytest.mark.parametrize(
    ("metric", "engine"), STORES, ids=lambda value: value if isinstance(value, str) else type(value).__name__
)


def nudge(world, split):
    return world.store.nudge(world.pairs(split), world.pairs(split), progress=False)


@stores
def test_three_runs_and_back_to_each(make, metric, engine):
    world = make(engine, metric)
    states = [world.bits()]
    for split in ("train", "validation", "test"):
        assert nudge(world, split).applied
        states.append(world.bits())
    assert len({frozenset(state.items()) for state in states}) == 4
    for run in (2, 1, 3, 3):
        world.store.restore(run=run, progress=False)
        assert world.bits() == states[run]
    assert world.store.restore(progress=False).changed == ()
    assert world.bits() == states[0]
    world.store.restore(run=2, progress=False)
    assert world.bits() == states[2], "also from the originals"


@stores
def test_after_a_restart(make, metric, engine):
    """Another object finds the same journal, by the store or by what it holds."""
    world = make(engine, metric)
    before = world.bits()
    nudge(world, "train")
    state = world.bits()
    world.store = NudgeVectorStore(world.inner)
    assert [run.number for run in world.store.history()] == [1]
    nudge(world, "train")
    assert world.bits() == state
    NudgeVectorStore(world.inner).restore(progress=False)
    assert world.bits() == before


def test_a_persistent_store_opened_anew(make, tmp_path):
    engine = ChromaEngine()
    world = make(engine, "cosine")
    before = world.bits()
    nudge(world, "train")
    world.inner = engine.reopen(next(tmp_path.glob("store-*")), "cosine", world.inner)
    store = NudgeVectorStore(world.inner)
    assert store.journal == world.store.journal
    outcome = store.restore(progress=False)
    assert (outcome.changed, outcome.missing) == ((), ())
    assert world.bits() == before


def test_an_index_saved_and_loaded(make, tmp_path):
    engine = FaissEngine()
    world = make(engine, "dot")
    before = world.bits()
    nudge(world, "train")
    world.inner = engine.reopen(tmp_path / "saved", "dot", world.inner)
    NudgeVectorStore(world.inner).restore(progress=False)
    assert world.bits() == before


def test_a_store_in_memory_dumped_and_loaded(world, tmp_path):
    """LangChain writes JSON; the journal is found by the vectors."""
    before = world.bits()
    nudge(world, "train")
    world.inner.dump(str(tmp_path / "store.json"))
    loaded = type(world.inner).load(str(tmp_path / "store.json"), world.embedding)
    store = NudgeVectorStore(loaded)
    assert store.journal == world.store.journal
    store.restore(progress=False)
    world.inner = loaded
    assert world.bits() == before


def test_the_history_tells_what_was_done(world):
    report = nudge(world, "train")
    world.store.restore(progress=False)
    world.store.restore(run=1, progress=False)
    first, second, third = world.store.history()
    assert [run.kind for run in (first, second, third)] == ["nudge", "restore", "restore"]
    assert {run.state for run in (first, second, third)} == {"done"}
    assert first.documents == first.written == len(report.tuned)
    assert first.settings["method"] == "NUDGE-N"
    assert first.settings["gamma"] == report.tuned.gamma
    assert first.settings["measure"] == "nDCG@10"
    assert (first.settings["before"], first.settings["after"]) == (report.tuned.before, report.tuned.after)
    assert (first.settings["questions"], first.settings["background"]) == (30, "exact")
    assert (second.settings["to"], third.settings["to"]) == (None, 1)


def test_without_a_journal_there_is_nothing_to_restore(world, home):
    with pytest.raises(InputError, match="there is nothing to restore: this InMemory collection has no journal"):
        world.store.restore(progress=False)
    assert world.store.recover("back", progress=False) == Outcome(None, 0)
    assert (world.store.history(), world.store.labels(), world.store.journal) == ([], [], None)
    assert not home.exists()


@pytest.mark.parametrize("run", [0, 2, -1, "1"])
def test_a_run_that_there_is_not(world, run):
    nudge(world, "train")
    state = world.bits()
    with pytest.raises(InputError, match=rf"run is {run!r}; expected the number of a run that was done: 1; history"):
        world.store.restore(run=run)
    assert world.bits() == state


def test_a_chosen_journal_is_found_by_its_name(make, tmp_path):
    """Without it too: test_chosen_journals.py."""
    world = make()
    world.store = NudgeVectorStore(world.inner, journal=tmp_path / "mine" / "j.sqlite")
    before = world.bits()
    nudge(world, "train")
    again = NudgeVectorStore(world.inner, journal=str(tmp_path / "mine" / "j.sqlite"))
    assert len(again.history()) == 1
    again.restore(progress=False)
    assert world.bits() == before


def test_the_journal_of_another_collection_is_refused(make, tmp_path):
    first, second = make(ChromaEngine()), make(ChromaEngine())
    path = tmp_path / "j.sqlite"
    NudgeVectorStore(first.inner, journal=path).nudge(first.pairs(), progress=False)
    with pytest.raises(JournalError, match=r"is the journal of collection .*choose another place|Choose another place"):
        NudgeVectorStore(second.inner, journal=path)


def test_a_store_filled_anew_by_a_model_of_another_dimension(make, home):
    """It has nothing to do with the journal of before, which stays where it is."""
    world = make()
    nudge(world, "train")
    other = make(seed=5, dim=5)
    store = NudgeVectorStore(other.inner)
    assert store.history() == []
    store.nudge(other.pairs(), other.pairs(), progress=False)
    assert len(list((home / "journals").glob("*.sqlite"))) == 2
    assert len(world.store.history()) == 1


async def test_in_coroutines(world):
    before = world.bits()
    report = await world.store.anudge(world.pairs(), world.pairs("validation"), folds=3, progress=False)
    assert report.applied
    state = world.bits()
    await world.store.arestore(progress=False)
    assert world.bits() == before
    await world.store.arestore(run=1, progress=False)
    assert world.bits() == state
    assert (await world.store.arecover("forward", progress=False)).run is None
