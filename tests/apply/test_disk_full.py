"""No room for the journal: before the run nothing is written to the store, in the middle of it the run waits to be recovered."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nudge_core.apply import recover, restore, write
from nudge_core.apply.memory import add_feedback, feedback
from nudge_core.errors import JournalError, UnfinishedRunError


def limit(journal, more=0):
    """Let the file grow by so many pages of 4096 bytes."""
    (pages,) = journal.connection.execute("PRAGMA page_count").fetchone()
    journal.connection.execute(f"PRAGMA max_page_count = {pages + more}")


@pytest.fixture
def large(make):
    """Vectors of 400 bytes, which need about 30 pages."""
    return make(docs=100, dim=100, batch=None)


@pytest.mark.parametrize("more", [0, 1, 5, 20])
def test_nothing_is_written_to_the_store(large, more):
    limit(large.journal, more)
    with pytest.raises(JournalError, match=r"cannot be used \(database or disk is full\): free some space.*journal=…"):
        write(large.target, large.journal, large.ids, large.vectors(1))
    assert (large.target.writes, large.target.bits()) == ([], large.original)
    assert large.journal.runs() == [], "all or nothing"
    limit(large.journal, 1000)
    write(large.target, large.journal, large.ids, large.vectors(1))
    restore(large.target, large.journal)
    assert large.target.bits() == large.original


def test_the_moved_vectors_stay_where_a_second_run_has_no_room(large):
    write(large.target, large.journal, large.ids, large.vectors(1))
    moved = large.target.bits()
    limit(large.journal, 2)
    with pytest.raises(JournalError, match="full"):
        write(large.target, large.journal, large.ids, large.vectors(2))
    assert large.target.bits() == moved
    limit(large.journal, 1000)
    restore(large.target, large.journal)
    assert large.target.bits() == large.original


def test_feedback_that_has_no_room_is_not_half_kept(large):
    limit(large.journal)
    with pytest.raises(JournalError, match="full"):
        add_feedback(large.journal, "a question", {f"{i}" * 300: True for i in range(100)})
    assert feedback(large.journal) == {}


def test_no_room_for_a_new_journal(tmp_path):
    """Not a full disk but a limit on the size of files, which gives another error."""
    done = subprocess.run([sys.executable, "-c", CHILD, tmp_path, Path(__file__).with_name("conftest.py")], check=False)
    assert done.returncode == 0


CHILD = """
import importlib.util, resource, sys
from pathlib import Path
from nudge_core.apply import Journal, recover, restore, write
from nudge_core.errors import JournalError, UnfinishedRunError
spec = importlib.util.spec_from_file_location("conftest", sys.argv[2])
sys.modules["conftest"] = conftest = importlib.util.module_from_spec(spec)
spec.loader.exec_module(conftest)

def allow(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

def refused(call, *args):
    try:
        call(*args)
    except JournalError as error:
        assert "cannot be used" in str(error) and "journal=…" in str(error), error
    else:
        raise AssertionError("no JournalError")

allow(1000)
refused(conftest.World, Path(sys.argv[1]))
allow(100_000)
world = conftest.World(Path(sys.argv[1]), docs=100, dim=100, batch=10)
refused(write, world.target, world.journal, world.ids, world.vectors(1))
assert world.target.writes == [] and world.journal.runs() == []
allow(resource.RLIM_INFINITY)

calls = iter(range(10**6))
world.target.on_replace = lambda ids: allow(resource.RLIM_INFINITY if next(calls) < 3 else 0)
refused(write, world.target, world.journal, world.ids, world.vectors(1))
allow(resource.RLIM_INFINITY)
assert len(world.target.writes) == 4 and world.journal.unfinished().written == 30
try:
    restore(world.target, world.journal)
except UnfinishedRunError:
    pass
world.target.on_replace = lambda ids: None
assert recover(world.target, world.journal, "forward").documents == 100
assert restore(world.target, world.journal).documents == 100
assert world.target.bits() == world.original
"""


def test_no_room_in_the_middle_of_a_run(world):
    """The note of what was written fails, after the write."""

    def full(ids):
        if "d4" in ids:
            world.journal.connection.execute("PRAGMA query_only = ON")  # every write to the file is refused from now on

    world.target.on_replace = full
    with pytest.raises(JournalError, match="cannot be used"):
        write(world.target, world.journal, world.ids, world.vectors(1))
    world.target.on_replace = lambda ids: None
    world.journal = world.open()
    with pytest.raises(UnfinishedRunError):
        write(world.target, world.journal, world.ids, world.vectors(1))
    assert world.known_originals() == world.original
    recover(world.target, world.journal, "back")
    assert world.target.bits() == world.original


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 400 kB, where one can be mounted."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", folder]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("left", range(0, 330, 30))
def test_a_disk_that_is_full(make, small_disk, left):
    """A real one, with so many kB left when the second run begins: wherever it fails, nothing is lost and all goes on when there is room."""
    world = make(docs=100, dim=100, batch=10, folder="small")
    write(world.target, world.journal, world.ids, world.vectors(1), progress=False)
    first, ballast = world.target.bits(), small_disk / "ballast"
    free = os.statvfs(small_disk)
    ballast.write_bytes(b"0" * max(0, free.f_bavail * free.f_frsize - 1024 * left))
    said = "free some space"
    try:
        write(world.target, world.journal, world.ids, world.vectors(2), progress=False)
    except JournalError as error:
        said = str(error)
    assert "free some space" in said
    ballast.unlink()
    journal = world.open()
    recover(world.target, journal, "rollback", progress=False)
    assert journal.rows("PRAGMA integrity_check") == [("ok",)]
    if [run.state for run in journal.runs()][1:] != ["done"]:
        assert world.target.bits() == first
    restore(world.target, journal, progress=False)
    assert world.target.bits() == world.original
