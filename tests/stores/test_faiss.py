"""LangChain's FAISS: the contract for each kind of index, what deleting and saving do, bad set-ups, and LangChain's own suite."""

import time

import faiss
import numpy as np
import pytest
from engines.base import Lookup
from engines.faiss import FAISS, FaissEngine, FaissHNSWEngine, FaissIDMapEngine, FaissIVFEngine
from engines.known_failures import known_failures
from langchain_tests.integration_tests import VectorStoreIntegrationTests
from langchain_tests.integration_tests.vectorstores import EMBEDDING_SIZE

from nudge_core.errors import InputError, StoreError
from nudge_integrations.stores import adapter_of
from nudge_integrations.stores.faiss import FaissAdapter
from nudge_integrations.testing import StoreContract


class TestContract(FaissEngine, StoreContract):
    pass


class TestContractHNSW(FaissHNSWEngine, StoreContract):
    pass


class TestContractIVF(FaissIVFEngine, StoreContract):
    pass


class TestContractIDMap(FaissIDMapEngine, StoreContract):
    pass


KINDS = pytest.mark.parametrize("engine", [FaissEngine(), FaissHNSWEngine(), FaissIVFEngine(), FaissIDMapEngine()])


def random(count, seed=0):
    """Vectors of several lengths."""
    return np.random.default_rng(seed).normal(size=(count, 8)).astype(np.float32)


def filled(engine, folder, count=50, metric="l2"):
    """A store of `count` documents, its adapter and their ids."""
    names = [f"d{i}" for i in range(count)]
    store = engine.make(
        folder, metric, names, random(count), [f"text {i}" for i in range(count)], [{"page": i} for i in range(count)]
    )
    return store, adapter_of(store), names


class Holder:
    """What has an index by another name, as LlamaIndex's store has."""

    def __init__(self, index, count):
        self._faiss_index, self.count = index, count

    def adapt(self):
        return FaissAdapter(self, lambda: {i: f"d{i}" for i in range(self.count)}, "_faiss_index")


def made(kind, count=300):
    """An index of a kind that FAISS's factory knows."""
    index = faiss.index_factory(8, kind)
    index.train(random(count))
    if kind.startswith("IDMap"):
        index.add_with_ids(random(count), np.arange(count))
    else:
        index.add(random(count))
    return index


