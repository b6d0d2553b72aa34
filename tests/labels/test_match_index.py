"""The index gives what counting by hand gives, and what is found does not hang on batches or on the order of the store."""

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from match_texts import ask, chunks, document, labels, text

from nudge_integrations.labels.matching import candidates as gather
from nudge_integrations.labels.matching import match
from nudge_integrations.labels.matching import ngram_index as grams
from nudge_integrations.labels.matching.text import Grams, Text, codes, covered, fold, hashes

SHORT = st.text("ab ", min_size=0, max_size=40)


@given(SHORT, st.integers(1, 14))
def test_equal_runs_have_equal_hashes_and_others_do_not(body, size):
    runs = [body[i : i + size] for i in range(len(body) - size + 1)]
    found = hashes(codes(body), size).tolist()
    assert len(found) == len(runs)
    assert len(set(found)) == len(set(runs))
    assert len(set(zip(runs, found, strict=True))) == len(set(runs))


@given(
    st.lists(st.text("ab", min_size=6, max_size=30), min_size=1, max_size=6),
    st.lists(st.text("ab", max_size=40), min_size=1, max_size=5),
)
def test_shared_runs_are_those_counted_by_hand(references, stored):
    index = grams.Index(6, [Text(each) for each in references], range(len(references)))
    points, starts = grams.joined(Text(each) for each in stored)
    found = {(c, r): n for c, r, n in zip(*(part.tolist() for part in index.shared(points, starts)), strict=True)}
    expected = {}
    for c, chunk in enumerate(stored):
        held = Counter(chunk[i : i + 6] for i in range(len(chunk) - 5))
        for r, reference in enumerate(references):
            own = {reference[i : i + 6] for i in range(len(reference) - 5)}
            if hits := sum(held[run] for run in own):
                expected[c, r] = min(hits, len(own))
    assert found == expected


@given(st.text(st.characters(codec="utf-8"), max_size=80))
def test_folding_twice_changes_nothing_more_than_once(body):
    once = fold(body)
    assert not any(c.isspace() or c in "-'\"\0" for c in once)
    assert fold(" ".join(once)) == fold("\n".join(once))


@given(st.text("abc", min_size=1, max_size=60), st.text("abc", max_size=60))
def test_what_is_covered_stands_in_both(piece, whole):
    held = covered(Text(piece), Text(whole), 4)
    runs = "".join(c if h else " " for c, h in zip(piece, held, strict=True)).split()
    for run in runs:
        assert len(run) >= min(8, len(piece))
        assert all(run[i : i + 4] in whole for i in range(len(run) - 3))
    here, there = Grams(piece, 4).places(Grams(whole, 4))
    assert all(piece[a : a + 4] == whole[b : b + 4] for a, b in zip(here, there, strict=True))


def test_runs_that_many_references_share_do_not_hide_them(monkeypatch):
    monkeypatch.setattr(grams, "COMMON", 3)
    head = document(0, 3)
    stored = [(f"d{i}", f"{head} {document(i, 4)}", {}) for i in range(1, 30)]
    done = match(labels(*(ask(text(body), text=f"{name}?") for name, body, _ in stored)), stored)
    assert done.questions.relevant == tuple({name: 1.0} for name, _, _ in stored)
    alone = match(labels(*(ask(text(head + f" 0{word}"), text=word) for word in "abcdefgh")), stored)
    assert [each.count > 20 for each in alone.report.of("too much")] == [True] * 8


@pytest.mark.parametrize("batch", [1, 700, 10**9])
def test_batches_and_order_change_nothing(monkeypatch, batch):
    bodies = {f"d{i}": document(i) for i in range(12)}
    stored = [(name, piece, {}) for key, body in bodies.items() for name, piece, _ in chunks(key, body, 300)]
    asked = labels(
        *(ask(text(body, span=body[90:120]), text=key) for key, body in bodies.items()),
        *(ask(text(body[50:400].upper())) for body in bodies.values()),
    )
    expected = match(asked, stored).questions.relevant
    monkeypatch.setattr(gather, "_BATCH", batch)
    random.Random(0).shuffle(stored)
    assert match(asked, iter(stored)).questions.relevant == expected


def test_memory_stays_with_the_references():
    import tracemalloc

    body = document(1)
    asked = labels(ask(text(body)))
    stored = ((f"d{i}", f"{document(i % 50)} {i}", {}) for i in range(6000))
    tracemalloc.start()
    done = match(asked, stored)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert done.report.matches[0].count == 120
    assert peak < 60e6
    assert np.isfinite(peak)
