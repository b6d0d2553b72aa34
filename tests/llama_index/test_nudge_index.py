"""nudge_index on every vector store: figures, retrievers, originals; and what is refused."""

import asyncio

import numpy as np
import pytest
from llama_engines import (
    ChromaEngine,
    FaissEngine,
    FaissMapEngine,
    LanceDBEngine,
    PGHalfvecEngine,
    PGVectorEngine,
    QdrantEngine,
    SimpleEngine,
)
from llama_index.core import SummaryIndex, VectorStoreIndex
from llama_index.core.schema import TextNode
from llama_index.core.storage import StorageContext
from llama_index.core.vector_stores import SimpleVectorStore
from llama_worlds import World, found, nearest

from nudge_core import NudgeM, NudgeN, evaluate, finetune
from nudge_core.errors import InputError, StoreError, UnfinishedRunError, UnknownIdError
from nudge_integrations.llama_index import (
    anudge_index,
    evaluate_index,
    index_history,
    nudge_index,
    recover_index,
    restore_index,
)
from nudge_integrations.stores import register_adapter, registry, simple
from nudge_integrations.stores.registry import adapter_of_index

ENGINES = [SimpleEngine, ChromaEngine, QdrantEngine, FaissEngine, FaissMapEngine, LanceDBEngine, PGVectorEngine]
QUIET = {"progress": False}


def nudge(world, index=None, **options):
    return nudge_index(index or world.index, world.pairs(), world.pairs("validation"), **{**QUIET, **options})


@pytest.mark.parametrize("engine", ENGINES)
def test_figures_retrievers_and_originals(make, engine):
    world = make(engine())
    retriever = world.index.as_retriever(similarity_top_k=5)
    before, payloads = world.vectors(), engine().payloads(world.index)
    assert found(retriever, world.pairs("test")) == nearest(world, before)

    report = nudge(world)
    assert report.applied
    assert report.background == "exact"
    assert not report.unreachable
    after = world.vectors()
    moved = (after != before).any(1)
    assert set(report.tuned.ids) == {name for name, there in zip(world.ids, moved, strict=True) if there}
    now = found(retriever, world.pairs("test"))
    assert now == nearest(world, after)
    assert now != nearest(world, before)
    assert engine().payloads(world.index) == payloads

    tuned = finetune(
        world.X, world.queries("train"), world.queries("validation"), method=NudgeN("angles", "nDCG@10"), progress=False
    )
    exact = evaluate(
        tuned.apply_to(world.X),
        world.queries("test"),
        ["nDCG@10", "R@10"],
        train=world.queries("train"),
        progress=False,
    )
    measured = evaluate_index(world.index, world.pairs("test"), ["nDCG@10", "R@10"], **QUIET)
    assert exact.mean("nDCG@10") != evaluate(world.X, world.queries("test"), ["nDCG@10"], progress=False).mean(
        "nDCG@10"
    )
    for measure in ("nDCG@10", "R@10"):
        np.testing.assert_allclose(measured.values[measure], exact.values[measure], atol=1e-6)

    assert restore_index(world.index, **QUIET).documents == len(report.tuned)
    assert world.vectors().tobytes() == before.tobytes()
    assert found(retriever, world.pairs("test")) == nearest(world, before)
    assert [(run.kind, run.state) for run in index_history(world.index)] == [("nudge", "done"), ("restore", "done")]


@pytest.mark.parametrize("engine", [SimpleEngine, FaissEngine, FaissMapEngine])
def test_persisted_loaded_and_restored(make, engine):
    world = make(engine())
    before = world.vectors()
    assert nudge(world).applied
    after = world.vectors()
    loaded = engine().reopen(world.folder, world.engine.metrics[0], world.index)
    assert loaded.vector_store is not world.index.vector_store
    assert world.vectors(loaded).tobytes() == after.tobytes()
    retriever = loaded.as_retriever(similarity_top_k=5)
    assert found(retriever, world.pairs("test")) == nearest(world, after)
    assert [run.kind for run in index_history(loaded)] == ["nudge"]
    restore_index(loaded, **QUIET)
    assert world.vectors(loaded).tobytes() == before.tobytes()
    assert found(retriever, world.pairs("test")) == nearest(world, before)
    assert world.vectors().tobytes() == after.tobytes()  # the one in memory is another store