class TestWrites:
    @KINDS
    def test_a_write_binds_another_index_like_the_first(self, engine, tmp_path):
        store, adapter, names = filled(engine, tmp_path)
        first, old = store.index, adapter.read(names)
        base = first
        if isinstance(engine, FaissHNSWEngine):
            base.hnsw.efSearch, base.hnsw.efConstruction = 55, 66
        adapter.replace(names, random(50, 1))
        assert store.index is not first
        assert type(store.index) is type(first)
        if isinstance(engine, FaissHNSWEngine):
            assert (store.index.hnsw.efSearch, store.index.hnsw.efConstruction) == (55, 66)
        if isinstance(engine, FaissIVFEngine):
            assert store.index.nprobe == 4
            centres = [faiss.downcast_index(i.quantizer).reconstruct_n(0, 4).tobytes() for i in (first, store.index)]
            assert centres[0] == centres[1]
        assert (
            FaissAdapter(Holder(first, 50), lambda: store.index_to_docstore_id, "_faiss_index").read(names).tobytes()
            == old.tobytes()
        )

    @KINDS
    def test_the_store_itself_finds_what_was_written(self, engine, tmp_path):
        store, adapter, names = filled(engine, tmp_path)
        new = random(50, 1)
        adapter.replace(names, new)
        for row in (0, 7, 49):
            [document] = store.similarity_search_by_vector(new[row].tolist(), k=1)
            assert (document.id, document.page_content, document.metadata) == (names[row], f"text {row}", {"page": row})

    @KINDS
    def test_saved_and_loaded_it_is_the_same(self, engine, tmp_path):
        store, adapter, names = filled(engine, tmp_path)
        originals = adapter.read(names)
        adapter.replace(names[10:20], random(10, 1))
        again = engine.reopen(tmp_path, "l2", store)
        assert engine.payloads(again) == engine.payloads(store)
        loaded = adapter_of(again)
        assert loaded.read(names).tobytes() == adapter.read(names).tobytes()
        loaded.replace(names[10:20], originals[10:20])
        once_more = engine.reopen(tmp_path, "l2", again)
        assert adapter_of(once_more).read(names).tobytes() == originals.tobytes()
        assert engine.payloads(once_more) == engine.payloads(store)

    def test_nothing_is_lost_when_somebody_adds_meanwhile(self, tmp_path, monkeypatch):
        store, adapter, names = filled(FaissEngine(), tmp_path)

        def clone(index, real=faiss.clone_index):
            if "late" not in store.docstore._dict:
                store.add_texts(["late"], ids=["late"])
            return real(index)

        monkeypatch.setattr(faiss, "clone_index", clone)
        adapter.replace(names, random(50, 1))
        assert adapter.read([*names, "late"])[:50].tobytes() == random(50, 1).tobytes()

    def test_nothing_is_written_where_somebody_always_adds(self, tmp_path, monkeypatch):
        store, adapter, names = filled(FaissEngine(), tmp_path)

        real, numbers = faiss.clone_index, iter(range(100))

        def clone(index):
            store.add_texts(["late"], ids=[f"late-{next(numbers)}"])
            return real(index)

        monkeypatch.setattr(faiss, "clone_index", clone)
        with pytest.raises(StoreError, match="has been changed meanwhile; nothing was written to it: try again"):
            adapter.replace(names, random(50, 1))
        assert adapter.read(names).tobytes() == random(50).tobytes()

    @pytest.mark.parametrize("when", ["before it is bound", "as it is bound"])
    def test_who_deletes_and_adds_again_meanwhile_keeps_his_vector(self, tmp_path, monkeypatch, when):
        store, adapter, names = filled(FaissEngine(), tmp_path)
        before, done = dict(zip(names, random(50), strict=True)), []

        def meanwhile(index):
            if not done:
                done.append(index)
                bound, store.index = store.index, index  # whoever asked for the index before it was another one
                store.delete(names[7:8])
                store.add_texts(["another text"], ids=names[7:8])
                store.index = bound

        if when == "before it is bound":
            real = faiss.clone_index
            monkeypatch.setattr(faiss, "clone_index", lambda index: (real(index), meanwhile(index))[0])
        else:
            monkeypatch.setattr(time, "sleep", lambda seconds, old=store.index: seconds and meanwhile(old))
        adapter.replace(before, random(50, 1))
        assert done
        own = np.asarray(store.embeddings.embed_query("another text"), np.float32)
        held = adapter.read(names)
        assert held[7].tobytes() == own.tobytes()
        assert np.delete(held, 7, 0).tobytes() == np.delete(random(50, 1), 7, 0).tobytes()
        assert store.docstore.search(names[7]).page_content == "another text"

    def test_an_index_with_a_direct_map_keeps_it(self):
        index = made("IVF4,Flat")
        index.make_direct_map()
        holder = Holder(index, 300)
        holder.adapt().replace([f"d{i}" for i in range(300)], random(300, 1))
        assert holder._faiss_index.reconstruct_batch(np.arange(300)).tobytes() == random(300, 1).tobytes()

    def test_an_inverted_file_whose_labels_have_gaps(self):
        index = made("IVF4,Flat")
        index.remove_ids(np.arange(0, 300, 3))
        labels = [i for i in range(300) if i % 3]
        holder = Holder(index, 300)
        adapter = FaissAdapter(holder, lambda: {label: f"d{label}" for label in labels}, "_faiss_index")
        names = [f"d{label}" for label in labels]
        assert adapter.read(names).tobytes() == random(300)[labels].tobytes()
        adapter.replace(names[50:], random(150, 1))
        assert adapter.read(names).tobytes() == np.concatenate([random(300)[labels[:50]], random(150, 1)]).tobytes()
        assert adapter.nearest(random(1, 1), 1) == [[names[50]]]


