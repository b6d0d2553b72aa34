"""Odd texts, odd stores and odd labels: reported, never a crash, nothing dropped."""

import random

import pytest
from match_texts import ask, chunks, document, found, labels, text

from nudge_core.errors import InputError, MissingExtraError
from nudge_integrations.labels import Answer, read_labels
from nudge_integrations.labels.matching import match

STORED = [(f"d{i}", document(i), {}) for i in range(20)]


@pytest.mark.parametrize("empty", ["", " \n\t", "\0\0", "\u200b\ufeff", "---", "“”"])
def test_empty_texts_match_nothing_and_are_told(empty):
    ids, done = found([*STORED, ("blank", empty, {})], text(empty))
    assert ids == {}
    assert len(done.report.matches) == 1
    given = "its text is empty" if empty.strip() else "it has no text, no span, no source and no page"
    assert done.report.matches[0].note == given
    assert "1 of 21 stored documents hold no text" in done.report.problems[0]


def test_nul_bytes_and_half_surrogates():
    body = document(3)
    assert found(STORED, text(body.replace(" ", "\0 ")))[0] == {"d3": "normalised"}
    assert found([("s", body + "\ud800", {}), *STORED[4:]], text(body))[0] == {"s": "containment"}
    assert found(STORED, text("\udfff" + document(99)))[0] == {}


def test_a_million_characters():
    body = " ".join(document(i, 40) for i in range(1200))
    assert len(body) > 1_000_000
    stored = [(name, piece, {}) for name, piece, _ in chunks("big", body, 2000)] + [
        (f"other{i}", document(9000 + i), {}) for i in range(50)
    ]
    span = body[600_000:600_060]
    ids, done = found(stored, text(body, span=span), text(body + "."))
    assert set(ids) == {name for name, piece, _ in stored if span in piece}
    assert done.report.of("too much")[0].count == len(stored) - 50
    whole, _ = found([("all", body, {}), *STORED], text(body.upper()), text(document(600, 40)))
    assert whole == {"all": "normalised"} | {"all": "containment"}


def test_all_identical_copies_match_and_are_counted():
    body = document(5)
    stored = [*STORED, ("copy 1", body, {}), ("copy 2", body, {})]
    ids, done = found(stored, text(body), text(body[30:250]))
    assert set(ids) == {"d5", "copy 1", "copy 2"}
    assert [each.copies for each in done.report.matches] == [2, 2]
    assert "2 answers match identical copies of a chunk" in repr(done)


def test_too_many_copies_are_too_much():
    stored = [(f"c{i}", "This page was left blank on purpose.", {}) for i in range(7000)]
    ids, done = found(stored, text("This page was left blank on purpose."))
    assert ids == {}
    assert done.report.matches[0].count == 7000
    assert len(done.report.matches[0].found) == 20


def test_short_texts_match_whole_chunks_only():
    stored = [*STORED, ("y", "Yes", {}), ("f", "5", {}), ("in", "He said yes 5 times to the question.", {})]
    assert found(stored, text("yes"))[0] == {"y": "normalised"}
    assert found(stored, text("5"))[0] == {"f": "exact"}
    ids, done = found(stored, text("times"))
    assert ids == {}
    assert "too short" in done.report.matches[0].note
    assert found(stored, text("times"), shortest=5)[0] == {"in": "containment"}
    assert found(stored, text("question."), shortest=5)[0] == {"in": "containment"}


SIGNS = "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经"
CHINESE = {f"z{i}": "".join(random.Random(i).choices(SIGNS, k=300)) for i in range(20)}


