"""Journals that cannot be made, cannot be read, or are of something else: said so, with what to do, and nothing is written."""

import sqlite3

import numpy as np
import pytest

from nudge_core.apply import restore, write
from nudge_core.errors import JournalError


def start(world):
    return write(world.target, world.journal, world.ids, world.vectors(1))


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("kind", "Qdrant", "the journal of a store of kind 'Dict', this is 'Qdrant'"),
        ("fingerprint", "other", "the journal of collection 'this', this is 'other'"),
        ("dim", 4, "vectors with dim '3', this is '4'"),
        ("dtype", np.dtype("f2"), "vectors with dtype '<f4', this is '<f2'"),
    ],
)
def test_of_another_collection(world, option, value, said):
    with pytest.raises(
        JournalError, match=rf"{said}.*made anew or embedded by another model.*journal=….*keep this one"
    ):
        world.open(**{option: value})


def test_of_another_version(world):
    with sqlite3.connect(world.journal.path) as connection:
        connection.execute("UPDATE meta SET value = '2' WHERE key = 'version'")
    connection.close()
    with pytest.raises(JournalError, match="of version 2, and this program knows 1 and older: install .* newer one"):
        world.open()


def test_an_empty_file_is_no_new_journal(world):
    """As one that was cut short: it would take what was moved for original."""
    (world.folder / "cut.sqlite").touch()
    with pytest.raises(JournalError, match=r"cut.sqlite' is empty.*put a backup of it in its place, or delete it"):
        world.open("cut.sqlite")
    assert (world.folder / "cut.sqlite").stat().st_size == 0


def test_a_link_in_a_circle(world):
    (world.folder / "a.sqlite").symlink_to(world.folder / "b.sqlite")
    (world.folder / "b.sqlite").symlink_to(world.folder / "a.sqlite")
    with pytest.raises(JournalError, match=r"journal=…"):
        world.open("a.sqlite")


@pytest.mark.parametrize(
    "tables", ["CREATE TABLE users (id)", "CREATE TABLE meta (a, b)", "CREATE TABLE meta (key, value)"]
)
def test_a_database_of_something_else_is_left_as_it_is(world, tables):
    path = world.folder / "theirs.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute(tables)
    connection.close()
    before = path.read_bytes()
    with pytest.raises(JournalError, match="journal=…"):
        world.open("theirs.sqlite")
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"no database at all\n" * 100, b"\0" * 5000, b"SQLite format 3\0" + b"\xff" * 4096]
)
def test_a_file_of_something_else_is_left_as_it_is(world, content):
    path = world.folder / "garbage.sqlite"
    path.write_bytes(content)
    with pytest.raises(JournalError, match=r"garbage.sqlite' cannot be used .*journal=….*Nothing is written"):
        world.open("garbage.sqlite")
    assert path.read_bytes() == content


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9])
def test_a_truncated_journal(make, kept):
    world = make(docs=400, batch=None)
    start(world)
    world.journal.close()
    before, moved = world.target.writes[:], world.target.bits()
    content = world.journal.path.read_bytes()
    world.journal.path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(JournalError, match=r"cannot be used .*Nothing is written to a store without its journal"):
        restore(world.target, world.open())
    assert (world.target.writes, world.target.bits()) == (before, moved)
    world.journal.path.write_bytes(content)  # from a backup
    restore(world.target, world.open())
    assert world.target.bits() == world.original


def test_pages_of_garbage_inside(make):
    world = make(docs=400, batch=None)
    start(world)
    world.journal.close()
    content = bytearray(world.journal.path.read_bytes())
    for page in range(2, len(content) // 4096):
        content[4096 * page : 4096 * page + 200] = b"\xaa" * 200
    world.journal.path.write_bytes(content)
    moved = world.target.bits()
    with pytest.raises(JournalError, match="cannot be used"):
        restore(world.target, world.open())
    assert world.target.bits() == moved


@pytest.mark.parametrize("damage", ["flipped", "gone"])
def test_an_original_that_is_damaged_is_never_written(world, damage):
    start(world)
    world.journal.close()
    moved, vector = world.target.bits(), world.original["d4"]
    with sqlite3.connect(world.journal.path) as connection:
        if damage == "gone":
            connection.execute("DELETE FROM vectors WHERE value = ?", (vector,))
        flipped = bytes([vector[0] ^ 1]) + vector[1:]
        connection.execute("UPDATE vectors SET value = ? WHERE value = ?", (flipped, vector))
    connection.close()
    for begin in (restore, lambda *args: write(*args, ["d0"], world.vectors(2, 1))):
        with pytest.raises(JournalError, match=r"is damaged: it does not hold a vector.*Put a backup"):
            begin(world.target, world.open())
    assert world.target.bits() == moved


def test_a_folder_that_cannot_be_made(world):
    with pytest.raises(JournalError, match=r"folder of the journal '/proc/nudge/j.sqlite' cannot be made.*journal=…"):
        type(world.journal)("/proc/nudge/j.sqlite", kind="Dict", fingerprint="this", dim=3, dtype=np.dtype("f4"))


def test_a_file_where_the_folder_should_be(world):
    (world.folder / "file").touch()
    with pytest.raises(JournalError, match="cannot be made"):
        world.open("file/journal.sqlite")


def test_a_folder_where_the_file_should_be(world):
    (world.folder / "folder").mkdir()
    with pytest.raises(
        JournalError, match=r"folder' is a folder, and a journal is a file: name one in it, .*journal=…"
    ):
        world.open("folder")


def test_a_folder_that_is_not_there_is_made(world):
    journal = world.open("deep/in/a folder/jöurnal.sqlite")
    write(world.target, journal, ["d0"], world.vectors(1, 1))
    restore(world.target, world.open("deep/in/a folder/jöurnal.sqlite"))
    assert world.target.bits() == world.original


def test_a_lock_that_cannot_be_made(world):
    (world.folder / "journal.sqlite.lock").mkdir()
    with pytest.raises(JournalError, match=r"journal.sqlite.lock' cannot be made.*journal=…"):
        start(world)
    assert world.target.writes == []


def test_a_journal_that_is_deleted_under_our_feet(world):
    start(world)
    before = world.target.bits()
    world.journal.path.unlink()
    with pytest.raises(JournalError):
        write(world.target, world.journal, world.ids, world.vectors(2))
    assert world.target.bits() == before


def test_a_journal_that_is_closed(world):
    world.journal.close()
    with pytest.raises(JournalError, match="closed"):
        start(world)
    assert world.target.writes == []


def test_a_store_whose_dimension_changed_under_our_feet(world):
    """Vectors of another length are no vectors that a run wrote."""
    start(world)
    world.target.held["d3"] = np.ones(5, np.float32)
    assert restore(world.target, world.journal).changed == ("d3",)
