"""The report has every answer, prints, and goes into JSON and a DataFrame."""

import doctest
import json
import sys
from pathlib import Path

import pytest
from langchain_core.vectorstores import InMemoryVectorStore
from match_texts import ask, document, labels, text

from nudge_core.errors import InputError, MissingExtraError
from nudge_integrations.labels import Answer
from nudge_integrations.labels.matching import match
from nudge_integrations.labels.matching.found import RULES
from nudge_integrations.stores import adapter_of

STORED = [(f"d{i}", document(i), {}) for i in range(10)] + [(f"c{i}", document(50), {}) for i in range(25)]


@pytest.fixture
def done():
    return match(
        labels(
            ask(text(document(1)), text="First?", where="file.csv, line 2"),
            ask(text(document(2)[:200]), Answer(id="d3"), text="Second?", where="file.csv, line 3"),
            ask(text(document(50)), text="Third?", where="file.csv, line 4"),
            ask(text(document(9, 3) + document(60, 9)), text="Fourth?", where="file.csv, line 5"),
            ask(text(document(5), span=document(5)[40:70]), text="Fifth?", where="file.csv, line 6"),
            problems=("line 7 was left out.",),
        ),
        STORED,
        enough=0.5,
    )


def test_it_counts(done):
    report = done.report
    assert report.by_rule == {"id": 1, "exact": 1, "span": 1}
    assert report.unmatched == (2, 3)
    assert [each.outcome for each in report.matches] == [
        "matched",
        "matched",
        "matched",
        "too much",
        "nothing",
        "matched",
    ]
    assert [each.labelled for each in report.matches] == ["texts", "texts", "ids", "texts", "texts", "texts and spans"]
    assert report.problems == ("line 7 was left out.",)
    assert len(done.questions) == 3


def test_the_closest_candidates_are_named(done):
    nothing = done.report.of("nothing")[0]
    assert nothing.near[0].chunk.id == "d9"
    assert 0.1 < nothing.near[0].score < 0.9


def test_it_prints(done):
    lines = repr(done.report).splitlines()
    assert lines[0] == "3 of 5 questions matched to 35 stored documents, by id 1, exact 1, span 1."
    assert "1 answers match nothing:" in lines
    assert any(line.startswith("  file.csv, line 5: 'Fourth?', answer 1: closest: 'd9' (") for line in lines)
    assert any("line 4: 'Third?', answer 1: 25 chunks match, by exact: 'c0', 'c1', 'c2' …" in line for line in lines)
    assert lines[-1] == "  line 7 was left out."
    assert repr(done) == repr(done.report)


def test_json(done):
    held = json.loads(done.report.to_json())
    assert held["matched"] == 3
    assert held["answers"] == {"matched": 4, "too much": 1, "nothing": 1}
    assert held["thresholds"] == {"fuzzy": 0.9, "enough": 0.5, "most": 20, "shortest": 8}
    assert held["matches"][0]["found"][0] == {"id": "d1", "rule": "exact", "score": 1.0, "text": document(1)[:120]}
    assert len(held["matches"]) == 6


def test_a_frame(done):
    pandas = pytest.importorskip("pandas")
    frame = done.report.to_frame()
    assert isinstance(frame, pandas.DataFrame)
    assert set(frame["where"]) == {f"file.csv, line {i}" for i in range(2, 7)}
    assert frame[frame["as"] == "found"].groupby("outcome").size().to_dict() == {"matched": 4, "too much": 20}
    assert frame.loc[0, ["id", "rule", "score"]].tolist() == ["d1", "exact", 1.0]


def test_a_frame_without_pandas(done, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match="pandas"):
        done.report.to_frame()


def test_the_adapter_of_a_store_gives_the_documents():
    store = InMemoryVectorStore(None)
    store.store = {
        f"d{i}": {"id": f"d{i}", "vector": [1.0, float(i)], "text": document(i), "metadata": {"page": i}}
        for i in range(10)
    }
    done = match(
        labels(ask(text(document(3).upper())), ask(Answer(metadata={"page": 4}), text="B?")), adapter_of(store)
    )
    assert done.questions.relevant == ({"d3": 1.0}, {"d4": 1.0})


def test_a_store_without_texts_is_refused():
    from nudge_integrations.stores.base import StoreAdapter

    class Bare(StoreAdapter):
        kind, fingerprint = "Bare", None
        count = fetch = replace = walk = nearest = None

    with pytest.raises(InputError, match="this Bare store gives no texts"):
        match(labels(ask(text("What is looked for."))), Bare())


def test_the_page_prints_what_it_says_and_names_every_rule():
    page = Path(__file__).parents[2] / "docs" / "matching.md"
    outcome = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert outcome.attempted == 7
    assert outcome.failed == 0
    rows = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert all(any(f"`{rule}`" in row.split("|")[1] for row in rows) for rule in RULES)