def test_a_script_without_spaces():
    stored = [(name, body, {}) for name, body in CHINESE.items()]
    body = CHINESE["z4"]
    assert found(stored, text(body))[0] == {"z4": "exact"}
    assert found(stored, text(body[40:55]))[0] == {"z4": "containment"}
    assert found(stored, text("\n".join(body)))[0] == {"z4": "normalised"}
    pieces = [(f"{name}/{k}", body[100 * k : 100 * k + 100], {}) for name, body in CHINESE.items() for k in range(3)]
    assert set(found(pieces, text(body))[0]) == {"z4/0", "z4/1", "z4/2"}
    assert found(pieces, text(body, span=body[150:153]))[0] == {"z4/1": "span"}
    draw = random.Random(0)
    damaged = "".join("々" if draw.random() < 0.04 else c for c in body)
    assert found(stored, text(damaged))[0] == {"z4": "fuzzy"}


@pytest.mark.parametrize(
    "body",
    [
        "ภาษาไทยเขียนติดกันโดยไม่เว้นวรรคระหว่างคำและใช้เครื่องหมายกำกับเสียงวรรณยุกต์",
        "भारत एक विशाल देश है जिसमें अनेक भाषाएँ बोली जाती हैं और अनेक धर्म हैं",
        "اللغة العربية هي أكثر اللغات السامية تحدثا وإحدى أكثر اللغات انتشارا في العالم",
        "한국어는 한국과 북한의 공용어이며 세계 여러 나라에서 많은 사람들이 쓰는 말이다",
        "Ελληνική γλώσσα είναι μία από τις ινδοευρωπαϊκές γλώσσες και γράφεται εδώ και αιώνες",
    ],
)
def test_other_scripts(body):
    stored = [("it", f"{body} {document(1)}", {}), *STORED]
    half = len(body) // 2
    assert found(stored, text(body))[0] == {"it": "containment"}
    assert found(stored, text(body + " " + document(1), span=body[half - 6 : half + 6]))[0] == {"it": "span"}
    assert found(stored, Answer(span=body[: half + 5].rsplit(" ", 1)[0]))[0] == {"it": "span"}


def test_two_versions_of_one_document():
    old = document(55, 30)
    new = old.replace("Gra", "Grum", 2).replace(". Ba", ". Now ba", 1) + " " + document(77, 2)
    done = match(labels(ask(text(old), text(new), where="q.jsonl, line 3")), [("new", new, {}), *STORED])
    assert any(
        "labelled with two versions of one text, answers 1 and 2" in each and "line 3" in each
        for each in done.report.problems
    )
    assert done.questions.relevant == ({"new": 1.0},)
    other = match(labels(ask(text(old), text(document(6)))), STORED)
    assert not other.report.problems


def test_a_chunk_both_relevant_and_not_is_left_out_and_told():
    done = match(labels(ask(text(document(1)), text(document(2)), text(document(2)[:150], relevant=False))), STORED)
    assert done.questions.relevant == ({"d1": 1.0},)
    assert "'d2' as relevant and as irrelevant" in done.report.problems[0]


def test_thumbs_down_and_grades():
    done = match(
        labels(
            ask(text(document(1), relevant=False)),
            ask(text(document(2), grade=2.0), text(document(3), grade=0.0), text="B?"),
        ),
        STORED,
    )
    assert done.questions.texts == ("B?",)
    assert done.questions.relevant == ({"d2": 2.0},)
    assert done.report.unmatched == (0,)
    assert [each.relevant for each in done.report.matches] == [False, True, False]


def test_questions_that_stand_twice_and_splits():
    done = match(
        labels(
            ask(text(document(1)), split="train"),
            ask(text(document(2)), split="test"),
            ask(text(document(3)), text="Other?", split="test"),
            ask(text(document(99)), text="Nothing?", split="test"),
        ),
        STORED,
    )
    assert done.questions.texts == ("Which one?", "Other?")
    assert done.questions.relevant[0] == {"d1": 1.0, "d2": 1.0}
    assert done.splits["train"].relevant == ({"d1": 1.0},)
    assert done.splits["test"].texts == ("Which one?", "Other?")


def test_texts_of_ids_that_the_source_brings():
    brought = labels(ask(Answer(id="k")), documents={"k": document(4)})
    done = match(brought, STORED)
    assert done.questions.relevant == ({"d4": 1.0},)
    assert done.report.odd[0].note == "id 'k' is not in the store"


