"""Chosen journals of stores in memory whose file is gone, what is no place of a journal, and what is told where there is nothing to restore."""

import json
import stat

import pytest
from in_memory import bits, nudge
from movable import Lance

from nudge_core.errors import InputError, JournalError
from nudge_integrations.langchain import NudgeVectorStore


@pytest.fixture
def world(make, engine):
    return make(*engine)


def test_a_chosen_journal_that_is_gone_is_said(world, make, engine, loaded, tmp_path, caplog):
    originals = world.bits()
    nudge(world, NudgeVectorStore(world.inner, journal=tmp_path / "one.sqlite"))
    content = (tmp_path / "one.sqlite").read_bytes()
    (tmp_path / "one.sqlite").unlink()
    inner = loaded(world)
    before = bits(inner)
    NudgeVectorStore(make(*engine).inner, journal=tmp_path / "three.sqlite").add_feedback("why?", ["d1"])
    for options in ({}, {"journal": tmp_path / "two.sqlite"}, {"journal": tmp_path / "three.sqlite"}):
        caplog.clear()
        store = NudgeVectorStore(inner, **options)
        assert "one.sqlite', is gone" in caplog.text
        with pytest.raises(InputError, match=r"nothing to restore: .*one.sqlite', is gone: .*journal=FILE"):
            store.restore(progress=False)
        with pytest.raises(JournalError, match=r"one.sqlite', is gone.*journal=FILE.*begin_anew\(\)"):
            nudge(world, store)
    assert bits(inner) == before
    assert not (tmp_path / "two.sqlite").exists()
    (tmp_path / "one.sqlite").write_bytes(content)
    NudgeVectorStore(inner).restore(progress=False)
    assert bits(inner) == originals


def test_where_it_is_lost_a_new_one_is_begun(world, loaded, tmp_path, caplog):
    nudge(world, NudgeVectorStore(world.inner, journal=tmp_path / "one.sqlite"))
    (tmp_path / "one.sqlite").unlink()
    inner = loaded(world)
    before = bits(inner)
    NudgeVectorStore(inner).begin_anew()
    caplog.clear()
    store = NudgeVectorStore(inner)
    nudge(world, store, gamma=0.2, split="test")
    store.restore(progress=False)
    assert (bits(inner), caplog.text) == (before, "")


def test_of_a_store_that_was_put_back_no_journal_is_missed(world, loaded, tmp_path, caplog):
    store = NudgeVectorStore(world.inner, journal=tmp_path / "one.sqlite")
    nudge(world, store)
    store.restore(progress=False)
    store._nudging._journal[1].close()
    (tmp_path / "one.sqlite").unlink()
    again = NudgeVectorStore(loaded(world))
    assert (again.history(), caplog.text) == ([], "")
    nudge(world, again)


def test_the_notes_are_for_their_owner_and_hold_a_sample(world, home, tmp_path):
    nudge(world, NudgeVectorStore(world.inner, journal=tmp_path / "one.sqlite"))
    NudgeVectorStore(world.inner, journal=tmp_path / "one.sqlite").history()
    (note,) = (home / "journals").iterdir()
    assert stat.S_IMODE(note.stat().st_mode) == 0o600
    assert note.suffix == ".place"
    told = json.loads(note.read_text())
    assert told["path"] == str(tmp_path / "one.sqlite")
    assert 0 < len(told["moved"]) <= 64


def test_without_a_home_it_has_to_be_named(world, loaded, tmp_path, monkeypatch):
    monkeypatch.setenv("NUDGE_HOME", "/proc/nowhere")
    before = world.bits()
    nudge(world, NudgeVectorStore(world.inner, journal=tmp_path / "one.sqlite"))
    inner = loaded(world)
    assert NudgeVectorStore(inner).history() == []
    NudgeVectorStore(inner, journal=tmp_path / "one.sqlite").restore(progress=False)
    assert bits(inner) == before


# What is no place of a journal, and what is nothing to restore


def test_a_folder_is_no_journal(world, tmp_path):
    with pytest.raises(JournalError, match=r"is a folder, and a journal is a file: .*journal=…"):
        NudgeVectorStore(world.inner, journal=tmp_path)


@pytest.mark.parametrize("url", ["postgresql://", "postgresql:///", "postgresql://host"])
def test_a_url_without_a_database_is_refused(world, url):
    with pytest.raises(InputError, match=r"names no database; expected postgresql://user@host/database"):
        NudgeVectorStore(world.inner, journal=url)


def test_a_direction_that_there_is_not_is_refused_without_a_journal_too(world):
    with pytest.raises(InputError, match=r"direction is 'undo'; expected \"finish\".*\"rollback\""):
        world.store.recover("undo", progress=False)


def test_nothing_to_restore_speaks_of_no_other_machine(world, tmp_path):
    for options in ({}, {"journal": tmp_path / "one.sqlite"}):
        with pytest.raises(InputError, match=r"has no journal.*journal=FILE") as told:
            NudgeVectorStore(world.inner, **options).restore(progress=False)
        assert "machine" not in str(told.value)


def test_a_table_that_was_made_anew_is_told(make, tmp_path):
    world = make()
    (tmp_path / "lance").mkdir()
    place = Lance(tmp_path / "lance")
    store = place.open(world.embedding)
    store.add_texts([f"text {i}" for i in range(60)], [{"page": i} for i in range(60)], ids=world.ids)
    wrapped = NudgeVectorStore(store)
    with pytest.raises(InputError, match="no run was made over it.*journal=FILE") as told:
        wrapped.restore(progress=False)
    assert "machine" not in str(told.value)
    nudge(world, wrapped)
    old = wrapped.journal
    place.drop(store)
    store = place.open(world.embedding)
    store.add_texts([f"text {i}" for i in range(60)], [{"page": i} for i in range(60)], ids=world.ids)
    with pytest.raises(InputError, match=r"made anew since its last run.*" + old.name) as told:
        NudgeVectorStore(store).restore(progress=False)
    assert "machine" not in str(told.value)
