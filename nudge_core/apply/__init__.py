"""Safe writing: every original is in a journal before the first write, and every step survives being killed."""

from nudge_core.apply.journal import Journal
from nudge_core.apply.pruning import prune
from nudge_core.apply.records import Outcome, Run, Survey, Target
from nudge_core.apply.write import recover, restore, survey, write

__all__ = ["Journal", "Outcome", "Run", "Survey", "Target", "prune", "recover", "restore", "survey", "write"]
