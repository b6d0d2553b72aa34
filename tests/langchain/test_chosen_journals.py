"""Stores in memory with a journal that was chosen: who does not name it finds it, who names another is told, and those of others are refused."""

import shutil

import pytest
from in_memory import bits, nudge

from nudge_core.errors import InputError, JournalError
from nudge_integrations.langchain import NudgeVectorStore


@pytest.fixture
def world(make, engine):
    return make(*engine)


@pytest.mark.parametrize("again", ["the same", "loaded"])
def test_who_does_not_name_it_finds_it(world, loaded, tmp_path, caplog, again):
    before = world.bits()
    nudge(world, NudgeVectorStore(world.inner, journal=tmp_path / "one.sqlite"))
    moved = world.bits()
    inner = world.inner if again == "the same" else loaded(world)
    second = NudgeVectorStore(inner)
    assert second.journal == tmp_path / "one.sqlite"
    assert [run.number for run in second.history()] == [1]
    nudge(world, second)
    assert bits(inner) == moved, "from the originals"
    second.restore(progress=False)
    assert bits(inner) == before
    assert [run.kind for run in NudgeVectorStore(inner).history()][-1] == "restore"
    assert "WARNING" not in {record.levelname for record in caplog.records}


def test_feedback_is_found_too(world, tmp_path):
    NudgeVectorStore(world.inner, journal=tmp_path / "one.sqlite").add_feedback("why?", ["d1"])
    assert NudgeVectorStore(world.inner).labels() == [{"question": "why?", "relevant": ["d1"], "irrelevant": []}]


@pytest.mark.parametrize("again", ["the same", "loaded"])
@pytest.mark.parametrize("made", [False, True], ids=["new", "begun"])
def test_who_names_another_is_told_and_uses_that_with_the_originals(world, loaded, tmp_path, caplog, again, made):
    before = world.bits()
    if made:
        NudgeVectorStore(world.inner, journal=tmp_path / "two.sqlite").add_feedback("why?", ["d1"])
    nudge(world, NudgeVectorStore(world.inner, journal=tmp_path / "one.sqlite"))
    inner = world.inner if again == "the same" else loaded(world)
    second = NudgeVectorStore(inner, journal=tmp_path / "two.sqlite")
    assert "two.sqlite' is not used: the originals of this" in caplog.text
    assert second.journal == tmp_path / "one.sqlite"
    nudge(world, second, gamma=0.2)
    second.restore(progress=False)
    assert bits(inner) == before
    assert made == (tmp_path / "two.sqlite").exists()


def test_wrappers_that_were_open_before_are_told_as_well(world, tmp_path, caplog):
    before = world.bits()
    first, second, none = (NudgeVectorStore(world.inner, journal=tmp_path / f"{i}.sqlite") for i in (1, 2, 3))
    second.add_feedback("why?", ["d1"])
    plain = NudgeVectorStore(world.inner)
    nudge(world, first)
    for store in (second, none, plain):
        nudge(world, store, gamma=0.2)
        store.restore(progress=False)
        assert world.bits() == before
        assert store.journal == tmp_path / "1.sqlite"
        nudge(world, first)
    assert "2.sqlite' is not used" in caplog.text
    assert "3.sqlite' is not used" in caplog.text


def test_an_earlier_journal_does_not_take_what_stands_moved_for_original(world, loaded, tmp_path, caplog):
    """Both hold originals; one of them knows what moved."""
    before = world.bits()
    old = NudgeVectorStore(world.inner, journal=tmp_path / "old.sqlite")
    nudge(world, old, split="validation")
    old.restore(progress=False)
    inner = loaded(world)
    nudge(world, NudgeVectorStore(inner, journal=tmp_path / "new.sqlite"))
    store = NudgeVectorStore(inner, journal=tmp_path / "old.sqlite")
    assert "old.sqlite' is not used" in caplog.text
    assert store.journal == tmp_path / "new.sqlite"
    nudge(world, store, gamma=0.2)
    store.restore(progress=False)
    assert bits(inner) == before


def test_a_journal_that_was_moved_or_a_backup_of_it_is_taken(world, loaded, tmp_path, caplog):
    before = world.bits()
    nudge(world, NudgeVectorStore(world.inner, journal=tmp_path / "one.sqlite"))
    shutil.copy(tmp_path / "one.sqlite", tmp_path / "backup.sqlite")
    assert NudgeVectorStore(world.inner, journal=tmp_path / "backup.sqlite").journal == tmp_path / "backup.sqlite"
    (tmp_path / "one.sqlite").unlink()
    (tmp_path / "backup.sqlite").rename(tmp_path / "moved.sqlite")
    inner = loaded(world)
    assert NudgeVectorStore(inner, journal=tmp_path / "moved.sqlite").history()
    store = NudgeVectorStore(loaded(world))
    assert store.journal == tmp_path / "moved.sqlite", "once it was named, it is found"
    store.restore(progress=False)
    assert bits(store.inner) == before
    assert caplog.text == ""


