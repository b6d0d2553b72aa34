"""Preview, force, apply and undo: what is written only when somebody says so, and what is taken back."""

import numpy as np
import pytest

from nudge_core import NudgeN, finetune
from nudge_core.corpus import open_corpus
from nudge_core.errors import InputError, StoreError, UnknownIdError


def test_a_dry_run_writes_nothing_and_says_all(world):
    before = world.bits()
    report = world.store.nudge(world.pairs(), dry_run=True, progress=False)
    assert (report.applied, report.outcome, world.bits(), world.store.history()) == (False, None, before, [])
    assert repr(report).startswith("A preview, nothing was written yet: ")
    assert len(report.tuned)
    wrote = report.apply()
    assert wrote.applied
    assert wrote.outcome.run.number == 1
    assert world.bits() != before


def test_what_was_previewed_is_what_a_nudge_writes(make):
    one, other = make(), make()
    one.store.nudge(one.pairs(), dry_run=True, progress=False).apply()
    other.store.nudge(other.pairs(), progress=False)
    assert one.bits() == other.bits()
    assert one.store.history()[0].settings.keys() == other.store.history()[0].settings.keys()


def test_a_preview_of_another_state_is_refused(world):
    report = world.store.nudge(world.pairs(), dry_run=True, progress=False)
    moved = str(report.tuned.ids[0])
    world.embedding.known["another text"] = np.roll(world.X[0], 1).tolist()
    world.inner.add_texts(["another text"], ids=[moved])
    state = world.bits()
    with pytest.raises(StoreError, match=rf"1 document has changed since this preview: '{moved}'.*Nothing was written"):
        report.apply()
    assert world.bits() == state


def test_a_preview_made_before_another_run_is_refused(world):
    report = world.store.nudge(world.pairs(), dry_run=True, progress=False)
    world.store.nudge(world.pairs(), progress=False)
    with pytest.raises(StoreError, match=r"written by another run since this preview: make a new one"):
        report.apply()


def test_nothing_can_be_applied_twice_or_without_a_preview(world):
    report = world.store.nudge(world.pairs(), dry_run=True, progress=False).apply()
    with pytest.raises(InputError, match=r"written already. store.nudge\(…, dry_run=True\) makes a preview"):
        report.apply()


@pytest.mark.usefixtures("strict")
def test_three_questions_write_nothing_unless_forced(world):
    before = world.bits()
    report = world.store.nudge(world.pairs()[:3], progress=False)
    assert not report.applied
    assert world.bits() == before
    first = repr(report).splitlines()[0]
    assert first.startswith("Nothing was written: ")
    assert "…" not in repr(report.comparison)  # no interval of three questions
    forced = world.store.nudge(world.pairs()[:9], method=NudgeN(0.3, "nDCG@10"), force=True, progress=False)
    assert forced.applied
    assert "It was forced: " in repr(forced)


def test_undo_takes_back_one_run_after_the_other(world):
    states = [world.bits()]
    world.store.nudge(world.pairs(), progress=False)
    states.append(world.bits())
    world.store.nudge(world.pairs("test"), method=NudgeN(0.3, "nDCG@10"), progress=False, force=True)
    states.append(world.bits())
    assert len(set(map(str, states))) == 3
    world.store.undo(progress=False)
    assert world.bits() == states[1]
    world.store.undo(progress=False)
    assert world.bits() == states[0]
    with pytest.raises(InputError, match="nothing to undo: no run over this InMemory collection stands"):
        world.store.undo(progress=False)


def test_undo_takes_back_a_restore(world):
    world.store.nudge(world.pairs(), progress=False)
    moved = world.bits()
    world.store.restore(progress=False)
    world.store.undo(progress=False)
    assert world.bits() == moved
    world.store.nudge(world.pairs("test"), method=NudgeN(0.3, "nDCG@10"), progress=False, force=True)
    world.store.undo(progress=False)
    assert world.bits() == moved


def tuned_elsewhere(world):
    corpus = open_corpus(world.X, ids=world.ids)
    return finetune(corpus, world.queries(), method=NudgeN(0.3), progress=False)


@pytest.mark.parametrize("lengths", [1.0, 2.5])
def test_a_saved_nudge_is_written_and_taken_back(make, tmp_path, lengths):
    world = make(lengths=lengths)
    tuned, before = tuned_elsewhere(world), world.bits()
    tuned.save(tmp_path / "tuned.safetensors")
    outcome = world.store.apply(tmp_path / "tuned.safetensors", progress=False)
    assert outcome.run.settings["method"] == "NUDGE-N"
    held = world.vectors()[tuned.rows]
    np.testing.assert_allclose(held / np.linalg.norm(held, axis=1, keepdims=True), tuned.vectors, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(held, axis=1), lengths, rtol=1e-5)
    world.store.restore(progress=False)
    assert world.bits() == before


def test_moves_of_other_vectors_are_refused(make):
    world, other = make(), make(seed=3)
    before = world.bits()
    with pytest.raises(InputError, match=r"lies .* from its moved vector, more than γ allows"):
        world.store.apply(tuned_elsewhere(other), progress=False)
    assert world.bits() == before


def test_moves_of_other_documents_are_refused(world):
    corpus = open_corpus(world.X, ids=[f"x{i}" for i in range(len(world.X))])
    with pytest.raises(UnknownIdError, match="'x"):
        world.store.apply(
            finetune(corpus, world.queries(ids=False), method=NudgeN(0.3), progress=False), progress=False
        )
    rows = finetune(world.X, world.queries(ids=False), method=NudgeN(0.3), progress=False)
    with pytest.raises(UnknownIdError, match=r"these moves name documents by numbers.*with the ids of the store"):
        world.store.apply(rows, progress=False)
    with pytest.raises(InputError, match="tuned is a list; expected a Nudge"):
        world.store.apply([], progress=False)


def test_history_tells_method_gain_questions_and_note(world):
    world.store.nudge(world.pairs(), note="before the launch", progress=False)
    (run,) = world.store.history()
    assert "NUDGE-N" in repr(run)
    assert f"on {len(world.pairs())} questions" in repr(run)
    assert "note 'before the launch'" in repr(run)
    assert "nDCG@10 " in repr(run)


def test_a_second_nudge_says_what_it_put_back(world):
    before = world.bits()
    world.store.nudge(world.pairs(), progress=False)
    first = {name for name, bits in world.bits().items() if bits != before[name]}
    report = world.store.nudge(world.pairs("test"), method=NudgeN(0.3, "nDCG@10"), force=True, progress=False)
    back = first - set(map(str, report.tuned.ids))
    assert report.outcome.put_back == len(back) > 0
    assert f"{len(back)} documents that an earlier run had moved got the original back" in repr(report)


def test_the_repr_shows_where_the_journal_will_be(world, home):
    assert f"journal='{home}/journals' (to be made)" in repr(world.store)
    world.store.nudge(world.pairs(), progress=False)
    assert f"journal='{world.store.journal}'" in repr(world.store)
