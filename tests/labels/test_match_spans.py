"""The answer decides among the chunks of a context, and finds a chunk without one where it is long enough."""

import random

import pytest
from match_texts import ask, chunks, document, found, labels, text

from nudge_integrations.labels import Answer
from nudge_integrations.labels.matching import match

BODY = document(1, 20)
PIECES = chunks("d", BODY, 250)
STORED = [(name, piece, {}) for name, piece, _ in PIECES] + [(f"o{i}", document(i), {}) for i in range(50, 80)]


def holder(start, end):
    return {name for name, piece, at in PIECES if at <= start and end <= at + len(piece)}


@pytest.mark.parametrize("place", range(0, 1100, 75))
def test_the_chunk_that_holds_the_answer_wins(place):
    start = BODY.index(" ", place) + 1
    end = BODY.index(" ", start + 15)
    if BODY.count(BODY[start:end]) == 1 and holder(start, end):
        ids, _ = found(STORED, text(BODY, span=BODY[start:end]))
        assert ids == dict.fromkeys(holder(start, end), "span")


def test_an_answer_cut_in_two_matches_both_of_its_chunks():
    cut = PIECES[1][2]
    ids, done = found(STORED, text(BODY, span=BODY[cut - 60 : cut + 55]))
    assert ids == {"d/0": "span", "d/1": "span"}
    assert [round(each.score, 1) for each in done.report.matches[0].found] == [0.5, 0.5]
    assert found(STORED, text(BODY, span=BODY[cut - 100 : cut + 15]))[0] == {"d/0": "span"}


@pytest.mark.parametrize("size", [120, 300])
def test_the_same_words_elsewhere_do_not_count(size):
    first, second = document(2), document(3)
    context = f"{first} The year was 1816 when it began. {second}"
    other = f"{document(4)} The year was 1816 when others began. {document(5)}"
    stored = [
        (name, piece, {}) for key, body in (("c", context), ("o", other)) for name, piece, _ in chunks(key, body, size)
    ]
    expected = {name for name, piece, _ in stored if "1816 when it" in piece}
    assert len(expected) == 1
    assert set(found(stored, text(context, span="1816"))[0]) == expected


@pytest.mark.parametrize(
    ("span", "hit"), [("5", "c"), ("yes", "b"), ("C++", "d"), ("7.5", "e"), ("don't", "f"), ("ARR", "g")]
)
def test_a_short_answer_stands_as_a_word_of_its_own(span, hit):
    sentences = {
        "a": "In 1956 and 2015 it was 5.3 of them yesterday, all of 17.55 of it.",
        "b": "Asked whether it would rain they said yes and went out.",
        "c": "There were 5 of them that came along the winding road.",
        "d": "It was written in C++ by people who had time on their hands.",
        "e": "The serial interval was 7.5 days in the earliest of the reports.",
        "f": "Most of them don’t know what it was that they had been told.",
        "g": "The array was called ARR by those that made it in the first place.",
    }
    context = " ".join(sentences.values())
    stored = [(name, body, {}) for name, body in sentences.items()]
    assert found(stored, text(context, span=span))[0] == {hit: "span"}


def test_the_case_of_the_answer_decides_where_it_stands_twice():
    stored = [
        ("a", "Most of the bats live in caves that nobody has ever seen.", {}),
        ("b", "Bats and birds are the animals that can fly.", {}),
    ]
    context = " ".join(body for _, body, _ in stored)
    assert set(found(stored, text(context, span="Bats"))[0]) == {"b"}
    assert set(found(stored, text(context, span="bats"))[0]) == {"a"}
    assert set(found(stored, text(context, span="BATS"))[0]) == {"a", "b"}


