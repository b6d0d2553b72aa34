"""LangChain's Chroma on files and on a server: the contract, what Chroma does to cosine vectors, bad set-ups, and LangChain's own suite."""

import os
import socket
import subprocess
import sys
import time

import chromadb
import httpx
import numpy as np
import pytest
from engines.base import Lookup
from engines.chroma import ChromaEngine, ChromaServerEngine
from langchain_chroma import Chroma
from langchain_tests.integration_tests import VectorStoreIntegrationTests

from nudge_core.errors import InputError
from nudge_integrations.stores import _hnswlib, adapter_of
from nudge_integrations.stores.chroma import ChromaAdapter
from nudge_integrations.testing import StoreContract


@pytest.fixture(scope="session")
def port(tmp_path_factory):
    """The port of a Chroma server on this machine."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    path = str(tmp_path_factory.mktemp("chroma-server"))
    command = [sys.executable, "-c", "from chromadb.cli.cli import app; app()"]
    server = subprocess.Popen(
        [*command, "run", "--path", path, "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "RUST_LOG": "error"},
    )
    try:
        for _ in range(300):
            assert server.poll() is None, "the Chroma server has ended"
            try:
                httpx.get(f"http://127.0.0.1:{port}/api/v2/heartbeat")
                break
            except httpx.ConnectError:
                time.sleep(0.1)
        yield port
    finally:
        server.terminate()
        server.wait(30)


class TestContract(ChromaEngine, StoreContract):
    pass


@pytest.mark.allow_hosts(["127.0.0.1"])
class TestContractServer(ChromaServerEngine, StoreContract):
    @pytest.fixture(autouse=True)
    def server(self, port):
        self.port = port

    async def test_an_async_client_is_refused_with_the_remedy(self):
        client = await chromadb.AsyncHttpClient("127.0.0.1", self.port)
        collection = await client.create_collection("of-an-async-client", embedding_function=None)
        with pytest.raises(
            InputError, match=r"'of-an-async-client' belongs to an AsyncHttpClient: open it with chromadb\.HttpClient"
        ):
            ChromaAdapter(collection)
        await collection._client._cleanup()  # the client itself cannot be closed


def random(count, dim=8, seed=0):
    """Vectors of lengths from a hundredth to thirty."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(count, dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True) * rng.uniform(0.01, 30, (count, 1))).astype(
        np.float32
    )


@pytest.fixture
def client(tmp_path):
    client = chromadb.PersistentClient(str(tmp_path))
    yield client
    client.close()


def filled(client, vectors, space="cosine", name="some", **options):
    collection = client.create_collection(
        name, configuration={"hnsw": {"space": space}}, **{"embedding_function": None, **options}
    )
    names = [f"d{i}" for i in range(len(vectors))]
    collection.add(names, vectors)
    return collection, names


