"""A `Nudge` as a file: safetensors with a JSON header, never pickle."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from nudge_core.errors import FileFormatError
from nudge_core.methods.base import Curve
from nudge_core.replacing import replacing
from nudge_core.result import Nudge

FORMAT, VERSION = "nudge", 1
_ARRAYS = ("ids", "rows", "vectors", "matrix", "angles")


def save(tuned: Nudge, path: str | Path) -> None:
    """Write what `load` reads; see `Nudge.save`."""
    header = {f.name: getattr(tuned, f.name) for f in fields(tuned) if f.name not in (*_ARRAYS, "curve")}
    header["seconds"] = dict(tuned.seconds)
    header["settings"] = {name: dict(setting) for name, setting in tuned.settings.items()}
    arrays: dict[str, Any] = {"rows": tuned.rows, "vectors": np.ascontiguousarray(tuned.vectors)}
    if tuned.ids.dtype.kind in "iu":
        arrays["ids"] = tuned.ids
    else:
        header["ids"] = tuned.ids.tolist()
    arrays |= {name: array for name in ("matrix", "angles") if (array := getattr(tuned, name)) is not None}
    if tuned.curve is not None:
        header["measure"] = tuned.curve.measure
        arrays |= {"curve_gamma": tuned.curve.gamma, "curve_score": tuned.curve.score}
    write_file(path, arrays, {"format": FORMAT, "version": str(VERSION), "nudge": json.dumps(header)})


def write_file(path: str | Path, arrays: dict[str, NDArray[Any]], metadata: dict[str, str]) -> None:
    """Write safetensors to a temporary file beside the target, then rename: a reader sees the old file or the new one.

    Raises:
        InputError: There is no such folder, nothing can be written in it, or the path is no plain file.
    """
    with replacing(path) as temporary:
        temporary.touch()
        mode = temporary.stat().st_mode  # save_file lets nobody else read what it writes
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, temporary, metadata)
        temporary.chmod(mode)


def load(path: str | Path, dim: int | None = None) -> Nudge:
    """Read what `save` wrote; see `Nudge.load`."""
    source = Path(path)
    if not source.is_file():
        raise FileFormatError(
            f"there is no file {str(source)!r}: give the file that Nudge.save or `nudge tune --out` wrote"
        )
    try:
        with safe_open(source, framework="numpy") as file:
            header = _header(str(source), file.metadata() or {})
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # a file, not a dict
    except (SafetensorError, OSError) as error:
        raise FileFormatError(
            f"{str(source)!r} cannot be read as safetensors ({error}): it is truncated or of another format"
        ) from error
    return _build(str(source), header, arrays, dim)


def _header(source: str, metadata: dict[str, str]) -> dict[str, Any]:
    if metadata.get("format") != FORMAT:
        raise FileFormatError(
            f"{source!r} is a safetensors file, but not one of fine-tuned documents: "
            "give one that Nudge.save or `nudge tune --out` wrote"
        )
    if metadata.get("version") != str(VERSION):
        raise FileFormatError(
            f"{source!r} is of version {metadata.get('version')}; this program reads version {VERSION}: "
            "write it again, or upgrade nudge-integrations"
        )
    return dict(json.loads(metadata["nudge"]))


def _build(source: str, header: dict[str, Any], arrays: dict[str, Any], dim: int | None) -> Nudge:
    measure = header.pop("measure", None)
    if measure is not None:
        header["curve"] = Curve(arrays.pop("curve_gamma"), arrays.pop("curve_score"), measure)
    if "ids" in header:
        header["ids"] = np.asarray(header["ids"], dtype=object)
    tuned = Nudge(**{**header, **arrays})
    if not len(tuned.ids) == len(tuned.rows) == len(tuned.vectors) or tuned.vectors.ndim != 2:
        raise FileFormatError(
            f"{source!r} holds {len(tuned.ids)} ids for vectors of shape {tuned.vectors.shape}: write it again"
        )
    if tuned.angles is not None and len(tuned.angles) != len(tuned):
        raise FileFormatError(f"{source!r} holds {len(tuned.angles)} angles for {len(tuned)} documents: write it again")
    if tuned.matrix is not None and tuned.matrix.shape != (tuned.dim, tuned.dim):
        raise FileFormatError(
            f"{source!r} holds a map of shape {tuned.matrix.shape} for vectors of dimension {tuned.dim}: write it again"
        )
    if dim is not None and tuned.dim != dim:
        raise FileFormatError(
            f"{source!r} holds vectors of dimension {tuned.dim}, expected {dim}: it belongs to another embedding model"
        )
    return tuned
