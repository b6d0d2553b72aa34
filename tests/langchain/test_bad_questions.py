"""Questions that cannot be used: the message names the culprit, and nothing was embedded or written."""

import numpy as np
import pytest
from engines.base import Lookup
from engines.faiss import FaissEngine

from nudge_core import QuerySet
from nudge_core.errors import EmbeddingError, InputError, NudgeError, UnknownIdError

LOOKUP = Lookup({}, 8)
GOOD = ("train0?", ["d1"])
BAD = [
    ([GOOD, ("a question",)], r"questions\[1\] is .*'a question'.*a list of pairs"),
    ([GOOD, ("a", "b", "c")], r"questions\[1\]"),
    (["a question", "another"], r"questions\[0\] is 'a question'"),
    ("ab", "there is no folder 'ab'"),
    ([GOOD, None], r"questions\[1\] is 'None'"),
    ([GOOD, ("", ["d1"])], r"questions\[1\]"),
    ([GOOD, ("  \n", ["d1"])], r"questions\[1\]"),
    ([GOOD, (17, ["d1"])], r"questions\[1\]"),
    ([GOOD, ("why?", None)], r"questions\[1\]"),
    (
        [GOOD, ("", ["d1"])],
        r"questions\[1\] has the question '' with the answers \['d1'\]: write the question, or leave these",
    ),
    ([GOOD, (None, ["d1"])], r"questions\[1\] has the question None with the answers"),
    ([GOOD, {"question": None, "relevant": ["d1"]}], r"questions\[1\] has the question None with the answers"),
    ({GOOD[0]: GOOD[1], " ": ["d1"]}, r"questions\[1\] has the question ' ' with the answers"),
    ([GOOD, {"question": "why?"}], r"questions\[1\] is .*why"),
    ([GOOD, {"answer": "why?", "relevant": ["d1"]}], r"questions\[1\] is .*answer"),
    ([GOOD, ("why?", 1.5)], r"questions\[1\] \('why\?'\) has the answers 1.5; expected a list of document ids"),
    ([GOOD, ("why?", [1.5])], r"questions\[1\] \('why\?'\) names a document by a float, '1.5'; expected its id"),
    ([GOOD, ("why?", [["d1"]])], r"questions\[1\] \('why\?'\) names a document by a list"),
    ([GOOD, ("why?", [None])], r"names a document by a NoneType"),
    ([GOOD, ("why?", [True])], r"names a document by a bool"),
    ([GOOD, ("why?", {"d1": "high"})], r"grades document 'd1' with 'high'; expected a number"),
    ([GOOD, ("why?", {"d1": float("nan")})], r"grades document 'd1' with nan"),
    ([GOOD, ("why?", {"d1": float("inf")})], r"grades document 'd1' with inf"),
    ([], "there are no questions"),
    ({}, "there are no questions"),
    (iter([]), "there are no questions"),
    (17, "questions is a int; expected a list of pairs"),
    (b"train", "questions is a bytes"),
    (np.ones((3, 8)), r"questions\[0\]"),
    (None, r"no questions to learn from: label at least one, or keep feedback with add_feedback"),
    ([("why?", []), ("how?", {"d1": 0})], r"none of the 2 questions has a relevant document: label at least one"),
    ([GOOD], "one question cannot be learned from and held out at once"),
]


@pytest.mark.parametrize(("questions", "said"), BAD, ids=[str(i) for i in range(len(BAD))])
def test_bad_questions(world, questions, said):
    before = world.bits()
    with pytest.raises(NudgeError, match=said):
        world.store.nudge(questions, progress=False)
    assert world.bits() == before
    assert world.store.history() == []


@pytest.mark.parametrize("where", ["questions", "validation", "QuerySet", "evaluate"])
def test_ids_that_the_store_does_not_hold(world, where):
    """They are named before anything is embedded, where none may be missing."""
    before, bad = world.bits(), [*world.pairs(), ("x?", ["d3", "nobody"]), ("y?", ["no-one"])]
    calls = {
        "questions": lambda: world.store.nudge(bad, missing="error", progress=False),
        "validation": lambda: world.store.nudge(world.pairs(), bad, missing="error", progress=False),
        "QuerySet": lambda: world.store.nudge(
            QuerySet(np.ones((2, 8)), [["d1", "nobody"], ["no-one"]]), missing="error", progress=False
        ),
        "evaluate": lambda: world.store.evaluate(bad, missing="error", progress=False),
    }
    with pytest.raises(
        UnknownIdError,
        match=r"2 labels of \d+ name documents that are not in the InMemory collection of 60: 'nobody', 'no-one'. Its ids look",
    ):
        calls[where]()
    assert world.bits() == before
    assert world.store.history() == []
    if where != "evaluate":
        assert (world.embedding.queries, world.embedding.documents) == ([], [])


