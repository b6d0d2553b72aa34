"""One content, many forms: text, rich, notebook, JSON, frame and page, of everything that compares or moves."""

import json
import pickle
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest

pytest.importorskip("scipy")
pd = pytest.importorskip("pandas")
rich_console = pytest.importorskip("rich.console")

from nudge_core import NudgeN, QuerySet, evaluate, finetune
from nudge_core.errors import InputError
from nudge_core.report import Report, Section
from nudge_core.trial import trial

MEASURES = ["nDCG@10", "RR@10"]


@pytest.fixture(scope="module")
def made(sample):
    data = sample(0, questions=60)
    tuned = finetune(data.X, data.train, data.validation, method=NudgeN("fine", "nDCG@10"))
    before = evaluate(data.X, data.test, MEASURES, train=data.train)
    after = evaluate(data.X, data.test, MEASURES, train=data.train, tuned=tuned)
    done = trial(data.X, data.train, method=NudgeN("fine", "nDCG@10"), progress=False)
    comparison = after.compare(before)
    return {
        "nudge": tuned,
        "comparison": comparison,
        "trial": done,
        "report": Report(comparison, tuned),
        "evaluation": after,
    }


ALL = ["nudge", "comparison", "trial", "report", "evaluation"]
REPORTED = ALL[:4]


@pytest.mark.parametrize("name", ALL)
def test_text_rich_and_notebook_say_the_same(made, name):
    shown = made[name]
    console = rich_console.Console(file=StringIO(), width=400)
    console.print(shown)
    words = repr(shown).split()
    assert len(words) > 5
    in_rich, in_notebook = console.file.getvalue(), shown._repr_html_()
    assert [word for word in words if word not in in_rich] == []
    assert [word for word in words if word.replace(">", "&gt;") not in in_notebook] == []


@pytest.mark.parametrize("name", REPORTED)
def test_json_has_no_nan(made, name):
    assert json.loads(json.dumps(made[name].to_dict(), allow_nan=False)) == made[name].to_dict()


@pytest.mark.parametrize("name", REPORTED)
def test_the_page_is_written_and_returned(made, name, tmp_path):
    path = made[name].to_html(tmp_path / "report.html", texts=dict.fromkeys(range(60), "a text"), title="A title")
    assert path == tmp_path / "report.html"
    page = path.read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "A title" in page
    assert "a text" in page
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.parametrize("name", REPORTED)
def test_pickling_keeps_it(made, name):
    assert repr(pickle.loads(pickle.dumps(made[name]))) == repr(made[name])


def test_frames(made):
    report, after = made["report"], made["evaluation"]
    measures, questions, documents = (report.to_frame(rows) for rows in ("measures", "questions", "documents"))
    assert measures.equals(report.to_frame())
    assert len(measures) == 2 * 3
    assert questions["question"].tolist() == after.ids.tolist()
    assert questions["nDCG@10 after"].mean() == pytest.approx(after.mean("nDCG@10"))
    assert (questions["RR@10 after"] - questions["RR@10 before"]).equals(questions["RR@10 change"])
    assert questions["found after"][3] == after.ranking[3].tolist()
    assert documents.equals(made["nudge"].to_frame())
    assert len(documents) == len(made["nudge"])
    assert isinstance(documents, pd.DataFrame)


def test_frames_that_cannot_be_made(made):
    with pytest.raises(InputError, match="rows is 'rows'; expected one of measures, questions, documents"):
        made["report"].to_frame("rows")
    with pytest.raises(InputError, match="no questions were measured"):
        made["nudge"].to_frame("questions")
    with pytest.raises(InputError, match="there are no moves"):
        made["comparison"].to_frame("documents")


def test_a_page_that_cannot_be_written(made, tmp_path):
    with pytest.raises(InputError, match="cannot write"):
        made["report"].to_html(tmp_path / "no" / "report.html")
    with pytest.raises(InputError, match="texts is a list; expected"):
        made["report"].to_html(tmp_path / "report.html", texts=["a"])
    assert list(tmp_path.iterdir()) == []


def test_questions_are_known_by_their_texts_and_answers(made, sample):
    data = sample(0, questions=60)
    texts = [f"what about {name}?" for name in data.test.ids]
    asked = QuerySet(data.test.embeddings, data.test.relevance, ids=data.test.ids, texts=texts)
    evaluation = evaluate(data.X, asked, MEASURES)
    assert evaluation.texts == tuple(texts)
    assert [evaluation.relevance[i] for i in range(60)] == [asked.relevance[i] for i in range(60)]
    frame = Report(evaluation.compare(evaluation)).to_frame("questions")
    assert frame["text"].tolist() == texts


