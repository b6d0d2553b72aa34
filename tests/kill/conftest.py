"""`import killing` and `import engines` work here; and the figure of the kill test is printed at the end of the tests."""

import sys
from collections import Counter
from pathlib import Path

import pytest

collect_ignore = ["killing"]  # has no examples, and imports what only child processes need
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "stores")]


class Tally:
    """What the figure is made of: kills by store and by step, how many left a run unfinished or were not checked, and vectors that were lost."""

    def __init__(self) -> None:
        self.kills: Counter[str] = Counter()
        self.steps: Counter[str] = Counter()
        self.unfinished = self.unchecked = self.lost = 0

    def __str__(self) -> str:
        stores, failed = ", ".join(sorted(self.kills)), f" ({self.unchecked} not checked)" if self.unchecked else ""
        steps = ", ".join(f"{step} {count}" for step, count in self.steps.items())
        return (
            f"killed {self.kills.total()} times over {stores}{failed}, {self.unfinished} runs left unfinished: {self.lost} vectors lost\n"
            f"the steps in which it was killed: {steps}"
        )


TALLY = pytest.StashKey[Tally]()


@pytest.fixture(scope="session")
def tally(pytestconfig):
    """The one tally of all tests."""
    return pytestconfig.stash.setdefault(TALLY, Tally())


def pytest_terminal_summary(terminalreporter, config):
    tally = config.stash.get(TALLY, Tally())
    if tally.kills:
        terminalreporter.write_line(str(tally))
