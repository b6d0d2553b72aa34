"""Every module can be the first of ours to be imported: none leans on the order in which another imports its parts.

A fresh interpreter for each of some 190 modules would spend its time on torch. So one interpreter imports what others have written, and forks
a child for each module, which imports that one and tells what came of it. Nothing that matters is there before:

- For modules of the core, nothing of ours is. The root `nudge_core` is an empty package there: the real one imports all floors in one order,
  its own, so that behind it every module would look sound. The root itself is imported as it is.
- For those of the integrations, the core is: any `import nudge_core…` runs its root first, so that each would find it in that very state.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import nudge_core

ROOT = Path(nudge_core.__file__).parents[1]
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for package in ("nudge_core", "nudge_integrations")
    for path in (ROOT / package).rglob("*.py")
)

# Imports the names given first, as far as they are installed; then each module of the list in a child. Prints {module: its error} as JSON.
PARENT = """
import contextlib, gc, importlib, json, os, sys, traceback, types

others, modules, folder = json.load(sys.stdin)
for name in others:
    with contextlib.suppress(ImportError):
        importlib.import_module(name)
gc.disable()
failed = {}
for module in modules:
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        said = ""
        try:
            ours = [name for name in sys.modules if name.startswith("nudge_integrations" if "nudge_core" in others else "nudge_")]
            assert not ours, f"imported already: {ours}"
            if module.startswith("nudge_core."):
                sys.modules["nudge_core"] = types.ModuleType("nudge_core")
                sys.modules["nudge_core"].__path__ = [folder]
            importlib.import_module(module)
        except BaseException:
            said = traceback.format_exc()
        os.write(writable, said.encode()[-4000:])
        os._exit(0)
    os.close(writable)
    with os.fdopen(readable, "rb") as pipe:
        said = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    if said or status:
        failed[module] = said or f"the process ended with status {status}"
json.dump(failed, sys.stdout)
"""
# Whatever is missing here is imported by each child, which is right as well, and slower.
OTHERS = [
    "torch",
    "numpy",
    "numpy.typing",
    "tqdm.auto",
    "safetensors",
    "safetensors.numpy",
    "safetensors.torch",
    "filelock",
    "sqlite3",
    "pyarrow",
    "rich.console",
    "rich.table",
    "typer",
    "pytest",
    "langchain_core.vectorstores",
    "langchain_core.embeddings",
    "llama_index.core",
]


def failures(modules, *before):
    done = subprocess.run(
        [sys.executable, "-c", PARENT],
        input=json.dumps([[*before], modules, str(ROOT / "nudge_core")]),
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.parametrize(
    ("package", "before"), [("nudge_core", OTHERS), ("nudge_integrations", [*OTHERS, "nudge_core"])]
)
def test_every_module_can_be_imported_first(package, before):
    modules = [name for name in MODULES if name.split(".")[0] == package]
    assert len(modules) > 50
    assert failures(modules, *before) == {}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_circle_would_be_seen(tmp_path, monkeypatch):
    """Of two files that only work in one order the one that fails is told, though its neighbour was imported before."""
    (tmp_path / "circle_a.py").write_text("from circle_b import B\nA = B\n")
    (tmp_path / "circle_b.py").write_text("from circle_a import A\nB = 1\n")
    (tmp_path / "lazy_c.py").write_text("C = 1\nfrom lazy_d import D\n")
    (tmp_path / "lazy_d.py").write_text("from lazy_c import C\nD = C\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    failed = failures(["lazy_c", "circle_a", "circle_b", "lazy_d"])
    assert set(failed) == {"circle_a", "circle_b", "lazy_d"}
    assert all("partially initialized module" in said for said in failed.values())