class TestCosine:
    """Chroma keeps vectors of cosine collections divided by their length, and gives back the product."""

    @pytest.mark.parametrize("dim", [3, 64, 384])
    def test_any_originals_come_back_bit_for_bit(self, client, dim):
        collection, names = filled(client, random(200, dim))
        adapter = ChromaAdapter(collection)
        before = adapter.read(names)
        for seed in range(3):
            adapter.replace(names, random(200, dim, seed + 1))
        adapter.replace(names, before)
        assert adapter.read(names).tobytes() == before.tobytes()
        collection.update(names, before)  # what anybody else would do
        assert adapter.read(names).tobytes() != before.tobytes()

    def test_nearly_all_new_vectors_are_held_bit_for_bit(self, client):
        collection, names = filled(client, random(300, 64))
        adapter = ChromaAdapter(collection)
        new = random(300, 64, 1)
        new /= np.linalg.norm(new, axis=1, keepdims=True)
        adapter.replace(names, new)
        held = adapter.read(names)
        assert (held == new).all(1).mean() > 0.8
        np.testing.assert_allclose(held, new, rtol=3e-7)

    def test_an_index_that_keeps_what_is_written(self, client):
        collection, names = filled(client, random(300, 64), "l2")
        adapter = ChromaAdapter(collection)
        adapter.metric = "cosine"
        new = random(300, 64, 1)
        adapter.replace(names, new)
        assert adapter.read(names).tobytes() == new.tobytes()

    @pytest.mark.parametrize("fused", [False, True])
    @pytest.mark.parametrize("dim", [1, 2, 8, 100, 1536])
    def test_what_to_write_is_found_for_all_that_can_be_read(self, dim, fused):
        given = random(20_000 // dim + 100, dim)
        given[:4, 0] = 0, -0.0, 1e-38, 1e-42
        given[4], given[5] = 0, -0.0
        read = _hnswlib._image(given, _hnswlib._length(given, fused))
        found, solved = _hnswlib.preimage(read, fused)
        assert solved.all()
        assert _hnswlib._image(found, _hnswlib._length(found, fused)).tobytes() == read.tobytes()

    def test_what_cannot_be_read_stays_as_it_is(self):
        given = random(500)
        found, solved = _hnswlib.preimage(given)
        assert 0 < solved.sum() < 500
        assert found[~solved].tobytes() == given[~solved].tobytes()
        np.testing.assert_allclose(found, given, rtol=3e-7)


class TestCollections:
    def test_more_ids_than_a_page_and_a_batch(self, client):
        collection, names = filled(client, random(2500))
        adapter = ChromaAdapter(collection)
        assert adapter.batch == 1000
        before = adapter.read(names)
        assert adapter.read([*names, *names[:5]])[2500:].tobytes() == before[:5].tobytes()
        assert list(adapter.fetch([*names, "none", *names])) == names
        pages = []
        for ids, vectors in adapter.walk(10_000):  # what is written meanwhile does not change the order
            assert adapter.read(ids).tobytes() == vectors.tobytes()
            adapter.replace(ids[::-1], vectors)
            pages += ids
        assert pages == names
        assert len(adapter.nearest(before[:250], 1)) == 250

    def test_only_embeddings_are_sent_and_nothing_is_embedded(self, client):
        class Never(chromadb.EmbeddingFunction):
            def __init__(self):
                pass

            def __call__(self, input):  # noqa: A002
                raise AssertionError("embedded")

            @staticmethod
            def name():
                return "never"

            def get_config(self):
                return {}

            @staticmethod
            def build_from_config(config):
                return Never()

        collection, names = filled(client, random(5), embedding_function=Never())
        collection.update(
            names[:2], embeddings=random(2), documents=["one", "two"], metadatas=[{"a": 1}, {"b": [1, 2]}]
        )
        rows = collection.get(include=["documents", "metadatas", "uris"])
        adapter = ChromaAdapter(client.get_collection("some", embedding_function=Never()))
        adapter.replace(names, random(5, seed=1))
        adapter.nearest(random(1), 2)
        assert collection.get(include=["documents", "metadatas", "uris"]) == rows

    @pytest.mark.parametrize(
        ("options", "metric"),
        [
            ({}, "l2"),
            ({"collection_metadata": {"hnsw:space": "cosine"}}, "cosine"),
            (
                {
                    "collection_metadata": {"hnsw:space": "cosine"},
                    "collection_configuration": {"hnsw": {"space": "ip"}},
                },
                "dot",
            ),
            ({"collection_configuration": {"spann": {"space": "cosine"}}}, "cosine"),
        ],
    )
    def test_the_metric_of_every_way_to_say_it(self, client, options, metric):
        store = Chroma("some", Lookup({}, 2), client=client, **options)
        store.add_texts(["a"])
        assert adapter_of(store).metric == metric

    def test_a_collection_renamed_is_the_same(self, client):
        collection, _ = filled(client, random(3))
        before = ChromaAdapter(collection).fingerprint
        collection.modify(name="other")
        assert ChromaAdapter(client.get_collection("other", embedding_function=None)).fingerprint == before
        assert ChromaAdapter(filled(client, random(3))[0]).fingerprint != before

    def test_a_collection_in_memory_has_no_fingerprint(self):
        client = chromadb.EphemeralClient()
        try:
            assert ChromaAdapter(filled(client, random(3), name="in-memory")[0]).fingerprint is None
        finally:
            client.delete_collection("in-memory")

    def test_an_empty_collection_is_refused(self, client):
        with pytest.raises(InputError, match="'empty' holds no embeddings: add some documents first"):
            adapter_of(Chroma("empty", Lookup({}, 2), client=client))


class Standard:
    @pytest.fixture
    def vectorstore(self, client):
        return self.wrapped(Chroma("standard", self.get_embeddings(), client=client))

    def wrapped(self, store):
        return store


class TestStandardInner(Standard, VectorStoreIntegrationTests):
    pass


class TestStandardWrapped(Standard, VectorStoreIntegrationTests):
    def wrapped(self, store):
        from nudge_integrations.langchain import NudgeVectorStore

        return NudgeVectorStore(store)
