"""langchain_core.indexing.index(): what it adds, skips and deletes through the wrapper, and that a nudge outlives it."""

import pytest
from engines.chroma import ChromaEngine
from engines.memory import InMemoryEngine
from langchain_core.documents import Document
from langchain_core.indexing import InMemoryRecordManager, aindex, index

from nudge_integrations.langchain import NudgeVectorStore


@pytest.fixture(params=[InMemoryEngine(), ChromaEngine()], ids=lambda engine: type(engine).__name__)
def indexed(request, make, tmp_path):
    """A store filled by index(); its record manager; and the documents."""
    world = make(request.param)
    world.inner = request.param.build(tmp_path / "indexed", world.embedding, "cosine", 8)
    world.store = NudgeVectorStore(world.inner)
    world.records = InMemoryRecordManager("test")
    world.records.create_schema()
    world.documents = [Document(page_content=f"text {i}", metadata={"source": f"file {i % 6}"}) for i in range(60)]
    run(world)
    by_text = {document.page_content: document.id for document in world.store.similarity_search("text 0", k=60)}
    world.ids = [by_text[f"text {i}"] for i in range(60)]
    world.labelled = [(text, [by_text[f"text {name[1:]}"] for name in names]) for text, names in world.pairs()]
    world.before = world.bits()
    return world


def run(world, documents=None, cleanup="full"):
    return index(
        world.documents if documents is None else documents,
        world.records,
        world.store,
        cleanup=cleanup,
        source_id_key="source",
        key_encoder="sha256",
    )


def test_everything_is_added_once(indexed):
    assert len(indexed.bits()) == 60
    done = run(indexed)
    assert done == {"num_added": 0, "num_updated": 0, "num_skipped": 60, "num_deleted": 0}


def test_a_nudge_outlives_an_index_that_changes_nothing(indexed):
    assert indexed.store.nudge(indexed.labelled, progress=False).applied
    state = indexed.bits()
    run(indexed)
    assert indexed.bits() == state
    indexed.store.restore(progress=False)
    assert indexed.bits() == indexed.before


@pytest.mark.parametrize("cleanup", ["full", "incremental"])
def test_what_changed_is_replaced_and_the_rest_stays_moved(indexed, cleanup):
    indexed.store.nudge(indexed.labelled, progress=False)
    state = indexed.bits()
    changed = [Document(page_content=f"text {i} again", metadata={"source": "file 0"}) for i in range(0, 60, 6)]
    others = [document for document in indexed.documents if document.metadata["source"] != "file 0"]
    done = run(indexed, [*changed, *others], cleanup)
    assert (done["num_added"], done["num_skipped"], done["num_deleted"]) == (10, 50, 10)
    held = indexed.bits()
    assert len(held) == 60
    assert sum(held.get(name) == bits for name, bits in state.items()) == 50
    outcome = indexed.store.restore(progress=False)
    assert (outcome.changed, outcome.missing) == ((), ()), "the wrapper heard of what was deleted"
    after = indexed.bits()
    assert all(after[name] == bits for name, bits in indexed.before.items() if name in after)


def test_a_source_that_is_gone_is_deleted_by_full_only(indexed):
    rest = indexed.documents[:30]
    assert run(indexed, rest, "incremental")["num_deleted"] == 0 or len(indexed.bits()) >= 30
    assert len(indexed.store.similarity_search("text 0", k=100)) >= 30
    run(indexed, rest, "full")
    assert len(indexed.bits()) == 30


async def test_in_a_coroutine(indexed):
    indexed.store.nudge(indexed.labelled, progress=False)
    done = await aindex(
        indexed.documents[:59],
        indexed.records,
        indexed.store,
        cleanup="full",
        source_id_key="source",
        key_encoder="sha256",
    )
    assert done["num_deleted"] == 1
    indexed.store.restore(progress=False)
    del indexed.before[indexed.ids[59]]
    assert indexed.bits() == indexed.before
