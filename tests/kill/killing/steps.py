"""Count the lines of a run that safe writing and an adapter execute, say to which step each belongs, and die at one of them."""

import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

import nudge_core.apply
import nudge_integrations.collection.collection
import nudge_integrations.collection.journals
import nudge_integrations.collection.plan
import nudge_integrations.collection.runs
import nudge_integrations.stores

NEITHER = ("registry", "_hnswlib")  # these neither read nor write a store
FILES = {
    nudge_integrations.collection.collection.__file__,
    nudge_integrations.collection.journals.__file__,
    nudge_integrations.collection.plan.__file__,
    nudge_integrations.collection.runs.__file__,
    *(str(file) for file in Path(nudge_core.apply.__file__).parent.glob("*.py")),
    *(str(file) for file in Path(nudge_integrations.stores.__file__).parent.glob("*.py") if file.stem not in NEITHER),
}
COMMITS = {
    (str(file), number)
    for file in map(Path, FILES)
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
    if line.strip() in ('self.connection.execute("COMMIT")', "begun.commit()")
}
INSIDE = {"replace": "write", "mark": "note", "finish": "finish", "_verify": "verify", "carry_out": "compare"}
STEPS = ("open", "prepare", "plan", "compare", "write", "note", "verify", "finish", "end")
"""In the order of a run: the journal opened or made; all else before the plan; the plan put in the journal; for each piece what the store holds
compared with the plan, written, and noted; all read back; the end noted; and what comes after."""
TURN = (*STEPS, "write")


@dataclass(frozen=True)
class Line:
    """A line that is about to be executed.

    Attributes:
        where: File and number.
        step: One of `STEPS`.
        state: 0 before the plan is in the journal, 1 from then on, 2 after the end is noted there.
    """

    where: str
    step: str
    state: int


def watch(see: Callable[[FrameType], None]) -> None:
    """Call this before each line of `FILES` from now on."""

    def local(frame: FrameType, event: str, arg: Any) -> Any:
        if event == "line":
            see(frame)
        return local

    sys.settrace(lambda frame, event, arg: local if frame.f_code.co_filename in FILES else None)


def record(state: int) -> list[Line]:
    """The lines from now on; the list grows."""
    lines: list[Line] = []
    committing = False

    def see(frame: FrameType) -> None:
        nonlocal state, committing
        where, names = (frame.f_code.co_filename, frame.f_lineno), []
        above: FrameType | None = frame
        while above is not None:
            if above.f_code.co_filename in FILES:
                names.append(above.f_code.co_name)
            above = above.f_back
        state, committing = state + committing, False
        if where in COMMITS and {"begin", "finish"} & set(names):
            committing = True  # and has done so when the next line comes
        lines.append(Line(f"{Path(where[0]).name}:{where[1]}", _step(names, state), state))

    watch(see)
    return lines


def _step(names: list[str], state: int) -> str:
    """The step that functions, the inmost first, belong to."""
    if state == 2:
        return "end"
    if state == 1:
        return next((step for name, step in INSIDE.items() if name in names), "prepare")
    return "plan" if "begin" in names else "open" if "_open" in names else "prepare"


def die_at(number: int) -> None:
    """SIGKILL before this line, counted from 0 and from now on."""
    left = number

    def see(frame: FrameType) -> None:
        nonlocal left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    watch(see)


def call_at(function: str, then: Callable[[], None]) -> None:
    """Call `then` once, when the first line of this function comes."""

    def see(frame: FrameType) -> None:
        if frame.f_code.co_name == function:
            sys.settrace(None)
            frame.f_trace = None
            then()

    watch(see)


def spread(lines: list[Line], number: int) -> int:
    """One of the lines. Consecutive numbers give step after step in `TURN`, and in each step places that lie far apart."""
    often, there = Counter(line.where for line in lines), {line.step for line in lines}
    step = next(step for step in [*TURN[number % len(TURN) :], *TURN] if step in there)
    rows = [i for i, line in enumerate(lines) if line.step == step]
    weights = np.cumsum([1 / often[lines[i].where] for i in rows])  # a line in a loop counts no more than any other
    return rows[int(np.searchsorted(weights, number * 0.618034 % 1 * weights[-1], side="right"))]