def test_an_answer_without_anything_is_told():
    _, done = found(STORED, Answer())
    assert done.report.matches[0].note == "it has no text, no span, no source and no page"


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        ([], "there are no documents"),
        ([("a", "b")], r"documents\[0\] is .* expected \(id, text, metadata\)"),
        ([("a", "b", {}), ("c", 5, {})], r"documents\[1\] \(id 'c'\) has a text of type int"),
        ([("a", "b", "c")], "metadata of type str"),
    ],
)
def test_documents_that_are_none(stored, message):
    with pytest.raises(InputError, match=message):
        found(stored, text("Something to look for."))


@pytest.mark.parametrize(
    "options",
    [{"fuzzy": 0}, {"fuzzy": 90}, {"enough": -1}, {"enough": None}, {"most": 0}, {"most": 2.5}, {"shortest": True}],
)
def test_thresholds_out_of_range(options):
    with pytest.raises(InputError, match=f"{next(iter(options))} is "):
        found(STORED, text("Something to look for."), **options)


def test_no_questions():
    with pytest.raises(InputError, match="no questions"):
        match(labels(), STORED)


def test_without_rapidfuzz(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "rapidfuzz", None)
    with pytest.raises(MissingExtraError, match=r"rapidfuzz.*\[labels\]"):
        found(STORED, text(document(3)))
    assert found(STORED, text(document(3)[20:300], span=document(3)[100:130]), fuzzy=None)[0] == {"d3": "span"}


def test_documents_are_gone_through_once():
    assert found(iter(STORED), text(document(3)))[0] == {"d3": "exact"}


def test_what_cannot_be_matched_is_told():
    asked, stored = read_labels([{"question": "Why?", "context": "Since it rains."}]), [("a", "Since it rains.", {})]
    for questions, documents, message in (
        (
            [{"question": "Why?"}],
            stored,
            "questions is a list; expected a LabelledQuestions: read them with read_labels",
        ),
        (iter(stored), asked, "questions is a .*; expected a LabelledQuestions"),
        (asked, object(), r"documents is a object; expected \(id, text, metadata\).*index_documents"),
        (asked, {"a": "Since it rains."}, "documents is a dict"),
        (asked, ["Since it rains."], r"documents\[0\] is 'Since it rains.'; expected \(id, text, metadata\)"),
    ):
        with pytest.raises(InputError, match=message):
            match(questions, documents)


def test_a_place_that_nothing_has_is_named():
    asked = read_labels([{"q": "Why?", "file": "a.pdf", "page": 3}], question="q", metadata=["file", "page"])
    stored = [("a", "Since it rains.", {"source": "b.pdf"})]
    with pytest.raises(InputError, match="no stored document has the metadata 'page'"):
        match(asked, stored)
    (only,) = match(asked, [*stored, ("b", "It rains.", {"page": 4})]).report.matches
    assert only.note == "no document is of {'file': 'a.pdf', 'page': 3}"


@pytest.mark.parametrize(
    ("stored", "label"),
    [
        (
            "绿茶在春天采摘，红茶在夏天采摘。采摘后的茶叶要在当天晒干。",
            "綠茶在春天採摘，紅茶在夏天採摘。採摘後的茶葉要在當天曬乾。",
        ),
        ("يمكن إرجاع البضائع خلال أربعة عشر يوما", "يُمْكِنُ إِرْجَاعُ البَضَائِعِ خِلَالَ أَرْبَعَةَ عَشَرَ يَوْمًا"),
    ],
    ids=["traditional Chinese", "vowel marks of Arabic"],
)
def test_other_ways_to_write_the_same_words(stored, label):
    asked = read_labels([{"question": "?", "context": label}])
    assert match(asked, [("a", stored, {}), ("b", "The boats.", {})]).questions.relevant == ({"a": 1.0},)
