"""Kept: what a pass over a corpus has found so far, in a small file, so that a pass that was killed goes on where it was."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch

from nudge_core.corpus.background import BackgroundBuilder
from nudge_core.errors import InputError

EVERY = 10.0
"""Seconds between one file and the next; for many questions longer, so that writing takes no more than a twentieth of the time."""

_log = logging.getLogger(__name__)


class Kept:
    """The partial result of one pass: of these files, these questions and these settings."""

    def __init__(self, folder: Path, key: str) -> None:
        """Name the file `background-KEY.npz` in a folder, which is made where it is missing.

        Raises:
            InputError: There cannot be such a folder.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"resume={str(folder)!r} is no folder and cannot become one ({error}): name another"
            ) from error
        self.file = folder / f"background-{key}.npz"
        self._next = time.monotonic() + EVERY

    def restore(self, builder: BackgroundBuilder) -> tuple[int, float, float]:
        """Put back what was found; from which row to go on, and the lengths of the shortest and longest document so far."""
        if not self.file.is_file():
            return 0, np.inf, 0.0
        try:
            with self.file.open("rb") as file, np.load(file, allow_pickle=False) as kept:
                found = {
                    name: torch.from_numpy(kept[name]).to(builder.scores.device)
                    for name in kept.files
                    if name != "walk"
                }
                row, shortest, longest = kept["walk"].tolist()
        except (OSError, ValueError, KeyError, EOFError, AttributeError, BadZipFile) as error:
            _log.warning("%s cannot be read (%s), so the pass begins anew", self.file, error)
            return 0, np.inf, 0.0
        builder.scores, builder.rows, builder.logsumexp = found["scores"], found["rows"], found.get("logsumexp")
        return int(row), shortest, longest

    def keep(self, builder: BackgroundBuilder, row: int, shortest: float, longest: float, *, last: bool) -> None:
        """Write what was found up to this row if it is time, and at the end. Where there is no room a warning says so and the pass goes on."""
        if not last and time.monotonic() < self._next:
            return
        started = time.monotonic()
        found = {"scores": builder.scores, "rows": builder.rows, "logsumexp": builder.logsumexp}
        arrays: dict[str, Any] = {name: part.cpu().numpy() for name, part in found.items() if part is not None}
        arrays["walk"] = np.asarray([row, shortest, longest])
        part = self.file.with_name(f".{self.file.name}.{os.getpid()}.part")
        try:
            with part.open("wb") as opened:
                np.savez(opened, **arrays)
            part.replace(self.file)
        except OSError as error:
            part.unlink(missing_ok=True)
            _log.warning(
                "%s cannot be written (%s): if the pass is interrupted now, it goes on from the last one",
                self.file,
                error,
            )
        self._next = time.monotonic() + max(EVERY, 20 * (time.monotonic() - started))
