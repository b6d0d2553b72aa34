"""The report: what it prints, what it gives for JSON, and that a nudge itself is silent."""

import json
import logging
import pickle

import pytest
from engines.chroma import ChromaEngine

from nudge_core import NudgeN
from nudge_integrations.langchain import NudgeVectorStore
from nudge_integrations.stores import StoreAdapter


def nudge(world, **options):
    return world.store.nudge(world.pairs(), world.pairs("validation"), progress=False, **options)


def test_what_it_prints(world):
    report = nudge(world)
    lines = repr(report).splitlines()
    assert lines[0].startswith(f"{len(report.tuned)} of 60 documents were moved in run 1. nDCG@10 ")
    told = [line for line in lines[1:] if not line.startswith("Warning: ")]
    assert told[0].startswith("NUDGE-N, γ = ")
    assert told[1] == "30 validation questions, which chose γ:"
    assert "better/worse" in told[2]
    assert "Questions: 60 given, 60 used." in lines
    assert any(line.lstrip().startswith(("nDCG@10",)) and "seen" in line for line in lines)
    assert lines[-1] == f"InMemory, 60 documents, {report.date}. Background: exact. Originals: {world.store.journal}"
    assert str(report) == repr(report)


def test_what_it_prints_of_folds(world):
    report = world.store.nudge(world.pairs(), folds=3, progress=False)
    assert "30 questions, each held out once in 3 folds:" in repr(report)


def test_what_it_prints_where_some_questions_choose(world, monkeypatch):
    monkeypatch.setattr("nudge_core.selection.fit.CHOOSING", 15)
    report = world.store.nudge(world.pairs(), folds=3, progress=False)
    assert "30 questions, each held out once in 3 folds, of which 15 drawn at random chose γ:" in repr(report)
    assert report.to_dict()["chosen_by"] == 15


def test_what_it_prints_where_nothing_was_written(world):
    report = nudge(world, method=NudgeN(0.0, "nDCG@10"))
    assert not report.applied
    assert repr(report).startswith(
        "Nothing was written: no setting is better than the original vectors on the 30 questions held out"
    )
    assert "run" not in repr(report).splitlines()[0]


def test_what_it_prints_of_documents_that_an_index_lost(world):
    report = nudge(world)
    object.__setattr__(report, "unreachable", ("d1", "d2", "d3", "d4"))
    object.__setattr__(report, "remedy", "rebuild the index")
    assert (
        "no longer finds 4 of the documents tried by their own vector: 'd1', 'd2', 'd3' … and 1 more; rebuild the index."
        in repr(report)
    )


def test_json(world):
    report = nudge(world)
    told = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert told["applied"] is True
    assert (told["run"], told["method"], told["gamma_unit"], told["background"]) == (
        1,
        "NUDGE-N",
        "squared distance",
        "exact",
    )
    assert (told["documents"], told["moved"], told["folds"]) == (60, len(report.tuned), 1)
    assert told["gamma"] == report.tuned.gamma
    assert told["journal"] == str(world.store.journal)
    assert set(told["seconds"]) == {
        "matching labels",
        "reading",
        "embedding questions",
        "fine-tuning",
        "writing",
        "checking the index",
    }
    assert all(seconds >= 0 for seconds in told["seconds"].values())
    lines = {(line["measure"], line["subset"]): line for line in told["held_out"]["lines"]}
    assert lines["nDCG@10", "all"]["before"] == pytest.approx(report.before.mean("nDCG@10"))
    assert lines["nDCG@10", "all"]["after"] == pytest.approx(report.after.mean("nDCG@10"))
    seen, unseen = (lines["nDCG@10", name]["questions"] for name in ("seen", "unseen"))
    assert seen + unseen == lines["nDCG@10", "all"]["questions"] == 30


def test_json_where_a_subset_is_empty_or_nothing_was_written(world):
    own = [("train0?", ["d1"]), ("train1?", ["d2"])]
    told = json.loads(json.dumps(world.store.nudge(own, progress=False).to_dict(), allow_nan=False))
    assert told["run"] is None or told["applied"]
    lines = {(line["measure"], line["subset"]): line for line in told["held_out"]["lines"]}
    assert lines["nDCG@10", "seen"]["before"] is None


def test_the_seconds_are_those_that_pass(world):
    report = nudge(world)
    assert 0 < sum(report.seconds.values()) < 60


@pytest.mark.parametrize("engine", [None, ChromaEngine()], ids=["memory", "chroma"])
def test_nothing_is_printed_or_logged(make, engine, capfd, caplog):
    world = make(engine)
    capfd.readouterr()
    with caplog.at_level(logging.DEBUG, "nudge_core"), caplog.at_level(logging.DEBUG, "nudge_integrations"):
        nudge(world)
        world.store.evaluate(world.pairs("test"), progress=False)
        world.store.restore(progress=False)
        world.store.recover("back", progress=False)
        NudgeVectorStore(world.inner)
    assert capfd.readouterr() == ("", "")
    assert [record for record in caplog.records if record.name.startswith("nudge")] == []


def test_short_work_shows_no_bar(world, capfd):
    """Bars come after two seconds."""
    world.store.nudge(world.pairs(), world.pairs("validation"))
    world.store.evaluate(world.pairs())
    world.store.restore()
    assert capfd.readouterr() == ("", "")


def test_the_page_has_the_texts_of_the_store(world, tmp_path):
    report = nudge(world)
    page = report.to_html(tmp_path / "report.html").read_text(encoding="utf-8")
    most = report.tuned.ids[report.tuned.angles.argmax()]
    assert f'"text {most[1:]}"' in page
    assert f'run</bdi></dt><dd><bdi class="foreign">{report.outcome.run.number}<' in page
    assert str(world.store.journal) in page


def test_texts_given_go_before_those_of_the_store(world, tmp_path):
    report = nudge(world)
    texts = dict.fromkeys(world.ids, "another text")
    page = report.to_html(tmp_path / "report.html", texts=texts).read_text(encoding="utf-8")
    assert '"another text"' in page
    assert '"text 1"' not in page


def test_a_store_without_texts_gives_a_page_without(world, tmp_path, monkeypatch):
    report = nudge(world)
    monkeypatch.setattr("nudge_integrations.stores.memory.InMemoryAdapter.texts", StoreAdapter.texts)
    page = report.to_html(tmp_path / "report.html").read_text(encoding="utf-8")
    assert '"text":{}' in page


def test_a_pickled_report_knows_all_but_the_store(world, tmp_path):
    report = pickle.loads(pickle.dumps(nudge(world)))
    assert report.to_html(tmp_path / "report.html").stat().st_size > 10_000
    assert report.read_texts is None
