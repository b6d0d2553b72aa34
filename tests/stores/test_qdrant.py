"""LangChain's QdrantVectorStore: the contract, bad set-ups, what local mode does to bits, and LangChain's own suite."""

import os
import uuid

import numpy as np
import pytest
from engines.known_failures import known_failures
from engines.qdrant import QdrantEngine, QdrantFolderEngine, hurry
from langchain_qdrant import QdrantVectorStore, RetrievalMode
from langchain_tests.integration_tests import VectorStoreIntegrationTests
from qdrant_client import QdrantClient, models

from nudge_core.errors import InputError
from nudge_integrations.stores import adapter_of
from nudge_integrations.stores._qdrant_local import place, steady
from nudge_integrations.stores.qdrant import QdrantAdapter, _refuse
from nudge_integrations.testing import StoreContract, same_bits


class TestContract(QdrantEngine, StoreContract):
    pass


class TestContractFolder(QdrantFolderEngine, StoreContract):
    pass


def collection(vectors=None, client=None, **options) -> QdrantClient:
    """A client with the collection "docs"."""
    client = client or QdrantClient(":memory:")
    client.create_collection(
        "docs", models.VectorParams(size=8, distance="Dot") if vectors is None else vectors, **options
    )
    return client


def params(distance="Dot", **options) -> models.VectorParams:
    return models.VectorParams(size=8, distance=distance, **options)


class TestSetUps:
    @pytest.mark.parametrize(
        ("vectors", "message"),
        [
            (params("Manhattan"), "has the distance Manhattan.*with the distance Cosine, Dot, Euclid"),
            (params(datatype="uint8"), "has vectors of uint8.*float32 or float16"),
            (params(multivector_config={"comparator": "max_sim"}), "several vectors for each point"),
            ({"a": params(), "b": params()}, "dense vectors 'a', 'b', and the one asked for is None: give the name"),
            ({}, "dense vectors none"),
        ],
    )
    def test_what_cannot_be_moved_is_refused(self, vectors, message) -> None:
        client = collection(vectors, sparse_vectors_config={"s": models.SparseVectorParams()})
        with pytest.raises(InputError, match=message):
            QdrantAdapter(client, "docs")

    def test_shards_by_key_are_refused(self) -> None:
        held = models.CollectionParams(vectors=params(), sharding_method="custom")  # local mode has no shards
        with pytest.raises(InputError, match="shards by a key.*automatic sharding"):
            _refuse("docs", params(), held)

    def test_a_collection_that_is_not_there(self) -> None:
        with pytest.raises(InputError, match="no Qdrant collection 'other'"):
            QdrantAdapter(collection(), "other")

    def test_a_vector_that_is_not_there(self) -> None:
        with pytest.raises(InputError, match="dense vectors 'a', and the one asked for is 'b'"):
            QdrantAdapter(collection({"a": params()}), "docs", "b")

    def test_sparse_mode_is_refused(self) -> None:
        client = collection({}, sparse_vectors_config={"langchain-sparse": models.SparseVectorParams()})
        store = QdrantVectorStore(
            client,
            "docs",
            retrieval_mode=RetrievalMode.SPARSE,
            validate_embeddings=False,
            validate_collection_config=False,
        )
        with pytest.raises(InputError, match="retrieval mode 'sparse'.*'hybrid'"):
            adapter_of(store)

    def test_one_named_vector_needs_no_choice(self) -> None:
        assert QdrantAdapter(collection({"a": params()}), "docs").dim == 8

    def test_local_mode_holds_float32_whatever_is_asked_for(self) -> None:
        assert QdrantAdapter(collection(params(datatype="float16")), "docs").dtype == np.float32

    def test_a_quantised_collection_keeps_its_vectors(self) -> None:
        config = models.BinaryQuantization(binary=models.BinaryQuantizationConfig())
        assert QdrantAdapter(collection(params(quantization_config=config)), "docs").dtype == np.float32

    def test_an_alias_means_the_collection(self, tmp_path) -> None:
        client = collection(client=QdrantClient(path=str(tmp_path)))
        client.update_collection_aliases(
            [models.CreateAliasOperation(create_alias=models.CreateAlias(collection_name="docs", alias_name="live"))]
        )
        assert QdrantAdapter(client, "live").fingerprint == QdrantAdapter(client, "docs").fingerprint
        client.close()

    def test_requests_to_a_server_stay_below_its_limit(self) -> None:
        assert QdrantAdapter(collection(models.VectorParams(size=384, distance="Dot")), "docs").batch == 1000
        assert QdrantAdapter(collection(models.VectorParams(size=4096, distance="Dot")), "docs").batch == 128

    def test_places_differ_between_servers_and_folders(self, tmp_path) -> None:
        def server(**options):
            return place(QdrantClient(**options, check_compatibility=False))

        assert server(host="a.test", port=6333) == server(url="http://a.test:6333") == "http://a.test:6333"
        assert server(url="http://user:secret@a.test/tenant") == "http://a.test:6333/tenant"
        assert place(QdrantClient(":memory:")) is None
        client = QdrantClient(path=os.path.relpath(tmp_path))
        assert place(client) == str(tmp_path)
        client.close()


