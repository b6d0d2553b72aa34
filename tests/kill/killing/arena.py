"""Arena: a place with a collection in it, the states it is brought back to, and what undisturbed runs do to it."""

import time
from dataclasses import dataclass
from pathlib import Path

from killing import jobs, steps
from killing.children import Child, call
from killing.places import Place


@dataclass(frozen=True)
class Run:
    """Which state a run starts from; and which ones recovery leaves, back and forward. "cut" is in the middle of a nudge from "once" to "twice"."""

    before: str
    old: str
    new: str


RUNS = {
    "nudge": Run("fresh", "fresh", "once"),
    "nudge-again": Run("once", "once", "twice"),
    "restore": Run("twice", "twice", "fresh"),
    "forward": Run("cut", "once", "twice"),
    "back": Run("cut", "once", "twice"),
}


class Arena:
    """The states of one collection.

    Attributes:
        place: Where it is.
        seen: What each state looks like.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.seen = {"fresh": call(jobs.make, place)}
        place.keep("fresh")
        for action, state in (("nudge", "once"), ("nudge-again", "twice")):
            self.seen[state] = call(jobs.undisturbed, place, action)
            place.keep(state)
        assert self.seen["fresh"] != self.seen["once"] != self.seen["twice"] != self.seen["fresh"]
        assert call(jobs.undisturbed, place, "restore") == self.seen["fresh"]
        self._lines: dict[tuple[str, bool], list[steps.Line]] = {}
        self._seconds: dict[str, float] = {}
        self._whole: dict[str, float] = {}
        noted = [i for i, line in enumerate(self.lines("nudge-again", False)) if line.step == "note"]
        assert self.kill_at_a_line("nudge-again", noted[len(noted) // 2], False)
        place.keep("cut")

    def journal(self, given: bool) -> Path | None:
        """The journal, for those who name it; None for those who have it found."""
        return self.place.journal if given else None

    def lines(self, action: str, given: bool) -> list[steps.Line]:
        """The lines of a run that nothing disturbs."""
        if (action, given) not in self._lines:
            self.place.bring_back(RUNS[action].before)
            self._lines[action, given] = call(jobs.lines, self.place, self.journal(given), action)
        return self._lines[action, given]

    def pick(self, action: str, number: int, given: bool) -> tuple[int, steps.Line]:
        """The row of one of the lines, and the line."""
        row = steps.spread(self.lines(action, given), number)
        return row, self.lines(action, given)[row]

    def seconds(self, action: str) -> float:
        """How long such a run writes."""
        if action not in self._seconds:
            self.place.bring_back(RUNS[action].before)
            self._seconds[action] = call(jobs.seconds, self.place, action)
        return self._seconds[action]

    def kill_at_random(self, action: str, share: float, given: bool) -> bool:
        """Whether a process was killed after this share of the time that it takes to open the collection, run it, and save."""
        if action not in self._whole:
            self.place.bring_back(RUNS[action].before)
            self._whole[action] = call(jobs.whole_seconds, self.place, action)
        self.place.bring_back(RUNS[action].before)
        child = Child(jobs.wait_for_death_from_the_beginning, self.place, self.journal(given), action, talks=True)
        assert child.hear() == "begins"
        time.sleep(share * self._whole[action])
        child.process.kill()
        killed = child.died()
        self.place.wait()
        return killed

    def kill_at_a_line(self, action: str, line: int, given: bool) -> bool:
        """Whether a process that ran it was killed before this line."""
        self.place.bring_back(RUNS[action].before)
        killed = Child(jobs.die_at_a_line, self.place, self.journal(given), action, line).died()
        self.place.wait()
        return killed

    def kill_after(self, action: str, seconds: float, given: bool) -> bool:
        """Whether a process that ran it was killed when it had written for so long, or had ended before."""
        self.place.bring_back(RUNS[action].before)
        child = Child(jobs.wait_for_death, self.place, self.journal(given), action, talks=True)
        assert child.hear() == "writes"
        time.sleep(seconds)
        child.process.kill()
        killed = child.died()
        self.place.wait()
        return killed
