"""How documents move: one file a method."""

from nudge_core.methods.base import Choice, Curve, Method, Problem
from nudge_core.methods.nudge_m import NudgeM
from nudge_core.methods.nudge_n import NudgeN

__all__ = ["Choice", "Curve", "Method", "NudgeM", "NudgeN", "Problem"]