class TestIds:
    def test_only_the_spelling_of_the_store_names_a_point(self) -> None:
        client, name = collection(), str(uuid.uuid4())
        client.upsert("docs", [models.PointStruct(id=i, vector=[1.0] * 8) for i in (7, 2**64 - 1, name)])
        adapter = QdrantAdapter(client, "docs")
        there = ["7", str(2**64 - 1), name]
        strange = ["07", "7.0", " 7", "+7", "-7", "٧", str(2**64), name.upper(), name.replace("-", ""), f"{{{name}}}"]
        assert set(adapter.fetch([*there, *strange])) == set(there)
        adapter.replace(strange, np.ones((len(strange), 8), np.float32))
        assert adapter.count() == 3

    def test_points_without_the_vector_are_not_there(self) -> None:
        client = collection({"a": params(), "b": params()})
        client.upsert(
            "docs", [models.PointStruct(id=i, vector={"ab"[i % 2]: [1.0] * 8}, payload={"i": i}) for i in range(9)]
        )
        adapter = QdrantAdapter(client, "docs", "b")
        assert adapter.count() == 4
        assert [ids for ids, _ in adapter.walk(2)] == [["1"], ["3"], ["5"], ["7"]]
        adapter.replace([str(i) for i in range(9)], np.eye(9, 8, dtype=np.float32))
        assert adapter.count() == 4
        assert set(adapter.fetch([str(i) for i in range(9)])) == {"1", "3", "5", "7"}
        assert all(
            set(r.vector) == {"ab"[r.id % 2]} and r.payload == {"i": r.id}
            for r in client.scroll("docs", with_vectors=True)[0]
        )

    def test_sparse_vectors_stay(self) -> None:
        sparse = models.SparseVector(indices=[1, 5], values=[0.5, 0.25])
        client = collection(sparse_vectors_config={"s": models.SparseVectorParams()})
        client.upsert("docs", [models.PointStruct(id=1, vector={"": [1.0] * 8, "s": sparse})])
        QdrantAdapter(client, "docs").replace(["1"], np.full((1, 8), 2, np.float32))
        assert client.retrieve("docs", [1], with_vectors=True)[0].vector == {"": [2.0] * 8, "s": sparse}