def test_names_given_to_a_report_go_before_texts(made):
    comparison = made["comparison"]
    frame = Report(comparison, questions={"test3": "the third"}).to_frame("questions")
    assert frame["text"].tolist()[2:5] == ["test2", "the third", "test4"]


def test_angles_are_those_between_the_vectors(made, sample):
    tuned, X = made["nudge"], sample(0, questions=60).X
    cosine = (tuned.vectors * X[tuned.rows]).sum(1).astype(float)
    assert np.allclose(tuned.angles, np.degrees(np.arccos(np.clip(cosine, -1, 1))), atol=0.1)
    assert tuned.angles.max() <= tuned.angle + 0.1


@pytest.mark.parametrize("change", [-0.5, 0.0, 0.5])
def test_the_verdict_and_its_warnings(made, change):
    evaluation = made["evaluation"]
    values = {"RR@10": np.clip(evaluation.values["RR@10"] * 0 + 0.5 + change, 0, 1)}
    before = type(evaluation)(evaluation.ids, {"RR@10": values["RR@10"] * 0 + 0.5}, evaluation.seen, evaluation.ranking)
    after = type(evaluation)(evaluation.ids, values, evaluation.seen, evaluation.ranking)
    report = Report(after.compare(before))
    verbs = {-0.5: "falls from 50.0 to 0.0 (-50.0", 0.0: "does not change clearly:", 0.5: "rises from 50.0 to 100.0"}
    assert f"RR@10 {verbs[change]}" in report.verdict
    warned = " ".join(report.warnings)
    assert ("do not ship" in warned) == (change < 0)
    assert ("Unseen questions may lose" in warned) == (change < 0)  # of few


@pytest.mark.parametrize("mapped", [False, True])
def test_a_map_is_advised_where_there_is_none(made, mapped):
    evaluation, tuned = made["evaluation"], made["nudge"]
    worst = {name: values * 0 for name, values in evaluation.values.items()}
    worse = type(evaluation)(evaluation.ids, worst, evaluation.seen, evaluation.ranking)
    tuned = replace(tuned, matrix=np.eye(tuned.vectors.shape[1], dtype=np.float32)) if mapped else tuned
    (warning,) = (text for text in Report(worse.compare(evaluation), tuned).warnings if "Unseen questions" in text)
    assert ("allow_map=True" in warning) != mapped
    assert warning.endswith("or keep the original vectors.")


def test_few_questions_are_warned_of(sample):
    data = sample(0, questions=5)
    evaluation = evaluate(data.X, data.test, MEASURES)
    untold, few = Report(evaluation.compare(evaluation)).warnings
    assert untold.endswith("evaluate(…, train=…) tells them apart.")
    assert few.startswith("Only 5 questions were held out")


def test_it_is_said_where_all_questions_are_seen(sample):
    data = sample(0, questions=60)
    evaluation = evaluate(data.X, data.test, MEASURES, train=data.test)
    (warning,) = Report(evaluation.compare(evaluation)).warnings
    assert warning.endswith("all questions held out are seen ones.")


def test_a_section_and_facts_are_on_the_page(made, tmp_path):
    section = Section("A part", ("A sentence.",), (("head",), ("cell <b>",)))
    report = Report(made["comparison"], sections=(section,), facts={"model": "a <model>"}, notes=("a note",))
    page = report.to_html(tmp_path / "report.html").read_text(encoding="utf-8")
    assert all(text in page for text in ("A part", "A sentence.", "cell &lt;b&gt;", "a &lt;model&gt;", "a note"))


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (lambda made: {"comparison": made["nudge"]}, r"comparison is a Nudge; expected a Comparison: Report\(after\."),
        (lambda made: {"comparison": made["evaluation"]}, "comparison is a Evaluation; expected a Comparison"),
        (lambda made: {"tuned": made["comparison"]}, "tuned is a Comparison; expected a Nudge"),
        (lambda made: {"hidden": made["evaluation"]}, "hidden is a Evaluation; expected a Comparison"),
        (lambda made: {"notes": "a note"}, "notes is 'a note'; expected a list of sentences"),
        (lambda made: {"sections": ["x"]}, r"sections is \['x'\]; expected a list of Section objects"),
        (lambda made: {"facts": ["a"]}, r"facts is a list; expected a Mapping: \{name: value\}"),
    ],
)
def test_parts_in_the_place_of_others_are_named(made, parts, said):
    evaluation = made["evaluation"]
    with pytest.raises(InputError, match=said):
        Report(**parts({**made, "comparison": evaluation.compare(evaluation)}))
