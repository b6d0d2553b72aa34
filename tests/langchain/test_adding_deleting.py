"""Documents come, go and change between nudges, through the wrapper and past it: none is ever given a vector that is not its own."""

import pytest
from engines.chroma import ChromaEngine
from engines.faiss import FaissEngine
from engines.memory import InMemoryEngine
from langchain_core.documents import Document

STORES = [InMemoryEngine(), FaissEngine(), ChromaEngine()]


@pytest.fixture(params=STORES, ids=lambda engine: type(engine).__name__)
def nudged(request, make):
    """A store that was nudged; `before` is what it held."""
    world = make(request.param, request.param.metrics[0])
    world.before = world.bits()
    report = world.store.nudge(world.pairs(), world.pairs("validation"), progress=False)
    world.moved = report.tuned.ids.tolist()
    return world


@pytest.fixture(params=["through the wrapper", "past it"])
def door(request, nudged):
    """The wrapper, or the store inside."""
    return nudged.store if request.param == "through the wrapper" else nudged.inner


def text(name):
    return f"text {name[1:]}"


def replace(door, name, content):
    """FAISS refuses an id that is there."""
    door.delete([name])
    door.add_texts([content], [{"page": int(name[1:])}], ids=[name])


def test_one_is_deleted(nudged, door):
    gone = nudged.moved[0]
    door.delete([gone])
    outcome = nudged.store.restore(progress=False)
    assert outcome.changed == ()
    assert outcome.missing == (() if door is nudged.store else (gone,)), "past the wrapper it is noticed, and told"
    del nudged.before[gone]
    assert nudged.bits() == nudged.before


def test_one_is_deleted_and_comes_back_as_it_was(nudged, door):
    replace(door, nudged.moved[0], text(nudged.moved[0]))
    outcome = nudged.store.restore(progress=False)
    assert (outcome.changed, outcome.missing, outcome.documents) == ((), (), len(nudged.moved) - 1)
    assert nudged.bits() == nudged.before


def test_one_is_written_anew(nudged, door):
    """Its new vector is its original from now on."""
    name = nudged.moved[0]
    replace(door, name, "another text altogether")
    new = nudged.bits()[name]
    assert new != nudged.before[name]
    outcome = nudged.store.restore(progress=False)
    assert outcome.changed == (() if door is nudged.store else (name,)), "past the wrapper it is noticed, and told"
    assert nudged.bits() == nudged.before | {name: new}
    nudged.store.nudge(nudged.pairs(), nudged.pairs("validation"), progress=False)
    outcome = nudged.store.restore(progress=False)
    assert outcome.changed == ()
    assert nudged.bits() == nudged.before | {name: new}


def test_one_is_written_anew_and_a_run_is_had_again(nudged, door):
    name = nudged.moved[0]
    state = nudged.bits()
    replace(door, name, "another text altogether")
    new = nudged.bits()[name]
    nudged.store.restore(run=1, progress=False)
    assert nudged.bits() == state | {name: new}


def test_some_are_added(nudged, door, make):
    """The next nudge is that of a store which always held them."""
    door.add_texts(["brand new", "newer"], [{"page": 60}, {"page": 61}], ids=["d60", "d61"])
    pairs = [*nudged.pairs(), ("brand new", ["d60", "d61"])]
    nudged.store.nudge(pairs, nudged.pairs("validation"), progress=False)
    state = nudged.bits()
    nudged.store.restore(progress=False)
    nudged.before |= {name: nudged.bits()[name] for name in ("d60", "d61")}
    assert nudged.bits() == nudged.before
    nudged.store.nudge(pairs, nudged.pairs("validation"), progress=False)
    assert nudged.bits() == state


def test_all_are_deleted_and_added_again(nudged, door):
    door.delete(list(nudged.ids))
    if nudged.inner.__class__.__name__ != "FAISS":
        assert nudged.store.similarity_search("train0?", k=3) == []
    door.add_texts([text(name) for name in nudged.ids], [{"page": i} for i in range(60)], ids=list(nudged.ids))
    assert nudged.bits() == nudged.before
    nudged.store.restore(progress=False)
    assert nudged.bits() == nudged.before
    nudged.store.nudge(nudged.pairs(), nudged.pairs("validation"), progress=False)
    nudged.store.restore(progress=False)
    assert nudged.bits() == nudged.before


def test_a_labelled_document_that_is_gone_is_named(nudged, door):
    door.delete([nudged.moved[0]])
    state = nudged.bits()
    with pytest.raises(KeyError, match=repr(nudged.moved[0])):
        nudged.store.nudge(nudged.pairs(), missing="error", progress=False)
    assert nudged.bits() == state
    report = nudged.store.nudge(nudged.pairs(), progress=False)
    assert report.missing == (nudged.moved[0],)
    assert f"Labels of 1 document that is not in the store were left out: {nudged.moved[0]!r}." in repr(report)


async def test_in_coroutines(nudged):
    name = nudged.moved[0]
    await nudged.store.adelete([name])
    ids = await nudged.store.aadd_documents([Document(page_content="other", metadata={"page": 1}, id=name)], ids=[name])
    assert ids == [name]
    await nudged.store.aadd_texts(["more"], [{"page": 60}], ids=["d60"])
    new = nudged.bits()
    outcome = nudged.store.restore(progress=False)
    assert outcome.changed == ()
    assert nudged.bits() == nudged.before | {name: new[name], "d60": new["d60"]}


def test_an_id_that_is_there_is_written_over(make):
    """In memory and in Chroma adding means replacing."""
    world = make()
    world.store.nudge(world.pairs(), world.pairs("validation"), progress=False)
    moved = world.store.history()[0].documents
    name = next(name for name, answers in ((answers[0], answers) for _, answers in world.pairs()))
    world.store.add_documents([Document(page_content="other", id=name)])
    new = world.bits()[name]
    outcome = world.store.restore(progress=False)
    assert (outcome.changed, outcome.documents) == ((), moved - 1)
    assert world.bits()[name] == new


def test_ids_drawn_by_the_store(world):
    (name,) = world.store.add_texts(["without an id"])
    assert world.store.get_by_ids([name])[0].page_content == "without an id"
    report = world.store.nudge([*world.pairs(), ("train0?", [name])], world.pairs("validation"), progress=False)
    assert report.tuned.docs == 61
