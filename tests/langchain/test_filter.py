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
        ({"filter": {}}, r"filter is \{\}, which lets every document pass: leave it out"),
        ({"filter": {"pge": 1}}, r"passes the filter \{'pge': 1\}: .* metadata there has the keys 'page'"),
        (
            {"filter": lambda data: data["pge"] == 1},
            r"at document 'd0' \(KeyError: 'pge'\), whose metadata has the keys 'page'",
        ),
        ({"filter": lambda data: False}, "passes the filter that the function <lambda> is"),
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


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"page": 3, "tenant": "a"}, r"say \{'\$and': \[\{'page': 3\}, \{'tenant': 'a'\}\]\}"),
        ({"page": {3, 4}}, r"say \{'page': \{'\$in': \[3, 4\]\}\}"),
        ({"$foo": 1}, r"no `where` of Chroma .*: its operators are \$eq"),
        ({"page": {"$like": 1}}, r"no `where` of Chroma .*: its operators are \$eq"),
    ],
)
def test_what_chroma_does_not_take(make, given, said):
    world = make(ChromaEngine())
    with pytest.raises(InputError, match=said):
        world.store.evaluate(world.pairs(), filter=given, progress=False)


@pytest.mark.parametrize("engine", [None, ChromaEngine(), FaissEngine()], ids=["memory", "chroma", "faiss"])
def test_a_function_of_metadata_or_of_a_document(make, engine):
    """LangChain's filters in memory ask for a document."""
    world = make(engine, "l2" if isinstance(engine, FaissEngine) else "cosine")
    asked = [(text, ids) for text, ids in world.pairs() if int(ids[0][1:]) >= 10]
    figures = [
        world.store.evaluate(asked, ["nDCG@10"], filter=given, progress=False).mean("nDCG@10")
        for given in (
            lambda data: data["page"] >= 10,
            lambda document: document.metadata.get("page", 0) >= 10,
            lambda document: int(document.id[1:]) >= 10 and document.page_content.startswith("text"),
        )
    ]
    assert figures == [figures[0]] * 3


@pytest.mark.parametrize("job", ["nudge", "evaluate"])
def test_labels_that_are_all_beside_the_filter(world, job):
    others = [(text, ids) for text, ids in world.pairs() if ids == ["d1"]] or [("train0?", ["d1"])]
    with pytest.raises(
        InputError, match=r"has a relevant document: the .* not stored, or do not pass the filter: 'd1'"
    ):
        getattr(world.store, job)(others, filter=EVEN, progress=False)