@pytest.mark.parametrize("background", ["exact", "search"])
def test_unknown_ids_are_named_whatever_the_background(world, background):
    with pytest.raises(UnknownIdError, match="'nobody'"):
        world.store.nudge([GOOD, ("x?", ["nobody", "no-one"])], background=background, progress=False)


def test_a_query_set_of_another_dimension(world):
    with pytest.raises(InputError, match="the training questions have dimension 5, the documents 8"):
        world.store.nudge(QuerySet(np.ones((2, 5)), [["d1"], ["d2"]]), progress=False)


def test_a_query_set_with_a_question_twice(world):
    twice = QuerySet(np.ones((2, 8)), [["d1"], ["d2"]], texts=["why?", "why?"])
    with pytest.raises(InputError, match=r"holds questions more than once: 'why\?'"):
        world.store.nudge(twice, progress=False)


def test_validation_without_answers(world):
    with pytest.raises(InputError, match="the validation set holds no questions|no questions"):
        world.store.nudge(world.pairs(), [("why?", [])], progress=False)


def test_an_empty_list_is_named(world):
    with pytest.raises(InputError, match="^validation: there are no questions"):
        world.store.nudge(world.pairs(), [], progress=False)
    with pytest.raises(InputError, match="^there are no questions"):
        world.store.nudge([], progress=False)


def test_a_folder_that_is_none(world, tmp_path):
    with pytest.raises(NudgeError, match=r"there is no folder .*nowhere.*BEIR form"):
        world.store.nudge(tmp_path / "nowhere", progress=False)
    with pytest.raises(NudgeError, match="corpus.jsonl"):
        world.store.evaluate(tmp_path, progress=False)


def test_an_embedding_of_another_dimension(world):
    world.embedding.known |= {text: [1.0] * 5 for text in ("Which of these texts answers the question?", "train0?")}
    before = world.bits()
    with pytest.raises(
        InputError, match=r"Asked\(\) embeds questions in 5 dimensions, the documents of the store have 8"
    ):
        world.store.nudge(world.pairs(), progress=False)
    assert world.bits() == before


@pytest.mark.parametrize("fault", [float("nan"), float("inf"), 0.0])
def test_a_question_that_cannot_be_embedded_is_named(world, fault):
    world.embedding.known["train3?"] = [fault] * 8
    before = world.bits()
    with pytest.raises(EmbeddingError, match=r"question 'train3\?' (holds|is a zero vector)"):
        world.store.nudge(world.pairs(), progress=False)
    assert world.bits() == before
    world.embedding.known["train3?"] = [1.0] * 8
    world.store.nudge(world.pairs(), progress=False)  # nothing bad was kept


@pytest.mark.parametrize("fault", [float("nan"), float("inf"), 0.0])
def test_a_document_that_cannot_be_used_is_named(world, fault):
    world.inner.store["d40"]["vector"] = [fault] * 8
    before = world.bits()
    with pytest.raises(InputError, match=r"document 'd40'.*(holds|is a zero vector).*embed it again"):
        world.store.nudge(world.pairs(), progress=False)
    assert world.bits() == before


@pytest.mark.parametrize(
    ("validation", "said"),
    [
        ("nDCG@10", "validation, the second argument, is 'nDCG@10', which is a measure.*give measure='nDCG@10'"),
        ("nowhere", "validation, the second argument: there is no folder 'nowhere'"),
        (LOOKUP, "validation, the second argument, is a Lookup; expected a list of pairs"),
    ],
    ids=["measure", "path", "embedding"],
)
def test_what_is_no_validation(world, validation, said):
    with pytest.raises(NudgeError, match=said):
        world.store.nudge(world.pairs(), validation, progress=False)


def test_a_store_is_no_question(world):
    with pytest.raises(InputError, match="questions, the first argument, is a NudgeVectorStore; expected a list of"):
        world.store.nudge(world.store)


def test_numbers_that_may_be_pages_are_told_at_once(world):
    """The pages of this store are the numbers of its documents."""
    numbered = [(text, [int(name[1:]) for name in ids]) for text, ids in world.pairs()]
    report = world.store.nudge(numbered, progress=False)
    assert "by the 'page' in their metadata" in repr(report).splitlines()[1]


def test_an_empty_store_is_said_to_be_empty(make):
    world = make(FaissEngine(), "l2")
    world.inner.delete([f"d{i}" for i in range(60)])
    with pytest.raises(InputError, match="the FAISS collection holds no documents: add some first"):
        world.store.nudge(world.pairs(), progress=False)
