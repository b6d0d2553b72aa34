"""Every call of a VectorStore reaches the store inside, and comes back as it answers: documents, ids, order, scores, errors."""

import inspect

import pytest
from engines.chroma import ChromaEngine
from engines.faiss import FaissEngine
from engines.memory import InMemoryEngine
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.vectorstores import InMemoryVectorStore, VectorStore

from nudge_integrations.langchain import NudgeVectorStore

ENGINES = [InMemoryEngine(), FaissEngine(), ChromaEngine()]
VECTOR = [0.3, -0.2, 0.1, 0.9, 0.0, 0.4, -0.7, 0.2]

SEARCHES = {
    "similarity_search": ("train0?",),
    "similarity_search_with_score": ("train0?",),
    "similarity_search_by_vector": (VECTOR,),
    "max_marginal_relevance_search": ("train0?",),
    "max_marginal_relevance_search_by_vector": (VECTOR,),
    "get_by_ids": (["d5", "d1", "nobody"],),
}
OPTIONS = {
    "similarity_search": [{}, {"k": 1}, {"k": 7}, {"k": 500}],
    "similarity_search_with_score": [{}, {"k": 7}],
    "similarity_search_by_vector": [{}, {"k": 7}],
    "max_marginal_relevance_search": [{}, {"k": 3, "fetch_k": 30, "lambda_mult": 0.1}],
    "max_marginal_relevance_search_by_vector": [{}, {"k": 3, "fetch_k": 30, "lambda_mult": 0.1}],
    "get_by_ids": [{}],
}
CALLS = [(name, options) for name in SEARCHES for options in OPTIONS[name]]


def shown(answer):
    """Everything of an answer that can be compared."""
    if isinstance(answer, tuple):
        return shown(answer[0]), pytest.approx(float(answer[1]), abs=1e-6)
    return (answer.id, answer.page_content, answer.metadata)


@pytest.fixture(params=ENGINES, ids=lambda engine: type(engine).__name__)
def pair(request, make):
    """A wrapped store, before and after a nudge."""
    return make(request.param, request.param.metrics[0])


@pytest.mark.parametrize(("name", "options"), CALLS)
async def test_a_read(pair, name, options):
    for _ in range(2):
        theirs = getattr(pair.inner, name)(*SEARCHES[name], **options)
        ours = getattr(pair.store, name)(*SEARCHES[name], **options)
        later = await getattr(pair.store, f"a{name}")(*SEARCHES[name], **options)
        assert theirs
        assert [shown(one) for one in ours] == [shown(one) for one in theirs] == [shown(one) for one in later]
        pair.store.nudge(pair.pairs(), pair.pairs("validation"), progress=False)


@pytest.mark.parametrize("search_type", ["similarity", "mmr"])
async def test_search_by_its_kind(pair, search_type):
    theirs = pair.inner.search("train0?", search_type, k=3)
    assert [shown(one) for one in pair.store.search("train0?", search_type, k=3)] == [shown(one) for one in theirs]
    later = await pair.store.asearch("train0?", search_type, k=3)
    assert [shown(one) for one in later] == [shown(one) for one in theirs]


def test_options_of_the_store_itself(make):
    memory, chroma, faiss = (make(engine, engine.metrics[0]) for engine in ENGINES)
    only = lambda document: document.metadata["page"] < 3  # noqa: E731
    assert {d.metadata["page"] for d in memory.store.similarity_search("train0?", filter=only)} == {0, 1, 2}
    found = faiss.store.similarity_search("train0?", k=3, filter={"page": {"$lt": 3}})
    assert {d.metadata["page"] for d in found} == {0, 1, 2}
    chroma = make(ENGINES[2])
    assert {d.metadata["page"] for d in chroma.store.similarity_search("train0?", filter={"page": {"$lt": 3}})} == {
        0,
        1,
        2,
    }


def test_errors_are_those_of_the_store(pair):
    """A vector of another dimension, which each refuses in its own way."""

    def error(store):
        with pytest.raises(Exception) as caught:  # noqa: B017
            store.similarity_search_by_vector([1.0] * 3)
        return type(caught.value), str(caught.value)

    assert error(pair.store) == error(pair.inner)


