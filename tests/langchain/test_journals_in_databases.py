"""A journal in a database: given by its URL, or kept in the database of the vectors, where a dump holds both."""

import numpy as np
import pytest
from engines.pgvector import PGVectorEngine, PGVectorStoreEngine, rows, server
from movable import InChroma, Lance, Postgres, held, ids

from nudge_core import LinearMap, NudgeN
from nudge_core.errors import InputError, JournalError, LockedError, StoreError
from nudge_core.selection import fit as learn
from nudge_integrations.langchain import NudgeVectorStore
from nudge_integrations.stores import adapter_of
from nudge_integrations.stores.pgvector import PGVectorAdapter


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Validation questions judge, however few they are."""
    monkeypatch.setattr(learn, "FEW", 0)


def pairs(world, split="train"):
    return [(text, [ids()[int(name[1:])] for name in names]) for text, names in world.pairs(split)]


def nudge(world, store, gammas=0.5, **options):
    options = options or {"method": NudgeN(gammas=gammas)}
    assert store.nudge(pairs(world), pairs(world), progress=False, **options).applied


@pytest.fixture
def url():
    """A database of its own."""
    return Postgres(None).uri()


@pytest.fixture
def begin(world, tmp_path):
    """A filled store of a kind, and its place."""

    def start(kind, name="first"):
        (tmp_path / name).mkdir()
        place = kind(tmp_path / name)
        store = place.open(world.embedding)
        place.fill(store, world.X)
        return place, store

    return start


@pytest.mark.parametrize("kind", [Lance, InChroma, Postgres])
def test_by_its_url(world, begin, home, url, kind):
    place, store = begin(kind)
    before, wrapped = held(store), NudgeVectorStore(store, journal=url)
    assert wrapped.journal is None
    nudge(world, wrapped)
    assert str(wrapped.journal).startswith("postgresql://")
    assert "postgres:" not in str(wrapped.journal).removeprefix("postgresql:"), "nobody's name or password"
    moved = held(store)
    nudge(world, wrapped)
    assert held(store) == moved, "twice gives what once gives"
    again = NudgeVectorStore(place.open(world.embedding), journal=url)
    assert len(again.history()) == 2
    assert again.restore(progress=False).changed == ()
    assert held(store) == before
    assert not list(home.rglob("*.sqlite"))


def test_two_machines_share_a_journal_and_a_lock(world, begin, url, monkeypatch, tmp_path):
    """Of two homes, and two folders for locks."""
    _, store = begin(InChroma)
    before, one = held(store), NudgeVectorStore(store, journal=url)
    nudge(world, one)
    monkeypatch.setenv("NUDGE_HOME", str(tmp_path / "of another machine"))
    monkeypatch.setattr("nudge_integrations.collection.places._locks", lambda: tmp_path)
    other = NudgeVectorStore(store, journal=url)
    with one._nudging._opened().lock("nudge"), pytest.raises(LockedError, match="does 'nudge'"):
        other.restore(progress=False)
    other.restore(progress=False)
    assert held(store) == before
    assert [run.kind for run in one.history()] == ["nudge", "restore"]


def test_one_database_holds_the_journals_of_many(world, begin, url):
    (_, one), (_, other) = begin(Lance), begin(InChroma, "second")
    before = held(one), held(other)
    for store in (one, other):
        nudge(world, NudgeVectorStore(store, journal=url))
    assert [len(NudgeVectorStore(store, journal=url).history()) for store in (one, other)] == [1, 1]
    for store in (one, other):
        NudgeVectorStore(store, journal=url).restore(progress=False)
    assert (held(one), held(other)) == before


def test_a_store_in_memory_is_known_by_its_vectors(world, url):
    store = NudgeVectorStore(world.inner, journal=url)
    before = world.bits()
    assert store.nudge(world.pairs(), world.pairs(), method=NudgeN(gammas=0.5), progress=False).applied
    copy = type(world.inner)(world.embedding)
    copy.store = dict(world.inner.store)
    NudgeVectorStore(copy, journal=url).restore(progress=False)
    assert {name: np.asarray(row["vector"]).tobytes() for name, row in copy.store.items()} == before


def test_a_url_of_sqlite_is_a_file(world, tmp_path):
    store = NudgeVectorStore(world.inner, journal=f"sqlite:///{tmp_path / 'j.sqlite'}")
    assert store.nudge(world.pairs(), world.pairs(), method=NudgeN(gammas=0.5), progress=False).applied
    assert store.journal == tmp_path / "j.sqlite"
    assert store.journal.is_file()


ENGINES = [PGVectorEngine(), PGVectorStoreEngine()]


@pytest.mark.parametrize("engine", ENGINES, ids=["v1", "v2"])
def test_in_the_store(make, home, engine):
    world = make(engine)
    before = world.bits()
    store = NudgeVectorStore(world.inner, journal="store")
    ask = {"method": LinearMap(temperature=0.1, rate=0.3), "allow_map": True, "progress": False}
    assert store.nudge(world.pairs(), world.pairs(), **ask).applied
    schema = str(store.journal).rpartition(" ")[2]
    assert rows("SELECT count(*) FROM pg_tables WHERE schemaname = :name", name=schema)[0][0] > 8
    found = NudgeVectorStore(world.inner)
    assert [run.number for run in found.history()] == [1], "found there by who names none"
    found.add_texts(["brand new"], [{"page": 60}], ids=["d60"])
    raw = np.asarray(world.embedding.embed_documents(["brand new"]), np.float32)
    assert np.abs(adapter_of(world.inner).read(["d60"]) - raw).max() > 1e-3
    found.restore(progress=False)
    assert {name: bits for name, bits in world.bits().items() if name in before} == before
    assert not list(home.rglob("*.sqlite"))


@pytest.mark.parametrize("engine", ENGINES, ids=["v1", "v2"])
def test_vectors_and_the_note_of_them_are_one_transaction(make, monkeypatch, engine):
    """What fails between the two leaves neither."""
    world = make(engine)
    before = world.bits()
    store = NudgeVectorStore(world.inner, journal="store")
    write = PGVectorAdapter.replace

    def fails(self, ids, vectors):
        write(self, ids, vectors)
        raise OSError("no power")

    monkeypatch.setattr(PGVectorAdapter, "replace", fails)
    with pytest.raises(StoreError, match=r"failed during nudge \(OSError: no power\)"):
        store.nudge(world.pairs(), world.pairs(), method=NudgeN(gammas=0.5), progress=False)
    monkeypatch.undo()
    assert world.bits() == before, "taken back with the note"
    assert [(run.state, run.written) for run in store.history()] == [("writing", 0)]
    store.recover("finish", progress=False)
    assert world.bits() != before
    store.restore(progress=False)
    assert world.bits() == before


def test_a_dump_holds_both(world, begin, tmp_path, monkeypatch):
    place, store = begin(Postgres)
    before = held(store)
    nudge(world, NudgeVectorStore(store, journal="store"))
    there = place.copy(tmp_path / "second", store)
    monkeypatch.setenv("NUDGE_HOME", str(tmp_path / "of another machine"))
    for options in ({}, {"journal": "store"}):
        copy = there.open(world.embedding)
        wrapped = NudgeVectorStore(copy, **options)
        assert [run.number for run in wrapped.history()][:1] == [1]
        wrapped.restore(progress=False)
        assert held(copy) == before
    assert held(store) != before, "another database"


def test_two_databases_of_one_server_are_two_collections(world, begin, tmp_path):
    (_, one), (_, other) = begin(Postgres), begin(Postgres, "second")
    assert adapter_of(one).fingerprint != adapter_of(other).fingerprint
    before = held(other)
    nudge(world, NudgeVectorStore(one))
    assert NudgeVectorStore(other).history() == []
    assert held(other) == before


@pytest.mark.parametrize("kind", [Lance, InChroma])
def test_a_store_without_tables_for_others_is_told(begin, kind):
    _, store = begin(kind)
    with pytest.raises(InputError, match=r'journal is "store", and a \w+ store keeps no tables .*URL of a database'):
        NudgeVectorStore(store, journal="store").history()


def test_a_database_that_is_not_there_is_said_before_anything_is_written(world, begin):
    _, store = begin(InChroma)
    before = held(store)
    with pytest.raises(JournalError, match=r"postgresql://127.0.0.1/nothing.*cannot be used"):
        nudge(world, NudgeVectorStore(store, journal="postgresql://me:secret@127.0.0.1:1/nothing"))
    assert held(store) == before


@pytest.mark.parametrize("first", ["file", "store"])
def test_a_second_journal_elsewhere_is_not_begun(world, begin, caplog, first):
    place, store = begin(Postgres)
    before = held(store)
    options = [{}, {"journal": "store"}]
    if first == "store":
        options.reverse()
    nudge(world, NudgeVectorStore(store, **options[0]))
    second = NudgeVectorStore(store, **options[1])
    nudge(world, second, gammas=0.2)
    assert len(second.history()) == 2
    assert ("'store' is not used" in caplog.text) == (first == "file")
    second.restore(progress=False)
    assert held(store) == before
    assert server() is not None
    place.close(store)
