"""Questions are embedded as a search embeds them, once, and never by another model than the vectors that stand moved."""

import numpy as np
import pytest
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import InMemoryVectorStore

from nudge_core import QuerySet
from nudge_core.errors import EmbeddingError, InputError
from nudge_integrations.collection.embedding import PROBE
from nudge_integrations.langchain import NudgeVectorStore


class Asymmetric(Embeddings):
    """Questions are embedded with the first two axes swapped, as by a model that puts a word before them."""

    def __init__(self, inner):
        self.inner, self.model = inner, "asymmetric"

    def embed_query(self, text):
        vector = list(self.inner.embed_query(text))
        return [vector[1], vector[0], *vector[2:]]

    def embed_documents(self, texts):
        return self.inner.embed_documents(texts)


def nudge(world, **options):
    return world.store.nudge(world.pairs(), world.pairs("validation"), progress=False, **options)


def texts(world, *splits):
    return {text for split in splits for text, _ in world.pairs(split)}


def asymmetric(world):
    """The same store, whose questions are embedded otherwise than its documents."""
    world.inner.embedding = Asymmetric(world.embedding)
    world.store = NudgeVectorStore(world.inner)
    return world


def test_each_question_once_and_in_batches(world):
    nudge(world)
    assert set(world.embedding.queries) == {PROBE}, "one by one only to see whether batches give the same"
    asked = [text for text in world.embedding.documents if text != PROBE]
    assert sorted(asked) == sorted(texts(world, "train", "validation"))


def test_a_second_nudge_embeds_nothing(world):
    nudge(world)
    world.embedding.forget()
    nudge(world)
    world.store.evaluate(world.pairs(), progress=False)
    assert world.embedding.documents == []
    assert set(world.embedding.queries) == {PROBE}, "only to see whether the model is the same"


def test_another_object_embeds_nothing_either(world):
    nudge(world)
    world.embedding.forget()
    NudgeVectorStore(world.inner).nudge(world.pairs(), world.pairs("validation"), progress=False)
    assert (world.embedding.documents, set(world.embedding.queries)) == ([], {PROBE})


def test_only_new_questions_are_embedded(world):
    nudge(world)
    world.embedding.forget()
    world.store.nudge([*world.pairs(), *world.pairs("test")[:4]], world.pairs("validation"), progress=False)
    assert {*world.embedding.documents} == {PROBE, *(text for text, _ in world.pairs("test")[:4])}


def test_what_was_embedded_before_a_failure_is_kept(make, monkeypatch):
    """A bill is not paid twice: of three hundred questions the second batch fails."""
    monkeypatch.setattr("nudge_integrations.collection.embedding.BATCH", 256)
    world = make(questions=300)
    embed = world.embedding.embed_documents

    def fail(texts):
        if "train299?" in texts:
            raise TimeoutError("rate limit")
        return embed(texts)

    world.embedding.embed_documents = fail
    with pytest.raises(EmbeddingError, match="rate limit"):
        nudge(world)
    assert world.store.history() == []
    del world.embedding.embed_documents
    world.embedding.forget()
    nudge(world)
    assert {*world.embedding.documents} == {
        PROBE,
        *(text for text, _ in world.pairs()[256:]),
        *texts(world, "validation"),
    }


def test_a_query_set_embeds_nothing(world):
    world.store.nudge(world.queries(), world.queries("validation"), progress=False)
    world.store.evaluate(world.queries("test"), progress=False)
    assert (world.embedding.queries, world.embedding.documents) == ([], [])


def test_where_questions_are_embedded_otherwise_than_documents(make):
    world, plain = asymmetric(make()), make()
    report = nudge(world)
    asked = [text for text in world.embedding.queries if text != PROBE]
    assert sorted(asked) == sorted(texts(world, "train", "validation"))
    assert set(world.embedding.documents) == {PROBE}
    expected, judged = (
        QuerySet(part.embeddings[:, [1, 0, *range(2, 8)]], part.relevance)
        for part in (plain.queries(), plain.queries("validation"))
    )
    plain.store.nudge(expected, judged, progress=False)
    np.testing.assert_allclose(world.vectors(), plain.vectors(), atol=1e-6)
    assert report.applied
    world.embedding.forget()
    nudge(world)
    assert set(world.embedding.queries) == {PROBE}


def test_the_order_of_answers_does_not_depend_on_threads(make):
    """Three hundred questions, one by one in eight threads."""
    world = asymmetric(make(questions=150))
    world.store.nudge(world.pairs(), world.pairs("validation"), progress=False)
    kept = dict(world.store._collection._journal[1].rows("SELECT text, vector FROM questions"))
    for text in texts(world, "train", "validation"):
        want = np.asarray(world.inner.embedding.embed_query(text), np.float32)
        assert kept[text] == want.tobytes()


