"""Where the journal is kept, that it is found again, and that without one nothing is written to the store."""

from pathlib import Path

import pytest
from engines.chroma import ChromaEngine
from engines.faiss import FaissEngine

from nudge_core.errors import InputError, JournalError, StoreError
from nudge_integrations.langchain import NudgeVectorStore


def nudge(world, store=None):
    return (store or world.store).nudge(world.pairs(), world.pairs("validation"), progress=False)


@pytest.mark.parametrize("engine", [None, ChromaEngine(), FaissEngine()], ids=["inmemory", "chroma", "faiss"])
def test_the_usual_place(make, home, engine):
    world = make(engine, "cosine" if engine is None else engine.metrics[0])
    report = nudge(world)
    assert world.store.journal == Path(report.journal)
    assert world.store.journal.parent == home / "journals"
    assert world.store.journal.suffix == ".sqlite"
    assert {path.suffix for path in (home / "journals").iterdir()} <= {".sqlite", ".lock"}


def test_the_usual_place_without_a_setting(world, tmp_path, monkeypatch):
    monkeypatch.delenv("NUDGE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "someone"))
    nudge(world)
    assert world.store.journal.parent == tmp_path / "someone" / ".local" / "share" / "nudge" / "journals"


def test_a_chosen_place(world, tmp_path, home):
    store = NudgeVectorStore(world.inner, journal=tmp_path / "not there yet" / "mine.db")
    assert store.journal == tmp_path / "not there yet" / "mine.db"
    assert not store.journal.parent.exists()
    nudge(world, store)
    assert store.journal.is_file()
    assert [path.suffix for path in (home / "journals").iterdir()] == [".place"], "a note of where it is"


def test_places_are_meant_from_where_the_program_was_started(world, tmp_path, monkeypatch):
    """Another folder later is no other journal, and no other lock."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("NUDGE_HOME", "relative")
    before = world.bits()
    for store in (NudgeVectorStore(world.inner, journal="mine.sqlite"), NudgeVectorStore(world.inner)):
        nudge(world, store)
        place = store.journal
        assert place.is_relative_to(tmp_path / "here")
        assert NudgeVectorStore(world.inner, journal=None if "relative" in place.parts else place).journal == place
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            store.restore(progress=False)
        assert world.bits() == before
    assert {path.name for path in tmp_path.glob("*.lock")} == set()


def test_a_place_in_the_home_folder(world, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "someone"))
    store = NudgeVectorStore(world.inner, journal="~/mine.sqlite")
    nudge(world, store)
    assert (tmp_path / "someone" / "mine.sqlite").is_file()


def test_a_store_in_memory_most_of_whose_documents_are_others_by_now(make):
    """It is known by those that are left."""
    world = make(docs=200, questions=150)
    report = nudge(world)
    moved = sorted(report.tuned.ids.tolist())
    assert len(moved) > 100
    for name in moved[:-3]:
        world.inner.store[name]["vector"] = [1.0, *[0.0] * 7]
    copy = type(world.inner)(world.embedding)
    copy.store = dict(world.inner.store)
    outcome = NudgeVectorStore(copy).restore(progress=False)
    assert (outcome.documents, len(outcome.changed)) == (3, len(moved) - 3)
    for name in moved[-3:]:
        assert copy.store[name]["vector"] == world.X[int(name[1:])].tolist()


def test_collections_have_a_journal_each(make):
    first, second = make(ChromaEngine()), make(ChromaEngine())
    before = first.bits(), second.bits()
    nudge(first)
    nudge(second)
    assert first.store.journal != second.store.journal
    first.store.restore(progress=False)
    assert first.bits() == before[0]
    assert second.bits() != before[1]


@pytest.mark.parametrize("place", ["/proc/nowhere/journal.sqlite", "a folder", "garbage.sqlite"])
def test_a_place_where_no_journal_can_be(world, tmp_path, place):
    (tmp_path / "a folder").mkdir()
    (tmp_path / "garbage.sqlite").write_bytes(b"no journal\n" * 1000)
    before = world.bits()
    with pytest.raises(JournalError, match=r"journal=…"):
        nudge(world, NudgeVectorStore(world.inner, journal=tmp_path / place))
    assert world.bits() == before
    assert world.embedding.queries == [], "before anything is paid for"


def test_a_home_where_no_journal_can_be(world, monkeypatch):
    monkeypatch.setenv("NUDGE_HOME", "/proc/nowhere")
    before = world.bits()
    world.store.evaluate(world.pairs(), progress=False)
    with pytest.raises(JournalError, match=r"folder of the journal '/proc/nowhere/journals/inmemory-.*cannot be made"):
        nudge(world)
    assert world.bits() == before


def test_garbage_among_the_journals_is_passed_over(world, home):
    """Of stores in memory all are looked into."""
    (home / "journals").mkdir(parents=True)
    (home / "journals" / "inmemory-0.sqlite").write_bytes(b"no journal\n" * 1000)
    (home / "journals" / "inmemory-1.sqlite").touch()
    (home / "journals" / "inmemory-2.sqlite").mkdir()
    before = world.bits()
    nudge(world)
    NudgeVectorStore(world.inner).restore(progress=False)
    assert world.bits() == before


def test_a_journal_that_became_garbage_is_said_at_once(make):
    """The collection is not searched as if it had never been moved."""
    world = make(ChromaEngine())
    nudge(world)
    state = world.bits()
    world.store.journal.write_bytes(b"no journal\n" * 1000)
    with pytest.raises(JournalError, match="cannot be used"):
        NudgeVectorStore(world.inner)
    assert world.bits() == state


def test_a_disk_that_is_full(world):
    """Noticed before the first write to the store."""
    world.store.add_feedback("why?", relevant=["d1"])
    connection = world.store._nudging._journal[1].connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + 1}")
    before = world.bits()
    with pytest.raises(JournalError, match=r"disk is full\): free some space"):
        nudge(world)
    assert (world.bits(), world.store.history()) == (before, [])
    connection.execute("PRAGMA max_page_count = 100000")
    assert nudge(world).applied


def test_a_journal_that_was_deleted(make):
    """What stands moved is then all there is: nothing is written by mistake, and nothing breaks."""
    world = make(ChromaEngine())
    nudge(world)
    state = world.bits()
    world.store.journal.unlink()
    store = NudgeVectorStore(world.inner)
    assert (store.journal, store.history()) == (None, [])
    with pytest.raises(InputError, match="has no journal at .* bring that journal"):
        store.restore(progress=False)
    assert world.bits() == state


def test_a_copy_of_the_journal_is_as_good(make, tmp_path):
    """As a backup of it."""
    world = make(ChromaEngine())
    before = world.bits()
    nudge(world)
    (tmp_path / "backup.sqlite").write_bytes(world.store.journal.read_bytes())
    world.store.journal.unlink()
    NudgeVectorStore(world.inner, journal=tmp_path / "backup.sqlite").restore(progress=False)
    assert world.bits() == before


def test_a_collection_that_was_deleted(make):
    world = make(ChromaEngine())
    nudge(world)
    collection = world.inner._collection
    collection._client.delete_collection(collection.name)
    calls = (
        lambda: nudge(world),
        lambda: world.store.evaluate(world.pairs(), progress=False),
        world.store.restore,
        world.store.history,
        lambda: NudgeVectorStore(world.inner),
    )
    for call in calls:
        with pytest.raises(StoreError, match=r"NotFoundError.*the collection was deleted"):
            call()
    assert "does not exist" in repr(world.store)