@pytest.mark.parametrize("engine", [ChromaEngine, QdrantEngine, LanceDBEngine, PGVectorEngine, PGHalfvecEngine])
def test_opened_anew_and_restored(make, engine):
    world = make(engine())
    before = world.vectors()
    report = nudge(world)
    assert report.applied
    again = world.engine.reopen(world.folder, world.engine.metrics[0], world.index)
    assert [run.kind for run in index_history(again)] == ["nudge"]
    restore_index(again, **QUIET)
    rows = [
        world.ids.index(name) for name in report.tuned.ids
    ]  # of others Qdrant's local mode loses last bits when it is opened
    assert world.vectors(again)[rows].tobytes() == before[rows].tobytes()
    if engine is not QdrantEngine:
        assert world.vectors(again).tobytes() == before.tobytes()


def test_without_validation_questions_there_are_folds(world):
    report = nudge_index(world.index, world.pairs(), folds=4, measure="R@5", **QUIET)
    assert report.trial.folds == 4
    assert next(iter(report.before.values)) == "R@5"


def test_twice_is_once(world):
    assert nudge(world).applied
    once = world.vectors()
    assert nudge(world).applied
    assert world.vectors().tobytes() == once.tobytes()


async def test_the_asynchronous_call(world):
    before = world.vectors()
    report, *_ = await asyncio.gather(
        anudge_index(world.index, world.pairs(), world.pairs("validation"), **QUIET), asyncio.sleep(0)
    )
    assert report.applied
    assert (world.vectors() != before).any()


def test_the_search_of_the_store_stands_for_the_rest(make):
    world = make(ChromaEngine(), seed=2, docs=150)
    report = nudge(world, background="search")
    assert report.background == "search"
    assert report.applied
    assert (
        evaluate_index(world.index, world.pairs("test"), ["nDCG@10"], background="search", **QUIET).mean("nDCG@10") > 0
    )


def test_an_index_moves_its_own_nodes_in_a_store_that_it_shares(world):
    """Two indexes on one SimpleVectorStore: each searches its own nodes, and is measured among these."""
    context = StorageContext.from_defaults(vector_store=world.index.vector_store)
    other = VectorStoreIndex([TextNode(id_="other", text="text 0")], storage_context=context, embed_model=world.model)
    assert adapter_of_index(other).count() == 1
    assert adapter_of_index(world.index).count() == len(world.ids)
    assert nudge(world).applied
    assert world.index.vector_store.get("other") == world.X[0].tolist()
    with pytest.raises(UnknownIdError, match="'node 1'"):
        nudge_index(other, [("train0?", ["node 1"]), ("train1?", ["other"])], missing="error", **QUIET)


def test_nodes_deleted_and_inserted_after_a_run(world):
    before = world.vectors()
    report = nudge(world)
    gone, kept = report.tuned.ids[:2]
    world.index.delete_nodes([gone])
    world.index.insert_nodes([TextNode(id_="new", text="text 3")])
    outcome = restore_index(world.index, **QUIET)
    assert outcome.missing == (gone,)
    assert adapter_of_index(world.index).read([kept])[0].tobytes() == before[world.ids.index(kept)].tobytes()
    assert adapter_of_index(world.index).count() == len(world.ids)


