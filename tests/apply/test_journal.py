"""The journal itself: whatever ids are called, what it tells of runs, and that it never grows by what it has."""

import json
import os
import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nudge_core.apply import Journal, restore, survey, write
from nudge_core.apply.memory import add_feedback, cache, cached, feedback, model_number
from nudge_core.errors import LockedError

ODD = [
    "'; DROP TABLE documents; --",
    'say "no"',
    "",
    " ",
    "a\nb\tc",
    "%_?:x",
    "NULL",
    "0",
    "-1",
    "1e5",
    "\u00e9",
    "e\u0301",
    "ß",
    "SS",
    "日本語",
    "👩‍👩‍👧",
    "a" * 5000,
    "A" * 5000,
    "\\",
    "\uffff",
]


def test_odd_ids(make):
    world = make(docs=len(ODD))
    world.target.held = dict(zip(ODD, world.vectors(0), strict=True))
    before = world.target.bits()
    write(world.target, world.journal, ODD, world.vectors(1), settings={"a": ODD[0]})
    assert world.target.bits() == dict(zip(ODD, map(np.ndarray.tobytes, world.vectors(1)), strict=True))
    assert set(survey(world.target, world.open()).originals) == set(ODD)
    world.journal.forget(ODD[:3])
    assert restore(world.target, world.open()).documents == len(ODD)
    assert world.target.bits() == before
    assert restore(world.target, world.open(), 1).run.settings == {"to": 1}
    restore(world.target, world.journal)
    assert world.target.bits() == before


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


@given(question=texts, judgements=st.dictionaries(texts, st.booleans(), min_size=1, max_size=5))
def test_any_text_is_kept(make, question, judgements):
    journal = make(folder=uuid4().hex).journal
    add_feedback(journal, question, judgements)
    assert feedback(journal) == {question: judgements}
    model = model_number(journal, question, np.ones(3, np.float32))
    vectors = np.arange(3 * len(judgements), dtype=np.float32).reshape(-1, 3)
    cache(journal, model, list(judgements), vectors)
    found = cached(journal, model, [*judgements, "another"])
    assert {text: v.tolist() for text, v in found.items() if text in judgements} == dict(
        zip(judgements, vectors.tolist(), strict=True)
    )
    journal.close()


def test_a_run_is_told_as_it_was_after_a_restart(world):
    settings = {"method": "NUDGE-N", "gamma": 0.1, "measure": "nDCG@10", "before": None, "ünïcode": ["'", '"']}
    write(world.target, world.journal, world.ids, world.vectors(1), settings=settings)
    restore(world.target, world.journal)
    world.journal.close()
    first, second = world.open().runs()
    assert (first.number, first.kind, first.state, first.documents, first.written) == (1, "nudge", "done", 9, 9)
    assert first.settings == settings
    assert (second.number, second.kind, second.settings) == (2, "restore", {"to": None})
    assert first.started <= first.finished <= second.started <= second.finished
    assert first.started.endswith("+00:00")


def test_settings_that_are_no_json_begin_no_run(world):
    with pytest.raises(TypeError):
        write(world.target, world.journal, ["d0"], world.vectors(1, 1), settings={"a": object()})
    assert (world.target.writes, world.journal.runs(), world.journal.documents()) == ([], [], {})
    assert not world.journal.connection.in_transaction, "else nobody else could write to it"
    write(world.target, world.open(), ["d0"], world.vectors(1, 1))


def test_a_vector_is_kept_once(make):
    """Ten runs between two states need no more room for vectors than one."""
    world = make(docs=100, dim=50, batch=None)
    for seed in [1, 2] * 5:
        write(world.target, world.journal, world.ids, world.vectors(seed))
    assert world.journal.rows("SELECT count(*) FROM vectors") == [(300,)]
    assert len(world.journal.runs()) == 10


def test_it_is_a_file_that_any_tool_reads(world):
    """The originals can be had without this package."""
    write(world.target, world.journal, world.ids, world.vectors(1), settings={"a": 1})
    world.journal.close()
    connection = sqlite3.connect(f"file:{world.journal.path}?mode=ro", uri=True)
    originals = dict(connection.execute("SELECT id, value FROM documents JOIN vectors ON hash = original"))
    about = dict(connection.execute("SELECT key, value FROM meta"))
    settings = connection.execute("SELECT settings FROM runs").fetchone()[0]
    connection.close()
    assert originals == world.original
    assert (about["dtype"], about["dim"], about["version"]) == ("<f4", "3", "1")
    assert json.loads(settings) == {"a": 1}