class TestLangChain:
    def test_documents_deleted_and_added(self, tmp_path):
        store, adapter, names = filled(FaissEngine(), tmp_path)
        store.delete(names[10:30])
        store.add_texts(["late"], ids=["late"])
        left = [*names[:10], *names[30:], "late"]
        vectors = adapter.read(left)
        assert vectors[:30].tobytes() == np.delete(random(50), slice(10, 30), 0).tobytes()
        assert adapter.fetch(names[10:30]) == {}
        adapter.replace(names, random(50, 1))
        assert adapter.read(left)[:30].tobytes() == np.delete(random(50, 1), slice(10, 30), 0).tobytes()
        assert sorted(name for page, _ in adapter.walk(7) for name in page) == sorted(left)
        assert sorted(adapter.nearest(random(1), 50, names[:5])[0]) == sorted(left[5:])
        assert list(store.index_to_docstore_id.values()) == left

    def test_stores_merged(self, tmp_path):
        store, adapter, names = filled(FaissEngine(), tmp_path)
        other = FaissEngine().make(tmp_path, "l2", ["x", "y"], random(2, 1), ["x", "y"], [{}, {}])
        store.merge_from(other)
        assert adapter.read([*names, "x", "y"]).tobytes() == np.concatenate([random(50), random(2, 1)]).tobytes()

    @pytest.mark.parametrize(
        ("options", "metric"),
        [
            ({}, "l2"),
            ({"distance_strategy": "MAX_INNER_PRODUCT"}, "dot"),
            ({"distance_strategy": "COSINE"}, "l2"),  # LangChain makes the same index as for EUCLIDEAN_DISTANCE
            ({"normalize_L2": True}, "l2"),
        ],
    )
    def test_the_metric_is_that_of_the_index(self, options, metric):
        store = FAISS.from_texts(["a", "b"], Lookup({"a": [3.0, 4.0], "b": [1.0, 0.0]}, 2), ids=["a", "b"], **options)
        adapter = adapter_of(store)
        assert adapter.metric == metric
        before = adapter.read(["a", "b"])
        new = np.array([[0.1, 0.2], [-0.0, 1e-40]], np.float32)  # nothing normalises what is written
        adapter.replace(["a", "b"], new)
        assert adapter.read(["a", "b"]).tobytes() == new.tobytes()
        adapter.replace(["b", "a"], before[::-1])
        assert adapter.read(["a", "b"]).tobytes() == before.tobytes()

    def test_a_mapping_spoilt_by_adding_an_id_twice(self, tmp_path):
        store, adapter, names = filled(FaissEngine(), tmp_path)
        with pytest.raises(ValueError, match="already exist"):
            store.add_texts(["again"], ids=names[:1])
        for spoilt in (
            lambda: adapter.read(names),
            lambda: adapter_of(store),
            lambda: adapter.replace(names, random(50)),
        ):
            with pytest.raises(
                InputError, match="holds 51 vectors, but its mapping names 50 documents.*Fill a new store"
            ):
                spoilt()

    def test_a_mapping_spoilt_by_deleting_from_an_inverted_file(self, tmp_path):
        store, adapter, names = filled(FaissIVFEngine(), tmp_path)
        store.delete(names[:1])
        with pytest.raises(InputError, match="or others than the index does.*deleting from an index that is not flat"):
            adapter.fetch(names)