@pytest.mark.filterwarnings("ignore:legacy embedding function config:DeprecationWarning")
async def test_relevance_scores(pair):
    """Those of the store inside; InMemory has none of its own, and its cosine is taken."""
    ours = pair.store.similarity_search_with_relevance_scores("train0?", k=5)
    later = await pair.store.asimilarity_search_with_relevance_scores("train0?", k=5)
    assert [shown(one) for one in ours] == [shown(one) for one in later]
    if isinstance(pair.inner, InMemoryVectorStore):
        theirs = [
            (d, min(1.0, max(0.0, score))) for d, score in pair.inner.similarity_search_with_score("train0?", k=5)
        ]
    else:
        theirs = pair.inner.similarity_search_with_relevance_scores("train0?", k=5)
    assert [shown(one) for one in ours] == [shown(one) for one in theirs]
    good = pair.store.similarity_search_with_relevance_scores("train0?", k=5, score_threshold=ours[2][1] - 1e-9)
    assert 0 < len(good) <= 5
    assert min(score for _, score in good) >= ours[2][1] - 1e-6


def test_no_public_call_of_a_vector_store_is_left_to_the_base_class():
    """What LangChain adds to VectorStore must be handed on too; these need not be, as they are made of others."""
    made_of_others = {
        "afrom_documents", "afrom_texts", "from_documents", "as_retriever", "search", "asearch",
    }  # fmt: skip
    names = {name for name, value in inspect.getmembers(VectorStore) if callable(value) and not name.startswith("_")}
    assert {name for name in names if getattr(NudgeVectorStore, name) is getattr(VectorStore, name)} <= made_of_others
    inherited = {
        name
        for name in names
        if name in VectorStore.__dict__ and not any(name in c.__dict__ for c in NudgeVectorStore.__mro__[:3])
    }
    assert inherited == made_of_others


class TestMaking:
    embedding = DeterministicFakeEmbedding(size=8)
    texts = ("one", "two", "three")

    def contents(self, store):
        return {name: (row["text"], row["metadata"]) for name, row in store.inner.store.items()}

    async def test_from_texts(self, tmp_path):
        made = [
            NudgeVectorStore.from_texts(
                list(self.texts), self.embedding, [{"n": i} for i in range(3)], ids=["a", "b", "c"]
            ),
            await NudgeVectorStore.afrom_texts(
                list(self.texts), self.embedding, [{"n": i} for i in range(3)], ids=["a", "b", "c"]
            ),
        ]
        for store in made:
            assert self.contents(store) == {"a": ("one", {"n": 0}), "b": ("two", {"n": 1}), "c": ("three", {"n": 2})}
            assert isinstance(store, NudgeVectorStore)
            assert store.embeddings is self.embedding

    async def test_from_documents(self, tmp_path):
        documents = [Document(page_content=text, metadata={"n": i}, id=f"id-{i}") for i, text in enumerate(self.texts)]
        first = NudgeVectorStore.from_documents(documents, self.embedding)
        second = await NudgeVectorStore.afrom_documents(documents, self.embedding)
        assert (
            self.contents(first)
            == self.contents(second)
            == {f"id-{i}": (t, {"n": i}) for i, t in enumerate(self.texts)}
        )

    def test_without_ids_and_metadata(self):
        store = NudgeVectorStore.from_texts(list(self.texts), self.embedding)
        assert sorted(text for text, _ in self.contents(store).values()) == sorted(self.texts)

    def test_options_of_the_constructor(self, tmp_path):
        store = NudgeVectorStore.from_texts(["one"], self.embedding, journal=tmp_path / "j.sqlite", recover="back")
        assert store.journal == tmp_path / "j.sqlite"
        assert not (tmp_path / "j.sqlite").exists()

    async def test_documents_are_handed_over_as_they_are(self):
        """Nothing is added to metadata, and nothing given is changed."""
        store = NudgeVectorStore(InMemoryVectorStore(self.embedding))
        given = [Document(page_content="one", metadata={"a": [1]}, id="x"), Document(page_content="two")]
        copies = [one.model_copy(deep=True) for one in given]
        ids = store.add_documents(given)
        assert ids[0] == "x"
        assert given == copies
        assert store.get_by_ids(["x"]) == [copies[0]]
        assert await store.aadd_texts(["three"], [{"b": 2}], ids=["y"]) == ["y"]
        assert store.similarity_search("three", k=1) == [Document(page_content="three", metadata={"b": 2}, id="y")]
        assert store.delete(["x"]) == InMemoryVectorStore(self.embedding).delete(["x"])
        assert await store.adelete(["y"]) is None
        assert set(store.inner.store) == {ids[1]}
