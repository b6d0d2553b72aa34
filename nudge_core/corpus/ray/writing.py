"""Writing: a corpus with its moved vectors in place, each file by one worker, all of it or nothing.

Finished files wait in the folder `NAME.unfinished` beside the one asked for. When all are there, with a manifest, it is renamed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nudge_core.arguments import expect
from nudge_core.clock import progress_bar
from nudge_core.corpus.parquet import ParquetCorpus
from nudge_core.corpus.places import file_system, is_url, local
from nudge_core.corpus.ray.cluster import Cluster
from nudge_core.corpus.ray.work import Layout, Part, write_part
from nudge_core.data.moves import Moves
from nudge_core.errors import InputError

MANIFEST, JOB = "manifest.json", "job.json"


@dataclass(frozen=True)
class _Target:
    """The folder that is to be written, on any file system."""

    fs: Any
    path: str
    key: str

    @property
    def staging(self) -> str:
        """Where it is made."""
        return f"{self.path}.unfinished"

    def read(self, name: str) -> Any:
        """A JSON file of the folder or of what is unfinished; None where there is none."""
        if not self.fs.exists(name):
            return None
        with self.fs.open(name, "r", encoding="utf-8") as file:
            return json.load(file)

    def write(self, name: str, values: Mapping[str, Any]) -> None:
        """A JSON file among what is unfinished, whole or not at all."""
        with self.fs.open(f"{self.staging}/.{name}.part", "w", encoding="utf-8") as file:
            json.dump(values, file, indent=1)
        self.fs.mv(f"{self.staging}/.{name}.part", f"{self.staging}/{name}")

    def clear(self) -> None:
        """Take away what is left of what was unfinished."""
        if self.fs.exists(self.staging):
            self.fs.rm(self.staging, recursive=True)

    def held(self, name: str) -> str | None:
        """Where a file of this write is already; None where it is not."""
        return next(filter(self.fs.exists, (f"{self.staging}/{name}", f"{self.path}/{name}")), None)


def write(
    corpus: ParquetCorpus, cluster: Cluster, tuned: Moves, folder: str | Path, *, progress: bool = True
) -> Mapping[str, Any]:
    """Write the corpus anew, with the moved vectors in place; every other value is that of the originals, which are never touched.

    A vector keeps the length that it had. A write that was killed or ran out of space is taken up by the same call: files that are finished are kept.

    Returns:
        The manifest, which is also written as `manifest.json`: the method, and each part with its rows, those that moved and its bytes.
    """
    expect(tuned, Moves, "tuned", "give what finetune returned, or Nudge.load(path)", "Nudge")
    corpus.check_moves(tuned, "write")
    target = _target(corpus, tuned, folder)
    done = target.read(f"{target.path}/{MANIFEST}")
    if done is not None and done.get("key") == target.key:
        target.clear()
        return dict(done)
    _check_free(target, done)
    target.fs.makedirs(target.staging, exist_ok=True)
    target.write(JOB, {"key": target.key})
    layouts = [Layout.of(corpus, number) for number in range(len(corpus.places))]
    parts = [Part(layout, target.fs, f"{target.staging}/{layout.place.name}") for layout in layouts]
    left = [part for part in parts if target.held(part.layout.place.name) is None]
    with progress_bar(len(corpus), "writing", progress) as bar:
        bar.update(len(corpus) - sum(len(part.layout) for part in left))
        if left:
            cluster.run(write_part, left, tuned, lambda number, _: bar.update(len(left[number].layout)))
    for layout in layouts:
        layout.place.check()
    return _finish(target, corpus, tuned, layouts)


def _finish(target: _Target, corpus: ParquetCorpus, tuned: Moves, layouts: list[Layout]) -> Mapping[str, Any]:
    """Write the manifest and give the folder its name: at once on this machine, file by file, the manifest last, in an object store."""
    fs, rows = target.fs, np.sort(tuned.rows)
    manifest = {
        "format": "nudge-parquet",
        "version": 1,
        "key": target.key,
        "method": tuned.method,
        "gamma": tuned.gamma,
        "metric": tuned.metric,
        "docs": len(corpus),
        "dim": corpus.dim,
        "moved": len(tuned),
        "parts": [
            {
                "name": layout.place.name,
                "rows": len(layout),
                "moved": (part := layout.within(rows)).stop - part.start,
                "bytes": fs.size(target.held(layout.place.name)),
            }
            for layout in layouts
        ],
    }
    target.write(MANIFEST, manifest)
    for name in fs.ls(target.staging, detail=False):
        base = name.rsplit("/", 1)[-1]
        if base == JOB or base.endswith(".part"):  # a worker that was killed leaves what it had begun
            fs.rm(name)
    if not is_url(target.path) and fs.protocol[0] == "file" and not fs.exists(target.path):
        Path(target.staging).rename(target.path)
        return manifest
    fs.makedirs(target.path, exist_ok=True)
    for name in [*(layout.place.name for layout in layouts), MANIFEST]:
        if fs.exists(f"{target.staging}/{name}"):
            fs.mv(f"{target.staging}/{name}", f"{target.path}/{name}")
    target.clear()
    return manifest


def _check_free(target: _Target, done: Any) -> None:
    fs = target.fs
    begun = target.read(f"{target.staging}/{JOB}") or target.read(f"{target.staging}/{MANIFEST}")
    found = fs.ls(target.staging, detail=False) if fs.exists(target.staging) else []
    if (begun["key"] != target.key) if begun else any(not name.endswith(".part") for name in found):
        raise InputError(
            f"{target.staging!r} holds the unfinished write of other moves or of another corpus: delete it, or give another folder"
        )
    if done is not None or (fs.exists(target.path) and begun is None):
        raise InputError(f"{target.path!r} is there already, and holds something else: give the name of a new folder")


def _target(corpus: ParquetCorpus, tuned: Moves, folder: str | Path) -> _Target:
    """The folder, and a key of all that decides what is written into it."""
    key = hashlib.blake2b(digest_size=16)
    for place in corpus.places:
        key.update(f"{place.path}|{place.size}|{place.key}\n".encode())
    key.update(f"{corpus.column}|{tuned.method}|{tuned.metric}|{tuned.gamma!r}\n".encode())
    for values in (tuned.rows, tuned.vectors):
        key.update(np.ascontiguousarray(values).tobytes())
    where = str(folder).rstrip("/") if is_url(folder) else f"file://{local(folder).absolute()}"
    fs, path = file_system(where)
    path = path.rstrip("/")
    if path in {place.path.rsplit("/", 1)[0] for place in corpus.places}:
        raise InputError(f"{path!r} is the folder of the corpus itself, which is never changed: name a new folder")
    return _Target(fs, path, key.hexdigest())
