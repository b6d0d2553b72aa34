"""LangChain's Milvus: the contract, bad set-ups, ids, partitions, and LangChain's own suite."""

import uuid

import numpy as np
import pytest
from engines.base import Lookup
from engines.known_failures import known_failures
from engines.milvus import PATIENT, MilvusAutoEngine, MilvusEngine, file
from langchain_milvus import Milvus
from langchain_tests.integration_tests import VectorStoreIntegrationTests
from pymilvus import DataType, MilvusClient

from nudge_core.errors import InputError
from nudge_integrations.stores import adapter_of
from nudge_integrations.stores.milvus import MilvusAdapter, _fault, _place
from nudge_integrations.testing import StoreContract

pytestmark = pytest.mark.filterwarnings("ignore:No ids provided and auto_id is False:UserWarning")


class TestContract(MilvusEngine, StoreContract):
    pass


class TestContractAutoIds(MilvusAutoEngine, StoreContract):
    pass


@pytest.fixture(scope="module")
def client():
    return MilvusClient(file(), **PATIENT)


def collection(client, key=DataType.VARCHAR, vectors=("vector",), metric="COSINE", index=True, **options) -> str:
    """A new collection of this schema, loaded if there is an index."""
    name = f"c_{uuid.uuid4().hex}"
    schema = client.create_schema(enable_dynamic_field=True)
    schema.add_field("pk", key, is_primary=True, **({"max_length": 1000} if key == DataType.VARCHAR else {}), **options)
    schema.add_field("text", DataType.VARCHAR, max_length=100, nullable=True)
    indexes = client.prepare_index_params()
    for field in vectors:
        schema.add_field(field, DataType.FLOAT_VECTOR, dim=8)
        indexes.add_index(field, index_type="FLAT", metric_type=metric)
    client.create_collection(name, schema=schema, index_params=indexes if index else None)
    return name


def adapt(client, name: str, vector: str | None = None) -> MilvusAdapter:
    return MilvusAdapter(client, name, file(), vector)


def rows(client, name: str) -> dict:
    return {row["pk"]: row for row in client.query(name, filter="", limit=1000, output_fields=["*"])}


class TestSetUps:
    def test_a_store_without_documents_has_no_collection_yet(self) -> None:
        store = MilvusEngine().build(None, Lookup({}, 8), "cosine", 8)
        with pytest.raises(InputError, match="no Milvus collection 'c_.*add documents first"):
            adapter_of(store)

    def test_several_vector_fields_need_a_choice(self, client) -> None:
        name = collection(client, vectors=("a", "b"))
        with pytest.raises(InputError, match="vector fields 'a', 'b', and the one asked for is None"):
            adapt(client, name)
        with pytest.raises(InputError, match="vector fields 'a', 'b', and the one asked for is 'c'"):
            adapt(client, name, "c")
        assert adapt(client, name, "b").fingerprint != adapt(client, name, "a").fingerprint

    def test_a_field_of_another_type(self, client) -> None:
        with pytest.raises(InputError, match="vectors of the type VARCHAR.*FLOAT_VECTOR"):
            adapt(client, collection(client), "text")

    def test_a_field_without_an_index_has_no_metric(self, client) -> None:
        with pytest.raises(InputError, match="no index on the vector field.*create one"):
            adapt(client, collection(client, index=False))

    def test_a_collection_that_is_not_loaded(self, client) -> None:
        name = collection(client)
        client.release_collection(name)
        with pytest.raises(InputError, match="not been loaded.*load_collection"):
            adapt(client, name)

    @pytest.mark.parametrize(
        ("version", "auto", "fault"),
        [
            ("2.5.14", False, "2.5.14, where vectors cannot be replaced alone"),
            ("v2.6.1-dev", False, "where vectors cannot be replaced alone"),
            ("milvus-lite 2.5.1", False, "where vectors cannot be replaced alone"),
            ("", False, "where vectors cannot be replaced alone"),
            ("2.6.2", False, None),
            ("Zilliz Cloud Vector Database (Compatible with Milvus 2.6)", False, None),
            ("2.6.2", True, "auto_id, and a server of version 2.6.2 gives new ids"),
            ("3.0.0-beta", True, None),
            ("milvus_lite-3.2.2", True, None),
        ],
    )
    def test_servers_that_replace_more_than_vectors_are_refused(
        self, client, monkeypatch, version, auto, fault
    ) -> None:
        name = collection(client, DataType.INT64, auto_id=auto)
        monkeypatch.setattr(client, "get_server_version", lambda: version)
        if fault is None:
            assert adapt(client, name).count() == 0
        else:
            with pytest.raises(InputError, match=fault):
                adapt(client, name)

    def test_other_metrics_and_vectors_of_the_server(self, client) -> None:
        about = client.describe_collection(collection(client))
        primary, field = about["fields"][0], about["fields"][2]
        assert "JACCARD" in _fault(client, about, primary, field, "JACCARD")[0]
        assert "server makes" in _fault(client, about, primary, {**field, "is_function_output": True}, "IP")[0]

    def test_places_have_no_passwords(self, tmp_path, monkeypatch) -> None:
        monkeypatch.chdir(tmp_path)
        assert _place("http://user:secret@Host.test") == "host.test:19530"
        assert _place("https://x.zillizcloud.com/db") == "x.zillizcloud.com:443/db"
        assert _place("unix:/run/milvus.sock") == "unix:/run/milvus.sock"
        assert _place("./docs.db") == str(tmp_path / "docs.db")

    def test_several_embeddings_in_one_store(self, client) -> None:
        options = {"connection_args": {"uri": file(), **PATIENT}, "vector_field": ["a", "b"]}
        store = Milvus([Lookup({}, 8), Lookup({}, 8)], f"c_{uuid.uuid4().hex}", **options)
        store.add_texts(["t"], ids=["1"])
        with pytest.raises(InputError, match="vector fields 'a', 'b'"):
            adapter_of(store)