class TestSearch:
    @pytest.mark.parametrize(
        ("kind", "approximate"), [("Flat", False), ("IDMap,Flat", False), ("HNSW16", True), ("IVF4,Flat", True)]
    )
    def test_thousands_excluded(self, kind, approximate):
        adapter = Holder(made(kind, 4000), 4000).adapt()
        assert adapter.approximate == approximate
        out = [f"d{i}" for i in range(1, 3000)]
        for found in adapter.nearest(random(4000)[:5], 20, out):
            assert len(found) == len(set(found)) == 20
            assert not set(found) & set(out)

    def test_none_asked_for_and_none_there(self):
        assert Holder(made("Flat"), 300).adapt().nearest(random(2), 0) == [[], []]
        empty = Holder(faiss.IndexFlatL2(8), 0).adapt()
        assert (empty.nearest(random(2), 5), list(empty.walk(5)), empty.fetch(["a"]), empty.count()) == (
            [[], []],
            [],
            {},
            0,
        )


class TestSetUps:
    @pytest.mark.parametrize(
        ("kind", "named"),
        [
            ("PQ4", "IndexPQ;"),
            ("SQ8", "IndexScalarQuantizer;"),
            ("HNSW16,SQ8", "IndexHNSWSQ of IndexScalarQuantizer;"),
            ("IVF4,SQ8", "IndexIVFScalarQuantizer of ArrayInvertedLists by IndexFlat;"),
            ("IDMap,SQ8", "IndexIDMap of IndexScalarQuantizer;"),
            ("IDMap,IVF4,Flat", "IndexIDMap of IndexIVFFlat of"),
            ("PCA4,Flat", "IndexPreTransform;"),
            ("SQ8,RFlat", "IndexRefineFlat;"),
            ("LSH", "IndexLSH;"),
        ],
    )
    def test_kinds_that_do_not_give_every_bit_back(self, kind, named):
        with pytest.raises(InputError, match=f"the FAISS index is an {named}.*Fill such an index with the documents"):
            Holder(faiss.index_factory(8, kind), 0).adapt()

    @pytest.mark.parametrize(
        ("kind", "flag"),
        [
            ("Flat", "IO_FLAG_MMAP_IFC"),
            ("HNSW16", "IO_FLAG_MMAP_IFC"),
            ("IVF4,Flat", "IO_FLAG_MMAP_IFC"),
            ("IVF4,Flat", "IO_FLAG_MMAP"),
        ],
    )
    def test_files_that_are_mapped(self, kind, flag, tmp_path):
        path = str(tmp_path / "index")
        faiss.write_index(made(kind), path)
        with pytest.raises(InputError, match="mapped from a file|OnDiskInvertedLists"):
            Holder(faiss.read_index(path, getattr(faiss, flag)), 300).adapt()

    def test_what_is_no_index(self):
        for index in (None, faiss.IndexBinaryFlat(8)):
            with pytest.raises(InputError, match=f"is an {type(index).__name__}; expected"):
                Holder(index, 0).adapt()

    def test_other_metrics(self):
        with pytest.raises(InputError, match="metric type 2; expected METRIC_L2 or METRIC_INNER_PRODUCT"):
            Holder(faiss.IndexFlat(8, faiss.METRIC_L1), 0).adapt()


TWICE = "FAISS.add_documents raises ValueError for ids that are there"
KNOWN = {
    "test_delete_missing_content": "FAISS.delete raises ValueError for ids that are not there",
    "test_add_documents_with_ids_is_idempotent": TWICE,
    "test_add_documents_by_id_with_mutation": TWICE,
}


class Standard(known_failures(KNOWN)):
    @pytest.fixture
    def vectorstore(self, tmp_path):
        return self.wrapped(FaissEngine().build(tmp_path, self.get_embeddings(), "l2", EMBEDDING_SIZE))

    def wrapped(self, store):
        return store


class TestStandardInner(Standard, VectorStoreIntegrationTests):
    pass


class TestStandardWrapped(Standard, VectorStoreIntegrationTests):
    def wrapped(self, store):
        from nudge_integrations.langchain import NudgeVectorStore

        return NudgeVectorStore(store)
