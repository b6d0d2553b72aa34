"""split: no question in both parts, not even in another spelling."""

import pytest

from nudge_core.errors import InputError
from nudge_integrations.labels import read_labels, split


def labelled(*texts, splits=()):
    rows = [{"question": text, "ids": ["a"]} for text in texts]
    for row, name in zip(rows, splits, strict=False):
        row["split"] = name
    return read_labels(rows)


def test_spellings_of_one_question_stay_together():
    questions = labelled(*(f"{text} {i}?" for i in range(50) for text in ("How", "  how", "HOW ", "Ｈｏｗ")))
    for seed in range(5):
        train, test = split(questions, 0.7, seed)
        sides = [
            {" ".join(one.text.replace("Ｈｏｗ", "how").lower().split()) for one in part} for part in (train, test)
        ]
        assert not sides[0] & sides[1]
        assert (len(train), len(test)) == (140, 60)
        assert {one.split for one in train} == {"train"}
        assert {one.split for one in test} == {"test"}
    assert [one.text for one in split(questions, 0.7, 1)[0]] == [one.text for one in split(questions, 0.7, 1)[0]]
    assert [one.text for one in split(questions, 0.7, 1)[0]] != [one.text for one in split(questions, 0.7, 2)[0]]


def test_questions_on_both_sides_of_the_source_are_told_and_kept_on_one():
    questions = labelled("Why?", "why ?", "WHY?", "How?", splits=["train", "train", "test", "test"])
    assert "1 questions stand in several splits: 'Why?'" in questions.problems[0]
    train, test = split(questions, 0.5)
    assert any("stood on both sides" in problem and "'Why?'" in problem for problem in train.problems)
    whys = [[one.text for one in part if one.text.lower() == "why?"] for part in (train, test)]
    assert [] in whys
    assert ["Why?", "WHY?"] in whys


def test_each_part_has_a_question_and_bad_fractions_are_refused():
    for fraction in (0.01, 0.99):
        assert [len(part) for part in split(labelled("a", "b", "c"), fraction)] in ([1, 2], [2, 1])
    for fraction in (0, 1, -1, "half", None):
        with pytest.raises(InputError, match="between 0 and 1"):
            split(labelled("a", "b"), fraction)
    with pytest.raises(InputError, match="1 different questions; two are needed"):
        split(labelled("Why?", "WHY?"))


def test_only_labelled_questions_are_split():
    for given in (["Why?"], "labels.csv", None):
        with pytest.raises(
            InputError, match="questions is a .*; expected a LabelledQuestions: read them with read_labels"
        ):
            split(given)