def test_the_start_of_the_answer_decides_where_it_stands_twice():
    context = f"{document(6)} They came in July. {document(7)} They left in July. {document(8)}"
    stored = [(name, piece, {}) for name, piece, _ in chunks("c", context, 250)]
    came, left = ({name for name, piece, _ in stored if what in piece} for what in ("came in July", "left in July"))
    assert set(found(stored, text(context, span="July"))[0]) == came | left
    for what, expected in (("came", came), ("left", left)):
        start = context.index(f"{what} in July") + len(what) + 4
        assert set(found(stored, text(context, span="July", metadata={"answer_start": start}))[0]) == expected


def test_an_answer_that_runs_over_the_end_of_its_context():
    ids, _ = found(STORED, text(BODY[: PIECES[2][2] - 1], span=BODY[PIECES[2][2] - 50 : PIECES[2][2] + 90]))
    assert ids == {"d/1": "span"}


@pytest.mark.parametrize("seed", range(4))
def test_the_same_where_letters_are_wrong(seed):
    draw = random.Random(seed)
    wrong = "".join("x" if c.isalpha() and draw.random() < 0.03 else c for c in BODY)
    cut, after = PIECES[2][2] - 1, PIECES[3][2] - 1
    assert set(found(STORED, text(wrong[:cut], span=BODY[cut - 90 : cut + 120]))[0]) == {"d/1"}
    assert set(found(STORED, text(wrong[cut + 1 : after], span=BODY[cut - 120 : cut + 90]))[0]) == {"d/2"}


def test_an_answer_that_is_not_in_the_context_leaves_its_chunks_and_is_noted():
    ids, done = found(STORED, text(BODY, span="An answer in words of the annotator"))
    assert set(ids) == {name for name, _, _ in PIECES}
    assert done.report.odd[0].note == "its text does not hold its span"


def test_such_an_answer_follows_another_of_the_same_question():
    span = BODY[300:330]
    ids, done = found(STORED, text(BODY, span=span), text(BODY, span="An answer in other words"))
    assert set(ids) == holder(300, 330)
    assert "another span" in done.report.matches[1].note


def test_damage_around_and_in_the_answer():
    damaged = BODY.replace("ba", "bq").replace("\n", " ").upper()
    start = BODY.index("ba", 400) - 30
    span = damaged[start : start + 90]
    ids, _ = found(STORED, text(damaged, span=span))
    assert set(ids) == holder(start, start + 90) or len(ids) == 2


def test_an_answer_without_a_context():
    span = BODY[300:345]
    assert found(STORED, Answer(span=span))[0] == dict.fromkeys(holder(300, 345), "span")


@pytest.mark.parametrize("span", ["yes", "5", "1816"])
def test_a_short_answer_without_a_context_matches_nothing(span):
    stored = [*STORED, ("y", f"He said {span} and left.", {})]
    ids, done = found(stored, Answer(span=span))
    assert ids == {}
    assert "too short" in done.report.matches[0].note


def test_unless_source_or_page_say_where():
    stored = [(f"p{i}", f"He said {i} and left, yes or no.", {"source": "a.md", "page": i}) for i in range(9)]
    assert found(stored, Answer(span="5", metadata={"source": "a.md"}))[0] == {"p5": "span"}
    assert found(stored, Answer(span="yes", metadata={"source": "a.md", "page": 3}))[0] == {"p3": "span"}
    ids, done = found(stored, Answer(span="yesterday", metadata={"source": "a.md"}))
    assert ids == {}
    assert "none of the 9 chunks" in done.report.matches[0].note


def test_an_answer_that_stands_in_many_chunks_matches_too_much():
    stored = [(f"s{i}", f"{document(i)} All rights are reserved by the company.", {}) for i in range(30)]
    done = match(labels(ask(Answer(span="All rights are reserved by the company"))), stored)
    assert len(done.questions) == 0
    assert done.report.of("too much")[0].count == 30
    assert "30 chunks match, by span" in repr(done.report)
    assert (
        len(
            match(
                labels(ask(Answer(span="All rights are reserved by the company"))), stored, most=30
            ).questions.relevant[0]
        )
        == 30
    )