class TestRows:
    def test_whatever_is_in_an_id_is_escaped(self, client) -> None:
        ids = ['"', "'", "\\", '\\"', "a\nb", "a\r\nb", "\t", "\x01", "{x}", '"] or pk != "', "%", "é", "文", "", " "]
        name = collection(client)
        vectors = np.random.default_rng(0).normal(size=(len(ids), 8)).astype(np.float32)
        client.insert(
            name, [{"pk": i, "vector": v, "text": i, "n": {"i": i}} for i, v in zip(ids, vectors, strict=True)]
        )
        before, adapter = rows(client, name), adapt(client, name)
        for size in (1, 2, 100):
            assert sorted(i for page, _ in adapter.walk(size) for i in page) == sorted(ids)
        for i, vector in zip(ids, vectors, strict=True):
            assert set(adapter.fetch([i])) == {i}
            assert sorted(adapter.nearest(vector[None], 100, [i])[0]) == sorted(set(ids) - {i})
            adapter.replace([i], -vector[None])
        after = rows(client, name)
        assert all(np.array_equal(after[i].pop("vector"), -v) for i, v in zip(ids, vectors, strict=True))
        assert after == {i: {k: v for k, v in row.items() if k != "vector"} for i, row in before.items()}

    def test_numbers_as_ids(self, client) -> None:
        ids = [0, 7, -5, 2**63 - 1, -(2**63)]
        name = collection(client, DataType.INT64)
        client.insert(name, [{"pk": i, "vector": [1.0] * 8} for i in ids])
        adapter = adapt(client, name)
        strange = ["07", "+7", "-0", " 7", "7.0", "٧", str(2**63), "x", ""]
        assert set(adapter.fetch([*strange, *map(str, ids)])) == set(map(str, ids))
        adapter.replace([*strange, "7"], np.arange(80, dtype=np.float32).reshape(10, 8))
        assert adapter.read(["7"]).tolist() == [list(range(72, 80))]
        assert adapter.count() == 5
        assert set(adapter.nearest(np.ones((1, 8), np.float32), 9, [*strange, "-5"])[0]) == set(map(str, ids)) - {"-5"}
        assert sorted(name for page, _ in adapter.walk(2) for name in page) == sorted(map(str, ids))

    def test_a_row_is_not_added_where_all_other_fields_are_optional(self, client) -> None:
        name = collection(client)
        client.upsert(name, [{"pk": "a", "vector": [1.0] * 8}], partial_update=True)
        assert client.query(name, output_fields=["count(*)"])[0]["count(*)"] == 1, "Milvus would add it"
        adapt(client, name).replace(["b"], np.ones((1, 8), np.float32))
        assert adapt(client, name).count() == 1

    def test_rows_stay_in_their_partition(self, client) -> None:
        name = collection(client)
        client.create_partition(name, "other")
        for partition, ids in {"_default": "abc", "other": "def"}.items():
            client.insert(name, [{"pk": i, "vector": [1.0] * 8, "text": i} for i in ids], partition_name=partition)
        adapter = adapt(client, name)
        adapter.replace(list("aefz"), np.diag(np.arange(1, 9, dtype=np.float32))[:4])
        assert adapter.read(list("aef")).max(axis=1).tolist() == [1, 2, 3]
        held = {p: {r["pk"] for r in client.query(name, limit=9, partition_names=[p])} for p in ("_default", "other")}
        assert held == {"_default": set("abc"), "other": set("def")}

    def test_rows_in_partitions_by_a_key(self) -> None:
        options = {
            "connection_args": {"uri": file(), **PATIENT},
            "partition_key_field": "tenant",
            "index_params": {"index_type": "FLAT", "metric_type": "L2"},
        }
        store = Milvus(Lookup({}, 8), f"c_{uuid.uuid4().hex}", **options)
        store.add_texts(list("abcdef"), [{"tenant": t} for t in "xyzxyz"], ids=list("abcdef"))
        adapter, new = adapter_of(store), np.eye(6, 8, dtype=np.float32)
        adapter.replace(list("abcdef"), new)
        assert adapter.read(list("abcdef")).tolist() == new.tolist()
        found = store.similarity_search_by_vector(new[4].tolist(), 6, expr="tenant == 'y'")
        assert [(d.page_content, d.metadata["tenant"]) for d in found] == [("e", "y"), ("b", "y")]

    def test_a_second_vector_field_stays(self, client) -> None:
        name = collection(client, vectors=("a", "b"))
        client.insert(name, [{"pk": "x", "a": [1.0] * 8, "b": [2.0] * 8}])
        adapt(client, name, "a").replace(["x"], np.full((1, 8), 3, np.float32))
        assert (rows(client, name)["x"]["a"], rows(client, name)["x"]["b"]) == ([3.0] * 8, [2.0] * 8)

    def test_more_than_one_answer_can_hold(self, client) -> None:
        adapter = adapt(client, collection(client))
        assert adapter.nearest(np.ones((3, 8), np.float32), 100_000) == [[], [], []]
        assert list(adapter.walk(1_000_000)) == []
        assert adapter.fetch([str(i) for i in range(3000)]) == {}


NO_ID = "documents come back without an id, which is in the metadata as 'pk'"
NO_GET = "Milvus does not implement get_by_ids"
REASONS = {
    "test_add_documents": NO_ID,
    "test_deleting_documents": NO_ID,
    "test_deleting_bulk_documents": NO_ID,
    "test_add_documents_with_ids_is_idempotent": NO_ID,
    "test_add_documents_by_id_with_mutation": NO_ID,
    "test_get_by_ids": NO_GET,
    "test_get_by_ids_missing": NO_GET,
    "test_add_documents_documents": NO_GET,
    "test_add_documents_with_existing_ids": "an id of some documents only is dropped: the store then makes all ids itself",
}


class TestStandardInner(known_failures(REASONS), VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, tmp_path):
        return self.present(MilvusEngine().build(tmp_path, self.get_embeddings(), "cosine", 6))

    def present(self, store):
        return store


class TestStandardWrapped(TestStandardInner):
    def present(self, store):
        from nudge_integrations.langchain import NudgeVectorStore

        return NudgeVectorStore(store)
