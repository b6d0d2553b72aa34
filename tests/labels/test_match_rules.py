"""Each rule finds what it is for, and a better rule goes before a worse one."""

import random

import pytest
from match_texts import chunks, document, found, text

from nudge_integrations.labels import Answer
from nudge_integrations.labels.matching.text import fold

DOCUMENTS = {f"d{i}": document(i) for i in range(40)}
STORED = [(name, body, {}) for name, body in DOCUMENTS.items()]
BODY = DOCUMENTS["d7"]


def cut(size, documents=DOCUMENTS):
    return [(name, piece, {}) for key, body in documents.items() for name, piece, _ in chunks(key, body, size)]


def wrong_letters(body, rate, seed=0):
    draw = random.Random(seed)
    return "".join(draw.choice("xyz") if c.isalpha() and draw.random() < rate else c for c in body)


def test_exact():
    ids, done = found(STORED, text(BODY))
    assert ids == {"d7": "exact"}
    assert done.questions.relevant == ({"d7": 1.0},)
    assert done.report.by_rule == {"exact": 1}


@pytest.mark.parametrize(
    "changed",
    [
        BODY.upper(),
        BODY.replace(" ", "\n  \t"),
        BODY.replace(" ", "\u00a0"),
        "\ufeff" + BODY.replace("a", "a\u200b"),
        BODY.replace("fil", "ﬁl"),
        BODY.replace("ba", "b-\na"),
        BODY.replace("cor", "co\u00adr"),
        "".join(chr(ord(c) + 0xFEE0) if "a" <= c <= "z" else c for c in BODY),  # full width
        f"“{BODY}”\0",
        f"**{BODY}**",
    ],
)
def test_normalised(changed):
    ids, _ = found(STORED, text(changed))
    assert ids == {"d7": "normalised"}


def test_accents_however_they_are_composed():
    ids, _ = found(
        [("a", "Café crème à la carte, très bon marché", {})],
        text("Cafe\u0301 cre\u0300me a\u0300 la carte, tre\u0300s bon marche\u0301"),
    )
    assert ids == {"a": "normalised"}


def test_a_chunk_that_holds_the_reference():
    start = BODY.index(". ") + 2
    ids, _ = found(STORED, text(BODY[start : start + 200]))
    assert ids == {"d7": "containment"}


@pytest.mark.parametrize("size", [150, 300, 500])
def test_a_reference_that_was_cut_matches_all_of_its_chunks(size):
    stored = cut(size)
    ids, done = found(stored, text(BODY))
    assert ids == {name: "containment" for name, _, _ in stored if name.startswith("d7/")}
    assert len(ids) > 1
    assert done.report.by_rule == {"containment": 1}


def test_chunks_that_hold_enough_of_a_reference_and_those_that_do_not():
    stored = [(name, piece, {}) for name, piece, _ in chunks("d7", BODY, 300)] + cut(300, {"d8": DOCUMENTS["d8"]})
    first, second = stored[0][1], stored[1][1]
    reference = first[-150:] + " " + second[:200]
    ids, done = found(stored, text(reference))
    assert ids == {"d7/0": "overlap", "d7/1": "overlap"}
    match = done.report.matches[0]
    held = ((second[:200], second), (first[-150:], first))
    shares = [len(part.replace(" ", "")) / min(len(fold(chunk)), len(fold(reference))) for part, chunk in held]
    assert [each.score for each in match.found] == pytest.approx(shares, abs=0.03)
    little = first[-60:] + " " + second[:290]
    assert set(found(stored, text(little))[0]) == {"d7/1"}
    assert set(found(stored, text(little), enough=0.1)[0]) == {"d7/0", "d7/1"}


def test_a_title_before_the_stored_text_does_no_harm():
    stored = [(name, f"Title of {name} and more of it\n\n{body}", {}) for name, body in DOCUMENTS.items()]
    assert found(stored, text(BODY))[0] == {"d7": "containment"}
    pieces = [(name, f"Title: something quite other\n{piece}", {}) for name, piece, _ in cut(300)]
    assert set(found(pieces, text(BODY))[0]) == {name for name, _, _ in pieces if name.startswith("d7/")}


@pytest.mark.parametrize("rate", [0.01, 0.03, 0.06])
def test_wrong_letters(rate):
    ids, done = found(STORED, text(wrong_letters(BODY, rate)))
    assert ids == {"d7": "fuzzy"}
    assert 1 - 2 * rate < done.report.matches[0].found[0].score < 1


def test_letters_that_are_missing_and_too_many():
    draw = random.Random(1)
    changed = "".join(c * draw.choice([1] * 60 + [0, 2]) for c in BODY)
    assert found(STORED, text(changed))[0] == {"d7": "fuzzy"}


