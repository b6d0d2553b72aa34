"""Without a method a store is nudged by `Auto`: what it chose is what is written, and the report tells all that was tried."""

import json
import re

import numpy as np
import pytest

from nudge_core import Auto, Contrastive, NudgeN
from nudge_core.errors import InputError
from nudge_core.selection import fit as learn
from nudge_core.trial import trial


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """The true default; validation questions judge, however few they are."""
    monkeypatch.setattr(learn, "FEW", 0)


def judged(world, **options):
    """Judged by what it learns from, so that it moves something."""
    return world.store.nudge(world.pairs(), world.pairs(), progress=False, **options)


def test_it_is_auto(world):
    before = world.bits()
    report = judged(world)
    expected = trial(world.X, world.sample.train, world.sample.train, method=Auto(), progress=False)
    assert report.applied
    assert [one.name for one in report.trial.candidates] == ["none", "NUDGE-N", "contrastive"]
    assert report.tuned.method == expected.tuned.method
    np.testing.assert_allclose(world.vectors(), expected.tuned.apply_to(world.X), atol=1e-4)
    world.store.restore(progress=False)
    assert world.bits() == before


def test_with_permission_it_tries_maps(world):
    report = judged(world, allow_map=True)
    names = [one.name for one in report.trial.candidates]
    assert names == ["none", "NUDGE-N", "contrastive", "linear map", "linear map + contrastive"]
    again = judged(world, method=Auto(allow_map=True), allow_map=True)
    assert again.tuned.vectors.tobytes() == report.tuned.vectors.tobytes()


@pytest.mark.parametrize("method", [NudgeN(), Contrastive(), Auto()], ids=["nudge-n", "contrastive", "auto"])
def test_permission_that_the_method_cannot_use_is_refused(world, method):
    before = world.bits()
    with pytest.raises(
        InputError, match=r"allow_map=True lets every.*moves labelled documents only: leave out allow_map"
    ):
        judged(world, method=method, allow_map=True)
    assert world.bits() == before


def test_the_measure_is_handed_on(world):
    assert next(iter(judged(world, measure="RR@10").after.values)) == "RR@10"
    assert judged(world, method=Contrastive(), measure="R@5").trial.tuned.curve.measure == "R@5"


def test_nothing_is_written_where_nothing_helps(world):
    """Each document's own vector asks for it: nothing can be won."""
    before = world.bits()
    known = world.embedding.known if hasattr(world.embedding, "known") else None
    assert known is not None
    report = world.store.nudge([(f"text {i}", [f"d{i}"]) for i in range(40)], progress=False)
    assert not report.applied
    assert repr(report).startswith(
        "Nothing was written: no setting is better than the original vectors on the 40 questions"
    )
    assert world.bits() == before
    assert world.store.history() == []


def test_the_report_tells_what_was_tried(world):
    report = judged(world, allow_map=True)
    said = repr(report)
    assert "by the gain in nDCG@10 on seen / unseen questions held out: NUDGE-N " in said
    assert "linear map + contrastive " in said
    assert re.search(r"\d+ questions about documents whose labels were hidden: nDCG@10 [\d.]+ -> [\d.]+\.", said)
    assert "30 validation questions, which chose the method:" in said
    told = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert [one["method"] for one in told["tried"]] == [one.name for one in report.trial.candidates]
    assert told["tried"][0]["worth"] == 0
    assert told["settings"] == {name: dict(setting) for name, setting in report.tuned.settings.items()}
    assert told["hidden"]["lines"][0]["measure"] == "nDCG@10"
    point = next(iter(report.tuned.settings.values()))["point"]
    assert f"{'γ' if report.tuned.method == 'NUDGE-N' else 'steps'} {point:.4g}" in said


def test_by_folds(world):
    report = world.store.nudge(world.pairs(), method=Contrastive(), progress=False)
    assert f"{len(report.after)} questions held out, each once, in {report.trial.folds} folds:" in repr(report)
    assert "Tried" not in repr(report), "of one way there is nothing to compare"


def test_the_closed_form_is_easy_to_ask_for(world):
    report = world.store.nudge(
        world.pairs(), world.pairs("validation"), method=NudgeN("angles", "nDCG@10"), progress=False
    )
    assert report.trial.candidates == ()
    assert f"γ = {report.tuned.gamma:.4g} (squared distance)" in repr(report)
    assert report.to_dict()["tried"] == []


def test_what_is_no_method_is_refused(world):
    with pytest.raises(InputError, match="method is the class Auto itself"):
        world.store.nudge(world.pairs(), method=Auto, progress=False)
