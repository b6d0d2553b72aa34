"""Feedback: kept in the journal, merged into the next nudge, the last word counts."""

import os
from pathlib import Path

import numpy as np
import pytest

from nudge_core.errors import InputError, NudgeError
from nudge_integrations.langchain import NudgeVectorStore


def give(world, pairs):
    for text, answers in pairs:
        world.store.add_feedback(text, relevant=answers)


def apart(world):
    """With a journal of its own, which knows of no feedback."""
    world.store = NudgeVectorStore(world.inner, journal=Path(os.environ["NUDGE_HOME"]) / "another.sqlite")
    return world


def test_feedback_alone_is_enough(make):
    world, told = make(), apart(make())
    give(world, world.pairs())
    first = world.store.nudge(progress=False)
    second = told.store.nudge(sorted(told.pairs()), progress=False)
    assert len(first.after) == len(second.after) == 30
    assert {*first.after.ids} == {text for text, _ in world.pairs()}


def test_feedback_gives_what_the_same_questions_give(make):
    world, told = make(), apart(make())
    give(world, world.pairs())
    report = world.store.nudge(validation=world.pairs("validation"), progress=False)
    other = told.store.nudge(told.pairs(), told.pairs("validation"), progress=False)
    assert report.tuned.gamma == other.tuned.gamma
    np.testing.assert_allclose(world.vectors(), told.vectors(), atol=1e-6)


def test_it_is_added_to_the_questions_given(make):
    world, told = make(), apart(make())
    text, answers = world.pairs()[0]
    world.store.add_feedback(text, relevant=["d59"])
    world.store.add_feedback("brand new", relevant=["d58"])
    world.store.nudge(world.pairs(), world.pairs("validation"), progress=False)
    merged = [(text, [*answers, "d59"]), *told.pairs()[1:], ("brand new", ["d58"])]
    told.store.nudge(merged, told.pairs("validation"), progress=False)
    np.testing.assert_allclose(world.vectors(), told.vectors(), atol=1e-6)


def test_irrelevant_takes_a_label_away(make):
    world, told = make(), apart(make())
    text, answers = next((text, answers) for text, answers in world.pairs() if len(answers) > 1)
    world.store.add_feedback(text, irrelevant=answers[:1])
    world.store.nudge(world.pairs(), world.pairs("validation"), progress=False)
    fewer = [(t, a[1:] if t == text else a) for t, a in told.pairs()]
    told.store.nudge(fewer, told.pairs("validation"), progress=False)
    np.testing.assert_allclose(world.vectors(), told.vectors(), atol=1e-6)


def test_a_question_all_of_whose_answers_are_irrelevant_is_left_out(world):
    text, answers = world.pairs()[0]
    world.store.add_feedback(text, irrelevant=answers)
    report = world.store.nudge(world.pairs(), progress=False)
    assert (len(report.after), text in report.after.ids.tolist()) == (29, False)


def test_it_is_for_learning_never_for_judging(world):
    """Validation questions are as they were given."""
    text, answers = world.pairs("validation")[0]
    plain = world.store.nudge(world.pairs(), world.pairs("validation"), progress=False)
    world.store.add_feedback(text, irrelevant=answers)
    report = world.store.nudge(world.pairs(), world.pairs("validation"), progress=False)
    assert report.before.to_dict() == plain.before.to_dict()
    assert len(report.after) == 30


def test_the_last_word_counts(world):
    for relevant, irrelevant in ((["d1", "d2"], ["d3"]), (["d3"], ["d1"]), (["d1"], [])):
        world.store.add_feedback("why?", relevant=relevant, irrelevant=irrelevant)
    world.store.add_feedback("how?", irrelevant=["d4"])
    labels = {entry["question"]: entry for entry in world.store.labels()}
    assert set(labels["why?"]["relevant"]) == {"d1", "d2", "d3"}
    assert labels["why?"]["irrelevant"] == []
    assert labels["how?"] == {"question": "how?", "relevant": [], "irrelevant": ["d4"]}


def test_it_outlives_the_object(world):
    """A store in memory is known again once vectors of it are; one with a chosen journal at once."""
    give(world, world.pairs())
    world.store.nudge(progress=False)
    labels = world.store.labels()
    assert len(labels) == 30
    again = NudgeVectorStore(world.inner)
    assert again.labels() == labels
    again.restore()
    assert NudgeVectorStore(world.inner).labels() == labels


