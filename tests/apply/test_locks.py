"""One writer at a time: among processes, among threads, and free again however the holder ended."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from nudge_core.apply import recover, restore, survey, write
from nudge_core.errors import LockedError

HOLD = """
import sys, numpy as np
from nudge_core.apply import Journal
journal = Journal(sys.argv[1], kind="Dict", fingerprint="this", dim=3, dtype=np.dtype("f4"))
with journal.lock("nudge"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(world):
    """Another process that holds the lock until it is killed."""
    command = [sys.executable, "-c", HOLD, str(world.journal.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_another_process_holds_it(world, holder):
    """Nothing begins; reading goes on; and when the holder is killed without a word all is free."""
    said = rf"process {holder.pid} on .* does 'nudge' \(begun .*\).*wait until it has ended, or stop it"
    for begin in (
        lambda: write(world.target, world.journal, ["d0"], world.vectors(1, 1)),
        lambda: restore(world.target, world.journal),
        lambda: recover(world.target, world.journal, "back"),
    ):
        with pytest.raises(LockedError, match=said):
            begin()
    assert (world.target.writes, world.journal.runs()) == ([], [])
    assert survey(world.target, world.open()).originals == {}
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert write(world.target, world.journal, ["d0"], world.vectors(1, 1)).documents == 1


@pytest.mark.parametrize("place", ["link.sqlite", "folder/journal.sqlite", "folder/./folder/journal.sqlite"])
def test_one_lock_however_the_file_is_spelled(world, holder, place):
    (world.folder / "link.sqlite").symlink_to(world.journal.path)
    (world.folder / "folder").symlink_to(world.folder, target_is_directory=True)
    other = world.open(place)
    with pytest.raises(LockedError, match=f"process {holder.pid} "):
        restore(world.target, other)


def test_one_lock_of_the_collection_whatever_the_journal(world):
    """A collection is written to with one journal at a time."""
    one, other = (world.open(f"{name}.sqlite", also=world.folder / "docs.lock") for name in ("one", "other"))
    with one.lock("nudge"):
        with pytest.raises(LockedError, match="another process, with another journal, is at work"):
            restore(world.target, other)
        with other._locks[0]:
            pass
    restore(world.target, other)


def test_another_object_in_this_process_holds_it(world):
    other = world.open()
    with other.lock("nudge"), pytest.raises(LockedError, match=f"process {os.getpid()} .* so restore cannot begin"):
        restore(world.target, world.journal)
    restore(world.target, world.journal)


@pytest.mark.parametrize("same", [True, False], ids=["same-object", "an-object-each"])
def test_another_thread_holds_it(world, same):
    journal, held, done = world.journal if same else world.open(), threading.Event(), threading.Event()

    def hold():
        with journal.lock("nudge"):
            held.set()
            done.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert held.wait(60)
        with pytest.raises(LockedError, match=f"process {os.getpid()} "):
            write(world.target, world.journal, ["d0"], world.vectors(1, 1))
        assert (world.target.writes, world.journal.runs()) == ([], [])
    finally:
        done.set()
        thread.join()
    write(world.target, world.journal, ["d0"], world.vectors(1, 1))


def test_two_threads_write_at_once(world):
    """While one is writing the other is refused; both runs that were begun are whole."""
    inside, go_on, refused = threading.Event(), threading.Event(), []

    def pause(ids):
        inside.set()
        assert go_on.wait(60)

    def second():
        assert inside.wait(60)
        try:
            write(world.target, world.journal, world.ids, world.vectors(2))
        except LockedError as error:
            refused.append(error)
        finally:
            go_on.set()

    world.target.on_replace = pause
    thread = threading.Thread(target=second)
    thread.start()
    write(world.target, world.journal, world.ids, world.vectors(1))
    thread.join()
    assert len(refused) == 1
    assert [run.state for run in world.journal.runs()] == ["done"]
    assert world.target.held["d8"].tobytes() == world.vectors(1)[8].tobytes()


def test_it_may_be_held_around_a_run(world):
    """As a nudge does, from reading to writing."""
    with world.journal.lock("nudge"):
        write(world.target, world.journal, ["d0"], world.vectors(1, 1))
        with pytest.raises(LockedError):
            restore(world.target, world.open())
    restore(world.target, world.open())
    assert world.target.bits() == world.original


def test_it_is_free_after_an_error(world):
    with pytest.raises(ZeroDivisionError), world.journal.lock("nudge"):
        raise ZeroDivisionError
    with world.open().lock("restore"):
        pass


def test_a_lock_file_left_behind_holds_nothing(world):
    (world.folder / "journal.sqlite.lock").touch()
    write(world.target, world.journal, ["d0"], world.vectors(1, 1))