def test_everything_is_in_one_file(world):
    write(world.target, world.journal, world.ids, world.vectors(1))
    restore(world.target, world.journal)
    assert {path.name for path in world.folder.iterdir()} <= {"journal.sqlite", "journal.sqlite.lock"}


def test_forgetting_what_was_never_known(world):
    world.journal.forget(["nobody", "d0"])
    assert world.journal.documents() == {}


def test_a_model_is_known_by_name_and_by_how_it_embeds(world):
    one, near, other = np.ones(3, np.float32), np.full(3, 1.0001, np.float32), np.asarray([1, 1, 2], np.float32)
    first = model_number(world.journal, "bge", one)
    assert model_number(world.journal, "bge", near) == first
    assert model_number(world.open(), "bge", one) == first
    numbers = {first, model_number(world.journal, "bge", other), model_number(world.journal, "e5", one)}
    assert len(numbers) == 3
    cache(world.journal, first, ["a"], one[None])
    assert cached(world.journal, first + 1, ["a"]) == {}


def test_nobody_else_can_read_it(make, tmp_path):
    """It holds what users asked."""
    world = make()
    journal = Journal(
        tmp_path / "home" / "journals" / "one.sqlite", kind="Dict", fingerprint="this", dim=3, dtype=world.dtype
    )
    add_feedback(journal, "Who can read this?", {"d0": True})
    with journal.lock("nudge"):
        made = list((tmp_path / "home" / "journals").iterdir())
        assert len(made) >= 2
        assert not any(file.stat().st_mode & 0o077 for file in made)
    assert not journal.path.parent.stat().st_mode & 0o077


@pytest.mark.parametrize(("mode", "kept"), [(0o644, 0o600), (0o666, 0o660), (0o660, 0o660), (0o640, 0o600)])
def test_a_journal_that_others_could_read_is_private_from_now_on(world, mode, kept):
    """It holds questions of users. Where the group may write, somebody shares it on purpose."""
    world.open("other.sqlite").close()
    path, lock = world.folder / "other.sqlite", world.folder / "other.sqlite.lock"
    lock.touch()
    for file in (path, lock):
        file.chmod(mode)
    journal = world.open("other.sqlite")
    with journal.lock("nudge"), journal.transaction() as connection:
        connection.execute("DELETE FROM feedback")
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in world.folder.glob("other.sqlite*")}
    assert set(modes.values()) == {kept}
    assert len(modes) >= 2


def test_a_process_that_dies_while_it_makes_a_journal_leaves_none(world, monkeypatch):
    """Not an empty one, which would be refused ever after."""

    def dies(*paths):
        raise KeyboardInterrupt

    monkeypatch.setattr("nudge_core.apply.file.os.link", dies)
    with pytest.raises(KeyboardInterrupt):
        world.open("new.sqlite")
    monkeypatch.undo()
    assert not list(world.folder.glob("new.sqlite*"))
    world.open("new.sqlite")


def test_a_file_system_without_links(world, monkeypatch):
    def refuses(*paths):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("nudge_core.apply.file.os.link", refuses)
    assert world.open("new.sqlite").id
    assert [path.name for path in world.folder.glob("new.sqlite*")] == ["new.sqlite"]


def test_many_that_make_it_at_once_make_one(world):
    with ThreadPoolExecutor(8) as threads:
        journals = list(threads.map(lambda _: world.open("fresh.sqlite"), range(16)))
    assert len({journal.id for journal in journals}) == 1


def test_nothing_is_left_open_over_200_cycles(world):
    """Neither files nor threads."""

    def count():
        return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()

    def cycle():
        journal = world.open("long.sqlite")
        write(world.target, journal, world.ids, world.vectors(1), progress=False)
        restore(world.target, journal, progress=False)
        journal.close()

    cycle()
    before = count()
    for _ in range(200):
        cycle()
    assert count() == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked here")
def test_a_process_that_is_forked_after_opening(world):
    """It opens the journal again, and is refused while its parent writes; neither disturbs the other."""
    write(world.target, world.journal, world.ids, world.vectors(1), progress=False)
    with world.journal.lock("nudge"):
        child = os.fork()
        if child == 0:
            try:
                journal = world.journal.again()
                restore(world.target, journal, progress=False)
            except LockedError:
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        write(world.target, world.journal, world.ids, world.vectors(2), progress=False)
    assert [run.state for run in world.journal.runs()] == ["done", "done"]
    assert world.journal.rows("PRAGMA integrity_check") == [("ok",)]
