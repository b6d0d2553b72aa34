"""A filter: figures and moves are those of a search under it, and documents beside it stay as they are."""

import pytest
from engines.chroma import ChromaEngine
from engines.faiss import FaissEngine

from nudge_core import QuerySet, evaluate
from nudge_core.corpus import open_corpus
from nudge_core.errors import InputError

EVEN = {"page": list(range(0, 60, 2))}


@pytest.mark.parametrize("engine", [None, ChromaEngine(), FaissEngine()], ids=["memory", "chroma", "faiss"])
def test_figures_are_those_of_the_documents_that_pass(make, engine):
    world = make(engine, "l2" if isinstance(engine, FaissEngine) else "cosine")
    given = {"$or": [{"page": page} for page in EVEN["page"]]} if isinstance(engine, ChromaEngine) else EVEN
    known = world.queries("test")
    kept = [{name: 1.0 for name in known.relevance[i] if int(name[1:]) % 2 == 0} for i in range(len(known))]
    rows = [i for i, answers in enumerate(kept) if answers]
    asked = [(known.texts[i], list(kept[i])) for i in rows]
    found = world.store.evaluate(asked, ["nDCG@10"], filter=given, progress=False)
    corpus = open_corpus(world.X[::2], ids=world.ids[::2])
    queries = QuerySet(known.embeddings[rows], [kept[i] for i in rows])
    expected = evaluate(corpus, queries, ["nDCG@10"], metric="cosine")
    assert found.mean("nDCG@10") == pytest.approx(expected.mean("nDCG@10"))
    assert found.mean("nDCG@10") > world.store.evaluate(asked, ["nDCG@10"], progress=False).mean("nDCG@10")


def test_only_documents_that_pass_move(world):
    before = world.bits()
    report = world.store.nudge(world.pairs(), filter=EVEN, progress=False)
    moved = {name for name, bits in world.bits().items() if bits != before[name]}
    assert report.applied
    assert moved
    assert {int(name[1:]) % 2 for name in moved} == {0}
    assert report.collection.endswith("30 under the filter")
    assert report.missing  # labels beside the filter are left out and listed


def test_what_an_earlier_run_moved_beside_the_filter_stays(world):
    world.store.nudge(world.pairs(), filter={"page": list(range(1, 60, 2))}, force=True, progress=False)
    first = world.bits()
    world.store.nudge(world.pairs(), filter=EVEN, force=True, progress=False)
    second = world.bits()
    assert all(second[name] == first[name] for name in second if int(name[1:]) % 2)
    world.store.undo(progress=False)
    assert world.bits() == first
    world.store.restore(progress=False)
    assert len(set(world.bits().values()) & set(first.values())) < len(first)


def test_the_stores_own_words(make):
    chroma, memory = make(ChromaEngine()), make()
    where = {"$and": [{"page": {"$gte": 10}}, {"page": {"$lt": 40}}]}
    given = [(text, [name]) for text, (name, *_) in chroma.pairs() if 10 <= int(name[1:]) < 40]
    one = chroma.store.nudge(given, filter=where, force=True, dry_run=True, progress=False)
    other = memory.store.nudge(
        given, filter=lambda document: 10 <= document.metadata["page"] < 40, force=True, dry_run=True, progress=False
    )
    assert one.tuned.ids.tolist() == other.tuned.ids.tolist()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"filter": {"page": 99}}, r"no document of the InMemory collection passes the filter \{'page': 99\}"),
        ({"filter": {"page": {"$gte": 3}}}, r"cannot apply to InMemory: give \{key: value\}"),
        ({"filter": 7}, "filter is 7, which this package cannot apply"),
        ({"filter": {"page": 1}, "background": "search"}, "a filter goes with background='exact' only"),
        ({"filter": {"page": 1}, "allow_map": True}, "a map moves every document"),
    ],
)
def test_filters_that_cannot_be_applied(world, options, said):
    before = world.bits()
    with pytest.raises(InputError, match=said):
        world.store.nudge(world.pairs(), progress=False, **options)
    assert world.bits() == before
