"""What is asked of a journal in a file, asked of one in PostgreSQL; and what only such a one can do: be shared by machines."""

import signal
import subprocess
import sys
import uuid
from dataclasses import dataclass
from importlib import import_module, util
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from nudge_core.apply import recover, restore, write
from nudge_core.apply.database import DatabaseJournal
from nudge_core.apply.server import DatabasePlace, engine_of, places_in
from nudge_core.errors import InputError, JournalError, LockedError

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "stores")]
from engines.pgvector import rows, server

_spec = util.spec_from_file_location("conftest_of_apply", Path(__file__).with_name("conftest.py"))
sys.modules["conftest_of_apply"] = plain = util.module_from_spec(_spec)
_spec.loader.exec_module(plain)

OF_A_FILE = (
    "test_a_lock_file_left_behind_holds_nothing",
    "test_a_vector_that_is_gone_or_changed_is_refused",
    "test_another_process_holds_it",
    "test_one_lock_however_the_file_is_spelled",
    "test_one_lock_of_the_collection_whatever_the_journal",
    "test_the_size_is_bounded_over_200_cycles",
    "test_vectors_that_nothing_speaks_of_go_and_the_file_shrinks",
)
"""What is tested of files only."""


for module in map(
    import_module,
    (
        "test_backups",
        "test_locks",
        "test_maps",
        "test_memory",
        "test_pruning",
        "test_recover",
        "test_recover_changed",
        "test_restore",
        "test_write",
    ),
):
    for name, value in vars(module).items():
        fixture = type(value).__name__ == "FixtureFunctionDefinition" and name != "holder"
        if (name.startswith("test_") and name not in OF_A_FILE) or fixture:
            globals()[name] = value


@dataclass
class InDatabase(plain.World):
    """The journal is a schema of its own."""

    def __post_init__(self):
        self.prefix = f"nudge_{uuid.uuid4().hex}"
        super().__post_init__()

    def open(self, name="journal.sqlite", **options):
        place = DatabasePlace(engine_of(server().get_uri()), f"{self.prefix}_{name.split('.')[0]}")
        about = {"kind": "Dict", "fingerprint": "this", "dim": self.dim, "dtype": self.dtype} | options
        return DatabaseJournal(place, **about)


@pytest.fixture
def make(tmp_path):
    return lambda *args, folder="", **options: InDatabase(tmp_path / folder, *args, **options)


@pytest.fixture
def world(make):
    return make()


HOLD = """
import sys, numpy as np
from nudge_core.apply.database import DatabaseJournal
from nudge_core.apply.server import DatabasePlace, engine_of
place = DatabasePlace(engine_of(sys.argv[1]), sys.argv[2])
journal = DatabaseJournal(place, kind="Dict", fingerprint="this", dim=3, dtype=np.dtype("f4"))
with journal.lock("nudge"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_another_process_holds_it_until_it_is_killed(world):
    command = [sys.executable, "-c", HOLD, server().get_uri(), world.journal.place.schema]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(
            LockedError, match=rf"process {process.pid} on .* does 'nudge'.*postgresql://.*schema nudge_"
        ):
            write(world.target, world.journal, ["d0"], world.vectors(1, 1))
        assert (world.target.writes, world.journal.runs()) == ([], [])
        process.send_signal(signal.SIGKILL)
        process.wait()
    for _ in range(100):  # until the server has noticed
        try:
            write(world.target, world.journal, ["d0"], world.vectors(1, 1))
            break
        except LockedError:
            continue
    assert len(world.target.writes) == 1


def test_a_holder_that_loses_its_connection_writes_nothing_more(world):
    """Its lock went with it, and another one may be at work."""

    def cut(ids):
        if len(world.target.writes) == 1:
            rows(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
            )

    world.target.on_replace = cut
    with pytest.raises(JournalError, match="cannot be used .*see that the database is up"):
        write(world.target, world.journal, world.ids, world.vectors(1), progress=False)
    assert len(world.target.writes) == 2
    world.target.on_replace = lambda ids: None
    recover(world.target, world.open(), "rollback", progress=False)
    assert world.target.bits() == world.original


def test_two_that_make_it_at_once_make_one(world):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as threads:
        journals = list(threads.map(lambda _: world.open("fresh"), range(16)))
    assert len({journal.id for journal in journals}) == 1


def test_journals_are_listed_and_none_is_made_by_looking(world):
    place = DatabasePlace(world.journal.place.engine, "nudge_not_there")
    assert not place.exists()
    listed = places_in(world.journal.place.engine)
    assert world.journal.place in listed
    assert place not in listed


def test_a_database_that_is_not_there(world):
    engine = engine_of("postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(JournalError, match=r"journal postgresql://127.0.0.1/nothing.*cannot be used.*journal=…"):
        DatabaseJournal(DatabasePlace(engine, "nudge_x"), kind="Dict", fingerprint="t", dim=3, dtype=np.dtype("f4"))


@pytest.mark.parametrize("url", ["mysql://host/db", "oracle://host/db"])
def test_a_database_of_another_kind(url):
    with pytest.raises(InputError, match=r"is a URL of (mysql|oracle); expected postgresql://"):
        engine_of(url)


def test_of_another_collection(world):
    with pytest.raises(JournalError, match="the journal of collection 'this', this is 'other'"):
        world.open(fingerprint="other")


def test_a_newer_version_is_refused(world):
    world.journal.note_meta("version", "2")
    with pytest.raises(JournalError, match="of version 2, and this program knows 1 and older"):
        world.open()


def test_a_user_who_may_not_make_schemas(world):
    rows(f"CREATE ROLE {world.prefix} LOGIN")
    engine = engine_of(server().get_uri().replace("//postgres:", f"//{world.prefix}:"))
    with pytest.raises(JournalError, match="its user may create schemas"):
        DatabaseJournal(
            DatabasePlace(engine, f"{world.prefix}_no"), kind="Dict", fingerprint="t", dim=3, dtype=np.dtype("f4")
        )


def test_an_original_is_there_bit_for_bit(world):
    write(world.target, world.journal, world.ids, world.vectors(1), progress=False)
    with engine_of(server().get_uri()).connect() as c:
        count = c.execute(text(f'SELECT count(*) FROM "{world.journal.place.schema}".vectors')).scalar_one()
    assert count == 18
    restore(world.target, world.open(), progress=False)
    assert world.target.bits() == world.original