def test_a_damaged_reference_that_was_cut():
    stored = cut(300)
    ids, _ = found(stored, text(wrong_letters(BODY, 0.02)))
    assert set(ids) == {name for name, _, _ in stored if name.startswith("d7/")}
    assert set(ids.values()) <= {"fuzzy", "overlap", "containment"}


def test_fuzzy_can_be_switched_off_and_set():
    changed = wrong_letters(BODY, 0.08)
    score = found(STORED, text(changed), fuzzy=0.5)[1].report.matches[0].found[0].score
    assert 0.85 < score < 0.96
    nothing, done = found(STORED, text(changed), fuzzy=None, enough=0.9)
    assert nothing == {}
    assert found(STORED, text(changed), fuzzy=score - 0.001, enough=0.9)[0] == {"d7": "fuzzy"}
    refused = found(STORED, text(changed), fuzzy=min(1.0, score + 0.001), enough=0.9)[1].report
    assert [each.chunk.id for each in refused.matches[0].near[:1]] == ["d7"]
    assert refused.matches[0].near[0].score == pytest.approx(score)
    assert done.report.unmatched == (0,)


def test_an_equal_text_goes_before_one_that_holds_it_and_one_that_is_like_it():
    stored = [
        ("longer", BODY + " And more.", {}),
        ("like", wrong_letters(BODY, 0.02), {}),
        ("same", BODY, {}),
        ("case", BODY.upper(), {}),
    ]
    assert found(stored, text(BODY))[0] == {"same": "exact", "case": "normalised"}
    assert found(stored[:2], text(BODY))[0] == {"longer": "containment"}
    assert found(stored[1:2], text(BODY))[0] == {"like": "fuzzy"}


def test_another_text_matches_nothing():
    ids, done = found(STORED, text(document(99)))
    assert ids == {}
    assert done.report.unmatched == (0,)


def test_ids():
    ids, _ = found(STORED, Answer(id="d3"), Answer(id="d7", text=BODY))
    assert ids == {"d3": "id", "d7": "id"}


def test_an_id_of_another_text_gives_way_to_the_text():
    ids, done = found(STORED, Answer(id="d3", text=BODY))
    assert ids == {"d7": "exact"}
    assert done.report.odd[0].note == "id 'd3' is that of another text"


def test_an_id_that_is_not_in_the_store():
    ids, done = found(STORED, Answer(id="x"), Answer(id="y", text=BODY))
    assert ids == {"d7": "exact"}
    assert [each.note for each in done.report.matches] == ["id 'x' is not in the store", "id 'y' is not in the store"]
    assert [each.outcome for each in done.report.matches] == ["nothing", "matched"]


PAGES = [
    (f"{name}-{page}", document(f"{name}{page}"), {"source": f"/data/{name}.pdf", "page": page})
    for name in "abc"
    for page in range(3)
]


@pytest.mark.parametrize(
    ("metadata", "ids"),
    [
        ({"source": "b.pdf", "page": 1}, ["b-1"]),
        ({"file_name": "B.PDF", "page_label": "1"}, ["b-1"]),
        ({"source": "file:///data/b.pdf"}, ["b-0", "b-1", "b-2"]),
        ({"path": "C:\\data\\b.pdf", "page": 2.0}, ["b-2"]),
        ({"source": "data/b.pdf", "page": 2.0}, ["b-2"]),
        ({"source": "other/b.pdf"}, []),
        ({"source": "b.pdf", "page": 3}, []),
        ({"page": "0"}, ["a-0", "b-0", "c-0"]),
        ({"author": "me"}, []),
    ],
)
def test_metadata(metadata, ids):
    assert sorted(found(PAGES, Answer(metadata=metadata))[0]) == ids


def test_metadata_chooses_among_copies():
    stored = [("a", BODY, {"source": "a.md"}), ("b", BODY, {"source": "b.md"})]
    assert set(found(stored, text(BODY))[0]) == {"a", "b"}
    assert set(found(stored, text(BODY, metadata={"source": "b.md"}))[0]) == {"b"}
    ids, done = found(stored, text(BODY, metadata={"source": "c.md"}))
    assert set(ids) == {"a", "b"}
    assert "elsewhere" in done.report.odd[0].note


def test_a_text_that_is_gone_is_found_by_its_page():
    ids, done = found(PAGES, text(document(99), metadata={"source": "c.pdf", "page": 1}))
    assert ids == {"c-1": "metadata"}
    assert "its page" in done.report.odd[0].note
    assert found(PAGES, text(document(99), metadata={"source": "c.pdf"}))[0] == {}