def test_it_is_kept_in_a_chosen_journal_before_any_nudge(world, tmp_path):
    NudgeVectorStore(world.inner, journal=tmp_path / "mine.sqlite").add_feedback("why?", relevant=["d1"])
    again = NudgeVectorStore(world.inner, journal=tmp_path / "mine.sqlite")
    assert again.labels() == [{"question": "why?", "relevant": ["d1"], "irrelevant": []}]


def test_what_labels_returns_can_be_given_to_nudge(make):
    world, told = make(), apart(make())
    give(world, world.pairs())
    told.store.nudge(world.store.labels(), told.pairs("validation"), progress=False)
    world.store.nudge(validation=world.pairs("validation"), progress=False)
    assert told.bits() == world.bits()


def test_none_was_given(world, home):
    assert world.store.labels() == []
    with pytest.raises(InputError, match=r"no questions to learn from: label at least one, or keep feedback"):
        world.store.nudge(progress=False)


def test_only_bad_words_were_given(world):
    world.store.add_feedback("why?", irrelevant=["d1"])
    with pytest.raises(InputError, match="none of the 1 questions has a relevant document"):
        world.store.nudge(progress=False)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"question": "", "relevant": ["d1"]}, "question is ''; expected the text of a question"),
        ({"question": "  ", "relevant": ["d1"]}, "expected the text of a question"),
        ({"question": None, "relevant": ["d1"]}, "question is None"),
        ({"question": ["why?"], "relevant": ["d1"]}, "expected the text of a question"),
        ({"question": "why?"}, "neither relevant nor irrelevant documents are given"),
        ({"question": "why?", "relevant": "d1"}, r"lists of document ids, for example relevant=\[\"a\"\]"),
        ({"question": "why?", "irrelevant": "d1"}, "lists of document ids"),
        (
            {"question": "why?", "relevant": ["d1", "d2"], "irrelevant": ["d2"]},
            r"\['d2'\] are given as relevant and as irrelevant",
        ),
        (
            {"question": "why?", "relevant": ["d1", "nobody"]},
            "1 document is not in the InMemory collection of 60: 'nobody'",
        ),
    ],
)
def test_what_cannot_be_kept(world, options, said):
    with pytest.raises(NudgeError, match=said):
        world.store.add_feedback(**options)
    assert world.store.labels() == []


def test_feedback_on_documents_that_are_gone_is_left_out_and_listed(world):
    give(world, world.pairs())
    text, answers = world.pairs()[0]
    world.store.delete(answers[:1])
    report = world.store.nudge(progress=False)
    assert report.gone == tuple(answers[:1])
    assert repr(answers[0]) in repr(report)


def test_feedback_is_taken_back(world):
    give(world, world.pairs())
    text = world.pairs()[0][0]
    kept = len(world.store.labels())
    world.store.remove_feedback(text)
    assert text not in [entry["question"] for entry in world.store.labels()]
    assert len(world.store.labels()) == kept - 1
    with pytest.raises(InputError, match="labels\\(\\) lists those that are"):
        world.store.remove_feedback(text)


def test_a_query_set_with_texts_is_merged_by_text(make):
    world, told = make(), apart(make())
    text, answers = world.pairs()[0]
    world.store.add_feedback(text, relevant=["d59"])
    world.store.nudge(world.queries(), world.queries("validation"), progress=False)
    told.store.nudge([(text, [*answers, "d59"]), *told.pairs()[1:]], told.pairs("validation"), progress=False)
    np.testing.assert_allclose(world.vectors(), told.vectors(), atol=1e-6)


def test_a_query_set_that_feedback_cannot_be_merged_into(world):
    """Without texts, or without the vector of a question."""
    world.store.add_feedback("brand new", relevant=["d59"])
    given = world.queries()
    with pytest.raises(InputError, match="questions that this QuerySet holds no vectors of"):
        world.store.nudge(given, progress=False)
    with pytest.raises(InputError, match=r"feedback is kept by the text of a question, and this QuerySet has no texts"):
        world.store.nudge(type(given)(given.embeddings, given.relevance), progress=False)


async def test_in_a_coroutine(world):
    await world.store.aadd_feedback("why?", relevant=["d1"], irrelevant=["d2"])
    assert world.store.labels() == [{"question": "why?", "relevant": ["d1"], "irrelevant": ["d2"]}]
