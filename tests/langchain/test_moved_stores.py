"""A store that is moved, copied, dumped and loaded, or made anew: it has the journal whose vectors it holds, and no other."""

import logging
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from engines.base import Lookup
from movable import MARKED, PLACES, InChroma, Lance, MilvusLite, Qdrant, held, ids, vectors

from nudge_core import LinearMap, NudgeN
from nudge_core.errors import InputError, JournalError, LockedError
from nudge_core.selection import fit as learn
from nudge_integrations.langchain import NudgeVectorStore
from nudge_integrations.stores import adapter_of

MAP = LinearMap(temperature=0.1, rate=0.3)


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Validation questions judge, however few they are."""
    monkeypatch.setattr(learn, "FEW", 0)


@pytest.fixture
def world(make):
    """What is asked and how it is embedded; its own store is not used."""
    return make()


def pairs(world, split="train"):
    return [(text, [ids()[int(name[1:])] for name in names]) for text, names in world.pairs(split)]


def nudge(world, store, mapped=False, gammas=0.5):
    options = {"method": MAP, "allow_map": True} if mapped else {"method": NudgeN(gammas=gammas)}
    report = store.nudge(
        pairs(world), pairs(world) if mapped else pairs(world, "validation"), progress=False, **options
    )
    assert report.applied
    return report


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


def same(kind, one, other):
    """Bit for bit; the local mode of Qdrant changes last bits by itself when it is opened."""
    if kind is not Qdrant:
        return one == other
    values = [np.stack([np.frombuffer(held[name], np.float32) for name in sorted(held)]) for held in (one, other)]
    return np.abs(values[0] - values[1]).max() < 1e-6


@pytest.mark.parametrize("given", [False, True], ids=["found", "given"])
@pytest.mark.parametrize("kind", PLACES)
def test_a_moved_store_can_be_restored(world, begin, tmp_path, home, monkeypatch, kind, given):
    place, store = begin(kind)
    before, wrapped = held(store), NudgeVectorStore(store)
    nudge(world, wrapped)
    name, moved = wrapped.journal.name, held(store)
    there = place.copy(tmp_path / "second", store)
    shutil.rmtree(place.folder)
    shutil.move(home, tmp_path / "another home")
    monkeypatch.setenv("NUDGE_HOME", str(tmp_path / ("none" if given else "another home")))
    store = there.open(world.embedding)
    assert same(kind, held(store), moved)
    again = NudgeVectorStore(store, journal=tmp_path / "another home" / "journals" / name if given else None)
    assert [run.number for run in again.history()] == [1]
    outcome = again.restore(progress=False)
    assert (outcome.changed, outcome.missing) == ((), ())
    assert same(kind, held(store), before)
    there.close(store)


@pytest.mark.parametrize("kind", [Lance, InChroma, MilvusLite])
def test_a_copy_and_its_original_both_live(world, begin, tmp_path, kind):
    """They share a journal; what is written to one is not in the other, and each gets its originals back."""
    place, store = begin(kind)
    before, wrapped = held(store), NudgeVectorStore(store)
    nudge(world, wrapped)
    there = place.copy(tmp_path / "second", store)
    copy, store = there.open(world.embedding), place.open(world.embedding)
    first = held(copy)
    nudge(world, NudgeVectorStore(store), gammas=0.2)
    second = held(store)
    assert held(copy) == first != second
    other = NudgeVectorStore(copy)
    assert len(other.history()) == 2
    other.restore(progress=False)
    assert held(copy) == before
    assert held(store) == second
    NudgeVectorStore(store).restore(progress=False)
    assert held(store) == before
    for where, what in ((there, copy), (place, store)):
        where.close(what)


@pytest.mark.parametrize("kind", [Lance, Qdrant])
def test_a_map_of_the_original_is_not_applied_to_the_copy(world, begin, tmp_path, caplog, kind):
    place, store = begin(kind)
    nudge(world, NudgeVectorStore(store))
    there = place.copy(tmp_path / "second", store)
    store = place.open(world.embedding)
    nudge(world, NudgeVectorStore(store), mapped=True)
    place.close(store)
    copy = there.open(world.embedding)
    NudgeVectorStore(copy).add_texts(["brand new"], [{"page": 60}], ids=[ids(61)[-1]])
    assert "does not hold what run 2 wrote" in caplog.text
    raw = np.asarray(world.embedding.embed_documents(["brand new"]))
    np.testing.assert_allclose(adapter_of(copy).read([ids(61)[-1]]), raw, atol=1e-6)
    there.close(copy)


@pytest.mark.parametrize("embedded", ["by the same model", "otherwise"])
@pytest.mark.parametrize("kind", PLACES)
def test_a_collection_made_anew_has_a_new_journal_and_the_old_one_is_kept(world, begin, kind, embedded):
    place, store = begin(kind)
    wrapped = NudgeVectorStore(store)
    nudge(world, wrapped, mapped=True)
    old = wrapped.journal
    content = old.read_bytes()
    place.drop(store)
    store = place.open(world.embedding)
    place.fill(store, world.X)
    if embedded == "otherwise":
        adapter_of(store).replace(ids(), np.roll(world.X, 3, 1).astype(adapter_of(store).dtype))
    before, wrapped = held(store), NudgeVectorStore(store)
    assert (wrapped.journal, wrapped.history()) == (None, [])
    wrapped.add_texts(["brand new"], [{"page": 60}], ids=[ids(61)[-1]])
    raw = np.asarray(world.embedding.embed_documents(["brand new"]))
    np.testing.assert_allclose(adapter_of(store).read([ids(61)[-1]]), raw, atol=1e-6)
    if embedded == "by the same model":
        nudge(world, wrapped)
        assert wrapped.journal != old
        assert len(wrapped.history()) == 1
        NudgeVectorStore(store).restore(progress=False)
        assert {name: bits for name, bits in held(store).items() if name in before} == before
    assert old.read_bytes() == content
    place.close(store)


@pytest.mark.parametrize("kind", MARKED)
def test_without_its_journal_a_moved_store_takes_no_new_one(world, begin, monkeypatch, tmp_path, kind):
    """It would take what was moved for original."""
    place, store = begin(kind)
    nudge(world, NudgeVectorStore(store))
    moved = held(store)
    monkeypatch.setenv("NUDGE_HOME", str(tmp_path / "lost"))
    for options in ({}, {"journal": tmp_path / "new.sqlite"}):
        wrapped = NudgeVectorStore(store, **options)
        with pytest.raises(JournalError, match=r"journal that is not here \(its id is .*journal=FILE.*begin_anew\(\)"):
            nudge(world, wrapped)
    assert held(store) == moved
    assert not (tmp_path / "new.sqlite").exists()
    wrapped.begin_anew()
    asked = pairs(world, "test")
    assert wrapped.nudge(asked, asked, method=NudgeN(gammas=0.5), progress=False).applied
    wrapped.restore(progress=False)
    assert held(store) == moved
    place.close(store)


def test_to_begin_anew_is_refused_where_the_originals_are_at_hand(world, begin):
    _, store = begin(Lance)
    wrapped = NudgeVectorStore(store)
    wrapped.begin_anew()
    nudge(world, wrapped)
    with pytest.raises(InputError, match=r"originals of this LanceDB collection are in its journal .*restore\(\)"):
        wrapped.begin_anew()


@pytest.mark.parametrize("kind", [Lance, InChroma])
@pytest.mark.parametrize("made", [False, True], ids=["new", "empty"])
def test_a_second_journal_is_not_begun(world, begin, tmp_path, caplog, kind, made):
    _, store = begin(kind)
    before, first = held(store), NudgeVectorStore(store, journal=tmp_path / "one.sqlite")
    if made:
        NudgeVectorStore(store, journal=tmp_path / "two.sqlite").add_feedback("why?", relevant=[ids()[0]])
    nudge(world, first)
    second = NudgeVectorStore(store, journal=tmp_path / "two.sqlite")
    assert "two.sqlite' is not used: the originals" in caplog.text
    assert second.journal == tmp_path / "one.sqlite"
    nudge(world, second, gammas=0.2)
    assert NudgeVectorStore(store).journal == tmp_path / "one.sqlite", "who names none finds it too"
    second.restore(progress=False)
    assert held(store) == before


def test_a_journal_cut_to_nothing_is_not_begun_anew(world, begin, tmp_path):
    _, store = begin(Lance)
    nudge(world, NudgeVectorStore(store, journal=tmp_path / "one.sqlite"))
    moved = held(store)
    (tmp_path / "one.sqlite").write_bytes(b"")
    with pytest.raises(JournalError, match="is empty.*put a backup of it"):
        NudgeVectorStore(store, journal=tmp_path / "one.sqlite")
    assert held(store) == moved


def test_a_journal_of_another_collection_is_refused(world, begin, tmp_path):
    _, one = begin(Lance)
    nudge(world, NudgeVectorStore(one, journal=tmp_path / "one.sqlite"))
    _, other = begin(Lance, "second")
    for call in (lambda s: s.restore(progress=False), lambda s: nudge(world, s)):
        with pytest.raises(JournalError, match="is the journal of collection .*journal=…"):
            call(NudgeVectorStore(other, journal=tmp_path / "one.sqlite"))


def test_the_journal_of_a_collection_that_was_here_before_is_refused(world, begin, tmp_path):
    place, store = begin(Lance)
    nudge(world, NudgeVectorStore(store, journal=tmp_path / "one.sqlite"))
    place.drop(store)
    store = place.open(world.embedding)
    place.fill(store, world.X)
    with pytest.raises(JournalError, match="of a collection that was at this place before.*journal=…"):
        NudgeVectorStore(store, journal=tmp_path / "one.sqlite")


def test_one_lock_of_a_collection_whatever_the_home(world, begin, monkeypatch, tmp_path):
    _, store = begin(InChroma)
    wrapped = NudgeVectorStore(store)
    nudge(world, wrapped)
    monkeypatch.setenv("NUDGE_HOME", str(tmp_path / "another home"))
    other = NudgeVectorStore(store, journal=tmp_path / "other.sqlite")
    with wrapped._nudging._opened().lock("nudge"), pytest.raises(LockedError, match="with another journal"):
        nudge(world, other)


# Maps, and wrappers that were open before

JOB = """
import sys
sys.path[:0] = [{tests!r}, {langchain!r}]
import pickle
from movable import {kind}
from nudge_integrations.langchain import NudgeVectorStore
from nudge_core.selection import fit
fit.FEW = 0
pairs, embedding, method = pickle.load(open({file!r}, "rb"))
place = {kind}(__import__("pathlib").Path({folder!r}))
store = place.open(embedding)
print(NudgeVectorStore(store).nudge(pairs, pairs, method=method, allow_map=True, progress=False).applied)
place.close(store)
"""


@pytest.mark.parametrize("kind", [Lance, InChroma])
def test_a_wrapper_opened_before_the_run_of_another_process_maps(world, begin, tmp_path, kind):
    place, store = begin(kind)
    server = NudgeVectorStore(store)
    file = tmp_path / "job.pickle"
    file.write_bytes(pickle.dumps((pairs(world), Lookup(world.embedding.known, 8), MAP)))
    code = JOB.format(
        tests=str(Path(__file__).parents[1] / "stores"),
        langchain=str(Path(__file__).parent),
        kind=kind.__name__,
        file=str(file),
        folder=str(place.folder),
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.stdout == "True\n", done.stderr[-2000:]
    server.add_texts(["brand new"], [{"page": 60}], ids=[ids(61)[-1]])
    raw = np.asarray(world.embedding.embed_documents(["brand new"]), np.float32)
    assert np.abs(adapter_of(store).read([ids(61)[-1]]) - raw).max() > 1e-3
    server.restore(progress=False)
    np.testing.assert_allclose(adapter_of(store).read([ids(61)[-1]]), raw, atol=1e-6)
    np.testing.assert_allclose(vectors(store), world.X, atol=1e-6)


def test_where_nothing_was_ever_moved_adding_costs_nothing(world, begin, monkeypatch):
    _, store = begin(Lance)
    wrapped = NudgeVectorStore(store)
    monkeypatch.setattr(wrapped._nudging, "adapt", lambda: pytest.fail("the store is looked at"))
    wrapped.add_texts(["brand new"], [{"page": 60}], ids=[ids(61)[-1]])


def test_a_backup_played_back_takes_no_map(world, begin, tmp_path, caplog):
    """Nor does a store that was emptied past the wrapper."""
    caplog.set_level(logging.WARNING)
    _, store = begin(Lance)
    wrapped = NudgeVectorStore(store)
    original = vectors(store)
    nudge(world, wrapped, mapped=True)
    adapter_of(store).replace(ids(), original)
    wrapped.add_texts(["brand new"], [{"page": 60}], ids=[ids(61)[-1]])
    assert "1 document was added and did not go through the map" in caplog.text
    assert "does not hold what run 1 wrote" in caplog.text
    raw = np.asarray(world.embedding.embed_documents(["brand new"]), np.float32)
    np.testing.assert_allclose(adapter_of(store).read([ids(61)[-1]]), raw, atol=1e-6)


def test_another_model_takes_no_map(world, begin, caplog):
    _, store = begin(Lance)
    nudge(world, NudgeVectorStore(store), mapped=True)
    known = {text: np.roll(vector, 1).tolist() for text, vector in world.embedding.known.items()}
    other = NudgeVectorStore(Lance(Path(store._connection.uri)).open(type(world.embedding)(known, 8)))
    other.add_texts(["brand new"], [{"page": 60}], ids=[ids(61)[-1]])
    assert "embedded by another model than those of run 1: give the store the embedding of then" in caplog.text
    raw = np.asarray(other.inner.embeddings.embed_documents(["brand new"]), np.float32)
    np.testing.assert_allclose(adapter_of(store).read([ids(61)[-1]]), raw, atol=1e-6)
