"""No room for the store in the middle of a write, on engines that write files: the run says so, waits to be recovered, and loses nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

# Two runs of a minute on a busy machine, most of it for imports.
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="files are limited in size here")

CHILD = """
import os, resource, signal, sys
from importlib import import_module
from pathlib import Path
sys.path.insert(0, sys.argv[4])
import numpy as np
from nudge_core.apply import Journal, recover, restore, survey, write
from nudge_core.errors import NudgeError, StoreError, UnfinishedRunError
from nudge_integrations.stores import adapter_of

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
folder, module, name, direction = Path(sys.argv[1]), *sys.argv[2].split("."), sys.argv[3]
engine = getattr(import_module(f"engines.{module}"), name)()
ids = [f"d{i}" for i in range(1200)]
X = np.random.default_rng(0).normal(size=(1200, 32))
X /= np.linalg.norm(X, axis=1, keepdims=True)
again = len(sys.argv) > 5
if again:
    store = engine.open(folder / "store", None, sys.argv[5])
else:
    store = engine.make(folder / "store", "l2", ids, X, [f"text {i}" for i in ids], [{"page": 1, "source": "a"}] * 1200)
adapter, payloads = adapter_of(store), engine.payloads(store)
file = folder / "before.npy"
if not again:
    np.save(file, adapter.read(ids))
before = {name: vector.tobytes() for name, vector in zip(ids, np.load(file))}
about = {"kind": adapter.kind, "fingerprint": "this", "dim": 32, "dtype": adapter.dtype}
journal = Journal(folder / "journal.sqlite", **about)
def allow(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

kind, calls = type(adapter), []
real = kind.replace
def replace(self, ids, vectors):
    calls.append(len(ids))
    if len(calls) in full:
        allow(4096)
    try:
        return real(self, ids, vectors)
    finally:
        allow(resource.RLIM_INFINITY)

kind.replace = replace
full = {} if again else {2} if adapter.batch else {1, 2}
new = X[:, ::-1].astype(adapter.dtype)
if not again:
    try:
        write(adapter, journal, ids, new, progress=False)
    except StoreError as error:
        assert "Nothing is lost" in str(error) and "recover" in str(error), error
    else:
        raise AssertionError("nothing was said")
    if name == "ChromaEngine":  # whose client waits for ever once it has failed: another process goes on
        os.execv(sys.executable, [sys.executable, "-W", "ignore", "-c", open(folder / "child.py").read(), *sys.argv[1:5], store._collection.name])
    try:
        recover(adapter, journal, "finish", progress=False)  # it is still full
    except StoreError:
        pass
full = set()
try:
    restore(adapter, journal, progress=False)
except UnfinishedRunError:
    pass
else:
    raise AssertionError("it was not unfinished")
again = adapter_of(store)
recover(again, journal, direction, progress=False)
held = again.fetch(ids)
wanted = dict(zip(ids, new)) if direction == "finish" else {name: np.frombuffer(b, adapter.dtype) for name, b in before.items()}
assert all(np.allclose(held[name], wanted[name], atol=1e-6) for name in ids)
restore(again, journal, progress=False)
assert {name: vector.tobytes() for name, vector in again.fetch(ids).items()} == before
assert engine.payloads(store) == payloads
print("done")
"""


@pytest.mark.parametrize("direction", ["finish", "rollback"])
@pytest.mark.parametrize("engine", ["chroma.ChromaEngine", "lancedb.LanceDBEngine"])
def test_no_room_for_the_store(tmp_path, engine, direction):
    here = str(Path(__file__).parent)
    (tmp_path / "child.py").write_text(CHILD, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CHILD, tmp_path, engine, direction, here],
        check=False,
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "done"), done.stderr