class TestLocalMode:
    """Of a cosine collection: searches divide the vectors that they search, in place, and opening reads them as they were given."""

    def filled(self, client, count=500, dim=384):
        client.create_collection("docs", models.VectorParams(size=dim, distance="Cosine"))
        if client.init_options["path"]:
            hurry(client)
        rng = np.random.default_rng(0)
        client.upload_collection("docs", rng.normal(size=(count, dim)), ids=range(count))
        new = rng.normal(size=(count, dim))
        return [str(i) for i in range(count)], (new / np.linalg.norm(new, axis=1, keepdims=True)).astype(np.float32)

    def search(self, client, queries):
        client.query_batch_points("docs", [models.QueryRequest(query=query, limit=3) for query in queries[:5].tolist()])

    def held(self, client):
        found, _ = client.scroll("docs", limit=10_000, with_vectors=True)
        return np.asarray([point.vector for point in found], np.float32)

    def test_searches_change_what_local_mode_holds(self) -> None:
        client = QdrantClient(":memory:")
        _, new = self.filled(client)
        before = self.held(client)
        self.search(client, new)
        assert not same_bits(self.held(client), before), "no longer so: the adapter need not look for steady vectors"

    def test_they_do_not_change_what_is_read(self) -> None:
        client = QdrantClient(":memory:")
        ids, new = self.filled(client)
        adapter = QdrantAdapter(client, "docs")
        before = adapter.read(ids)
        np.testing.assert_allclose(before, self.held(client), atol=1e-7)
        for _ in range(3):
            self.search(client, new)
            assert same_bits(adapter.read(ids), before)

    def test_neither_searches_nor_opening_change_what_was_written(self, tmp_path) -> None:
        client = QdrantClient(path=str(tmp_path))
        ids, new = self.filled(client, 200)
        adapter = QdrantAdapter(client, "docs")
        originals = adapter.read(ids)
        adapter.replace(ids[:150], new[:150])
        written = adapter.read(ids[:150])
        np.testing.assert_allclose(written, new[:150], atol=1e-7)
        for wanted in (written, originals[:150]):
            adapter.replace(ids[:150], wanted)
            for _ in range(2):
                self.search(client, new)
                assert same_bits(adapter.read(ids[:150]), wanted)
                assert same_bits(self.held(client)[:150], wanted)
                client.close()
                client = QdrantClient(path=str(tmp_path))
                hurry(client)
                adapter = QdrantAdapter(client, "docs")
        client.close()

    @pytest.mark.parametrize(("dim", "count"), [(2, 500), (3, 500), (8, 1000), (64, 1000), (384, 10_000), (1536, 500)])
    def test_steady_vectors_are_near_and_stay(self, dim, count) -> None:
        rows = np.random.default_rng(dim).normal(size=(count, dim))
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        found = steady(rows.astype(np.float32))
        np.testing.assert_allclose(found, rows, rtol=3e-6)
        assert same_bits(steady(found), found)
        assert same_bits(steady(found[::-1])[::-1], found), "it depends on the other rows"
        assert same_bits(np.stack([row / np.linalg.norm(row) for row in found]), found), "a write changes it"
        assert same_bits(found / np.linalg.norm(found, axis=-1)[:, np.newaxis], found), "a search changes it"
        if dim >= 64:
            opened = found.astype(np.float64)
            opened /= np.linalg.norm(opened, axis=-1)[:, np.newaxis]
            assert same_bits(opened.astype(np.float32), found), "a search after opening changes it"

    def test_zero_vectors_are_left_alone(self) -> None:
        assert not steady(np.zeros((2, 8))).any()


NOT_A_POINT_ID = "Qdrant takes unsigned integers and UUIDs as point ids, not the texts '1' and '2'"
REASONS = {
    "test_add_documents": "documents come back without an id, which is in the metadata as '_id', beside '_collection_name'",
    "test_add_documents_documents": "documents come back with the id in the metadata, and in another spelling than add_documents returned",
    "test_add_documents_with_existing_ids": "an id for some documents only is refused: None reaches the client as a point id",
    "test_deleting_documents": NOT_A_POINT_ID,
    "test_deleting_bulk_documents": NOT_A_POINT_ID,
    "test_add_documents_with_ids_is_idempotent": NOT_A_POINT_ID,
    "test_add_documents_by_id_with_mutation": NOT_A_POINT_ID,
    "test_get_by_ids": NOT_A_POINT_ID,
}


class TestStandardInner(known_failures(REASONS), VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, tmp_path):
        return self.present(QdrantEngine().build(tmp_path, self.get_embeddings(), "cosine", 6))

    def present(self, store):
        return store


class TestStandardWrapped(TestStandardInner):
    def present(self, store):
        from nudge_integrations.langchain import NudgeVectorStore

        return NudgeVectorStore(store)
