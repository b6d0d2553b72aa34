"""How documents move: one file a method."""

from nudge_core.methods.auto import Auto
from nudge_core.methods.base import Bounded, Curve, Method
from nudge_core.methods.contrastive import Contrastive
from nudge_core.methods.linear_map import LinearMap
from nudge_core.methods.nudge_m import NudgeM
from nudge_core.methods.nudge_n import NudgeN

__all__ = [
    "Auto",
    "Bounded",
    "Contrastive",
    "Curve",
    "LinearMap",
    "Method",
    "NudgeM",
    "NudgeN",
]