@pytest.mark.parametrize("direction", ["forward", "back"])
def test_an_interrupted_run(world, monkeypatch, direction):
    before, replace = world.vectors(), simple.SimpleAdapter.replace

    def fail(self, ids, vectors):
        raise OSError("gone")

    monkeypatch.setattr(simple.SimpleAdapter, "replace", fail)
    with pytest.raises(StoreError):
        nudge(world)
    monkeypatch.setattr(simple.SimpleAdapter, "replace", replace)
    with pytest.raises(UnfinishedRunError):
        nudge(world)
    outcome = recover_index(world.index, direction, **QUIET)
    assert (outcome.run.state, outcome.documents > 0) == ("done" if direction == "forward" else "undone", True)
    assert (world.vectors().tobytes() == before.tobytes()) == (direction == "back")
    assert nudge(world, recover="back").applied


def test_the_journal_is_where_it_is_told(world, tmp_path):
    place = tmp_path / "elsewhere.sqlite"
    assert nudge(world, journal=place).journal == str(place)
    assert [run.kind for run in index_history(world.index, journal=place)] == ["nudge"]
    before = world.X.astype(np.float64)
    restore_index(world.index, journal=place, **QUIET)
    assert world.vectors().tobytes() == before.tobytes()


def test_an_adapter_of_somebody_else(world, monkeypatch):
    class Own(SimpleVectorStore):
        pass

    monkeypatch.setattr(registry, "_registered", {})
    register_adapter(Own, simple.SimpleAdapter)
    world.index._vector_store = Own(world.index.vector_store.data)
    assert nudge(world).applied
    assert type(adapter_of_index(world.index)) is simple.SimpleAdapter


class TestRefused:
    def test_other_indexes_and_stores(self, world):
        with pytest.raises(
            InputError, match=r"index is a SummaryIndex; expected a VectorStoreIndex.*from_vector_store"
        ):
            nudge_index(SummaryIndex([]), world.pairs())
        with pytest.raises(InputError, match=r"index is a SimpleVectorStore; expected a VectorStoreIndex"):
            restore_index(world.index.vector_store)

    def test_a_store_without_an_adapter(self, world):
        class Strange:
            stores_text = True

        world.index._vector_store = Strange()
        with pytest.raises(
            InputError,
            match=r"no adapter is known for .*Strange; there are some for ChromaVectorStore, .*register_adapter",
        ):
            nudge(world)

    def test_an_empty_index(self, world):
        with pytest.raises(InputError, match="holds no nodes of this index: insert some first"):
            nudge_index(VectorStoreIndex([], embed_model=world.model), world.pairs())

    def test_nudge_m_on_cosine(self, world):
        with pytest.raises(InputError, match=r"SimpleVectorStore collection ranks by cosine: use NudgeN\(\)"):
            nudge(world, method=NudgeM())

    def test_nodes_that_are_not_there(self, world):
        before = world.vectors()
        with pytest.raises(UnknownIdError, match="'document 1'"):
            nudge_index(world.index, [*world.pairs(), ("train0?", ["document 1"])], missing="error", **QUIET)
        assert world.vectors().tobytes() == before.tobytes()

    def test_mixed_dimensions(self, world):
        world.index.vector_store.data.embedding_dict["node 7"] = [1.0]
        with pytest.raises(InputError, match=r"of 8 and of 1 dimensions, as of 'node 7'"):
            nudge(world)

    def test_a_loaded_store_without_its_nodes(self, tmp_path, world):
        assert isinstance(world.index.vector_store, SimpleVectorStore)
        assert adapter_of_index(world.index).fetch(["nobody"]) == {}


def test_worlds_do_not_share_journals(sample, tmp_path):
    """Of collections in memory, each finds the journal that knows its vectors."""
    worlds = [World(sample(seed), SimpleEngine(), tmp_path / str(seed)) for seed in (0, 1)]
    reports = [nudge(world) for world in worlds]
    assert reports[0].journal != reports[1].journal
    for world in worlds:
        restore_index(world.index, **QUIET)
        assert world.vectors().tobytes() == world.X.astype(np.float64).tobytes()
