"""Interleaved timings on a machine that others use too, and the peak memory of a process.

Runs that are compared take turns, A B A B …, and every ratio is taken within one round. A round in which other processes took more than 5 % of the
machine is thrown away and run again, because two busy neighbours slow threads that wait for one another by far more than their share.
"""

from __future__ import annotations

import platform
import statistics
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

DISTURBED = 0.05
"""Share of the machine's time that others may take during a run."""

_TICKS = 0.04
"""Seconds by which the kernel's count of busy time may be off."""


@dataclass
class Rounds:
    """What was measured.

    Attributes:
        seconds: for each run its time in each round that was kept.
        others: for each round kept the largest share of the machine that other processes took during one of its runs.
        repeated: how many rounds were thrown away.
    """

    seconds: dict[str, list[float]]
    others: list[float] = field(default_factory=list)
    repeated: int = 0

    def median(self, run: str) -> float:
        """The median time of a run in seconds."""
        return statistics.median(self.seconds[run])

    def ratio(self, run: str, peer: str) -> dict[str, float]:
        """Median, smallest and largest over the rounds of time of `run` / time of `peer`."""
        ratios = [a / b for a, b in zip(self.seconds[run], self.seconds[peer], strict=True)]
        return {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)}

    def as_json(self) -> dict[str, Any]:
        """The times and their medians, and how quiet the machine was."""
        return {
            "seconds": {run: [round(value, 4) for value in values] for run, values in self.seconds.items()},
            "medians": {run: round(self.median(run), 4) for run in self.seconds},
            "largest_share_of_others": round(max(self.others), 3),
            "rounds_repeated": self.repeated,
        }


def rounds(
    runs: Mapping[str, Callable[[], object]], wanted: int, *, patience: float = 300.0, warm_up: bool = True
) -> Rounds:
    """Time the runs in turns.

    Args:
        runs: What is timed, by name.
        wanted: How many rounds to keep.
        patience: Seconds after which no further round is thrown away: the quietest of all are kept, and `others` tells.
        warm_up: Whether every run is called once before.
    """
    if warm_up:
        for run in runs.values():
            run()
    done: list[tuple[float, dict[str, float]]] = []
    start = time.monotonic()
    while True:
        measured = {name: _timed(run, start + patience) for name, run in runs.items()}
        done.append((max(other for _, other in measured.values()), {name: t for name, (t, _) in measured.items()}))
        quiet = sum(other <= DISTURBED for other, _ in done)
        if quiet >= wanted or (len(done) >= wanted and time.monotonic() - start > patience):
            break
    kept = done if len(done) == wanted else [done[i] for i in _quietest(done, wanted)]
    seconds = {name: [times[name] for _, times in kept] for name in runs}
    return Rounds(seconds, [other for other, _ in kept], len(done) - wanted)


def _quietest(done: list[tuple[float, dict[str, float]]], wanted: int) -> list[int]:
    return sorted(sorted(range(len(done)), key=lambda i: done[i][0])[:wanted])


def _timed(run: Callable[[], object], deadline: float) -> tuple[float, float]:
    """Seconds of a run, and the share of the machine that other processes took meanwhile."""
    _wait_until_quiet(deadline)
    busy, own, start = _busy(), time.process_time(), time.perf_counter()
    run()
    seconds = time.perf_counter() - start
    others = _busy() - busy - (time.process_time() - own) - _TICKS
    return seconds, max(0.0, others / (seconds * psutil.cpu_count()))


def _wait_until_quiet(deadline: float) -> None:
    """Let threads of the last run stop spinning and neighbours finish, at the longest until the deadline."""
    while True:
        busy = _busy()
        time.sleep(0.25)
        if _busy() - busy <= _TICKS or time.monotonic() > deadline:
            return


def _busy() -> float:
    """Seconds that all cores together have worked since the machine started; a time stolen from it counts as work."""
    times = psutil.cpu_times()
    return sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0)


def anonymous_memory() -> int:
    """Bytes that the process holds, files mapped into memory not counted (RssAnon + RssShmem of /proc/self/status)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith(("RssAnon", "RssShmem")))


class PeakMemory:
    """The largest `anonymous_memory` while the block runs, sampled every two milliseconds by a thread."""

    def __enter__(self) -> PeakMemory:
        self.peak = anonymous_memory()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._stop.wait(0.002):
            self.peak = max(self.peak, anonymous_memory())


def machine() -> dict[str, Any]:
    """Cores, processor and memory; nothing that names the machine."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
    return {
        "cores": psutil.cpu_count(),
        "processor": model,
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "system": platform.system(),
    }
