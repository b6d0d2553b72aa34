"""Time: what was spent in each stage, and the bar of what takes long."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tqdm.auto import tqdm


class Clock:
    """Seconds by stage: `with clock("reading"): …`."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Time one stage."""
        start = time.perf_counter()
        yield
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start


def progress_bar(total: int, doing: str, shown: bool, **options: Any) -> tqdm[None]:
    """A bar over rows, if it is to be shown: for what takes longer than two seconds, and gone when that is done."""
    settings = {"unit": " rows", "unit_scale": True, "delay": 2, "disable": not shown, "leave": False, **options}
    return tqdm(total=total, desc=doing, **settings)