# Of another collection


@pytest.mark.parametrize("other", ["other vectors", "another order", "other ids"])
def test_the_journal_of_another_collection_is_refused(world, make, engine, tmp_path, other):
    first = NudgeVectorStore(world.inner, journal=tmp_path / "one.sqlite")
    nudge(world, first)
    content, moved = (tmp_path / "one.sqlite").read_bytes(), world.bits()
    stranger = make(*engine, seed=1 if other == "other vectors" else 0)
    if other != "other vectors":
        names = stranger.ids if other == "another order" else [f"x{i}" for i in range(60)]
        stranger.inner.delete(stranger.ids)
        stranger.inner.add_texts([f"text {(i + 7) % 60}" for i in range(60)], ids=names)
    before = stranger.bits()
    for call in (
        lambda: NudgeVectorStore(stranger.inner, journal=tmp_path / "one.sqlite"),
        lambda: nudge(stranger, NudgeVectorStore(stranger.inner, journal=tmp_path / "one.sqlite")),
    ):
        with pytest.raises(JournalError, match=r"one.sqlite' is the journal of another \w+ collection.*journal=…"):
            call()
    plain = NudgeVectorStore(stranger.inner)
    assert (plain.journal, plain.history()) == (None, [])
    for call in (plain.undo, plain.restore):
        with pytest.raises(InputError, match="there is nothing to"):
            call(progress=False)
    assert (stranger.bits(), (tmp_path / "one.sqlite").read_bytes(), world.bits()) == (before, content, moved)
    first.undo(progress=False)


@pytest.mark.parametrize("fed", [False, True])
def test_nor_is_it_taken_by_wrappers_that_were_open_before_it_had_a_run(world, make, engine, tmp_path, fed):
    stranger = make(*engine, seed=1)
    store = NudgeVectorStore(stranger.inner, journal=tmp_path / "one.sqlite")
    if fed:
        store.add_feedback("why?", ["d1"])
    first = NudgeVectorStore(world.inner, journal=tmp_path / "one.sqlite")
    nudge(world, first)
    before = stranger.bits()
    for call in (lambda: nudge(stranger, store), lambda: store.undo(progress=False)):
        with pytest.raises(JournalError, match="of another"):
            call()
    assert stranger.bits() == before
    assert len(first.history()) == 1
    plain = NudgeVectorStore(stranger.inner)
    nudge(stranger, plain)
    assert plain.journal != tmp_path / "one.sqlite"
    plain.restore(progress=False)
    assert stranger.bits() == before


def test_a_collection_made_anew_of_the_same_documents_has_its_history(world, make, engine, tmp_path):
    """But no run over it stands."""
    first = NudgeVectorStore(world.inner, journal=tmp_path / "one.sqlite")
    nudge(world, first)
    moved, anew = world.bits(), make(*engine)
    before, store = anew.bits(), NudgeVectorStore(anew.inner, journal=tmp_path / "one.sqlite")
    assert len(store.history()) == 1
    with pytest.raises(InputError, match=r"nothing to undo: no document .* holds what run 1.*restore\(\)"):
        store.undo(progress=False)
    assert (anew.bits(), len(first.history())) == (before, 1)
    nudge(world, store)
    assert anew.bits() == moved
    store.undo(progress=False)
    assert anew.bits() == before


def test_documents_that_were_changed_since_are_no_reason_to_refuse(world, tmp_path):
    store = NudgeVectorStore(world.inner, journal=tmp_path / "one.sqlite")
    moved = sorted(nudge(world, store).tuned.ids.tolist())
    world.inner.delete(moved[1:])
    world.inner.add_texts([f"brand new {name}" for name in moved[1:]], ids=moved[1:])
    outcome = NudgeVectorStore(world.inner, journal=tmp_path / "one.sqlite").restore(progress=False)
    assert (outcome.documents, len(outcome.changed)) == (1, len(moved) - 1)


def test_a_store_may_be_filled_before_its_journal_is_asked(make, tmp_path):
    """What it holds by then tells."""
    world = make()
    nudge(world, NudgeVectorStore(world.inner, journal=tmp_path / "one.sqlite"))
    store = NudgeVectorStore(type(world.inner)(world.embedding), journal=tmp_path / "one.sqlite")
    store.add_texts(["something else"], ids=["x"])
    with pytest.raises(JournalError, match="of another InMemory collection"):
        store.history()
    store.add_texts([f"text {i}" for i in range(60)], ids=world.ids)
    assert len(store.history()) == 1