def other_model(world):
    """The same name, other vectors."""
    rotated = {text: vector[1:] + vector[:1] for text, vector in world.embedding.known.items()}
    world.embedding.known.clear()
    world.embedding.known.update(rotated)


def test_another_model_is_refused_while_vectors_stand_moved(world):
    nudge(world)
    state = world.bits()
    other_model(world)
    with pytest.raises(
        InputError, match=r"another model than in run 1, whose vectors stand.*restore\(\), embed every document"
    ):
        nudge(world)
    assert world.bits() == state
    world.store.restore()
    nudge(world)  # on the documents as they are, whatever that is worth


def test_another_name_is_another_model(world):
    world.embedding.model = "text-embedding-3-small"
    nudge(world)
    world.embedding.model = "text-embedding-3-large"
    with pytest.raises(InputError, match="embedded by another model"):
        nudge(world)
    world.embedding.model = "text-embedding-3-small"
    nudge(world)


def test_the_model_does_not_matter_to_vectors_given(world):
    nudge(world)
    other_model(world)
    assert world.store.nudge(world.queries(), world.queries("validation"), progress=False).applied


def test_vectors_of_one_model_are_never_taken_for_those_of_another(world):
    world.store.evaluate(world.pairs(), progress=False)
    nudge(world)
    world.store.restore()
    other_model(world)
    nudge(world)
    kept = world.store._collection._journal[1].rows(
        "SELECT model, count(*), count(DISTINCT text) FROM questions GROUP BY model"
    )
    assert kept == [(1, 60, 60), (2, 60, 60)]


class Random(Embeddings):
    """Another vector each time, near one that belongs to the text, as of a model that drops out."""

    def embed_query(self, text):
        steady = np.random.default_rng(list(text.encode())).normal(size=8)
        return (steady + np.random.default_rng().normal(size=8) / 20).tolist()

    def embed_documents(self, texts):
        return [self.embed_query(text) for text in texts]


def test_an_embedding_that_draws_at_random():
    """It is another model each time: it may move vectors once, and they can be restored."""
    inner = InMemoryVectorStore(Random())
    inner.add_texts([f"text {i}" for i in range(40)], ids=[f"d{i}" for i in range(40)])
    store = NudgeVectorStore(inner)
    before = {name: list(row["vector"]) for name, row in inner.store.items()}
    pairs = [(f"q{i}", [f"d{i}"]) for i in range(30)]
    assert store.nudge(pairs, pairs, progress=False).applied
    moved = {name: list(row["vector"]) for name, row in inner.store.items()}
    with pytest.raises(InputError, match="another model than in run 1"):
        store.nudge(pairs, pairs, progress=False)
    assert {name: row["vector"] for name, row in inner.store.items()} == moved != before
    store.restore(progress=False)
    assert {name: row["vector"] for name, row in inner.store.items()} == before


def test_a_store_without_an_embedding(world):
    """Vectors can be given; texts cannot be embedded."""
    world.inner.embedding = None
    store = NudgeVectorStore(world.inner)
    with pytest.raises(
        InputError, match=r"no embedding to embed questions with: give it one, or questions as QuerySet"
    ):
        store.nudge(world.pairs(), progress=False)
    assert store.nudge(world.queries(), world.queries("validation"), progress=False).applied


WRONG = {
    "a text": (lambda vector: "hello", "did not return vectors .*expected 1 list of numbers"),
    "texts": (lambda vector: ["a", "b"], "did not return vectors .*expected 1 list of numbers"),
    "a matrix": (lambda vector: [vector], r"shape \(1, 1, 8\) for 1 text; expected 1 list of numbers"),
    "nothing": (lambda vector: None, "expected 1 list of numbers"),
}


@pytest.mark.parametrize("what", WRONG)
def test_an_object_that_gives_no_vector(world, what):
    make_wrong, says = WRONG[what]
    embed = world.embedding.embed_query
    world.embedding.embed_query = lambda text: make_wrong(embed(text))
    with pytest.raises(InputError, match=f"{says}: look at its embed_query"):
        nudge(world)
    assert world.store.history() == []


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda vectors: vectors[1:], r"shape \(59, 8\) for 60 texts; expected 60 lists of 8 numbers"),
        (lambda vectors: [*vectors[1:], [1.0]], "did not return vectors .*expected 60 lists of 8 numbers"),
        (lambda vectors: [[*vector, 1.0] for vector in vectors], r"shape \(60, 9\)"),
    ],
    ids=["fewer", "ragged", "longer"],
)
def test_an_object_that_gives_other_vectors_in_batches(world, spoil, says):
    embed = world.embedding.embed_documents
    world.embedding.embed_documents = lambda texts: spoil(embed(texts)) if len(texts) > 1 else embed(texts)
    with pytest.raises(InputError, match=says):
        world.store.nudge([*world.pairs(), *world.pairs("test")], world.pairs("validation"), progress=False)
    assert world.store.history() == []
