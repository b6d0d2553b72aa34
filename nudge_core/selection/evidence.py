"""Whether questions held out support a gain: only then are vectors written to a store.

The gain of a question is its score with moved vectors less its score with the original ones. A gain is supported by `LEAST` questions held out
or more, where the one-sided lower bound of the mean gain, by Student's t, is above zero. The questions held out also chose among candidates, of
which the best may be best by chance: so the chance of an error, `ERROR`, is shared among all that were tried (Bonferroni).
`benchmarks/evidence.py` measures how often labels that mean nothing pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nudge_core.errors import MissingExtraError, counted
from nudge_core.evaluation.results import LEAST

ERROR = 0.01
"""The chance that the one-sided bound of one of the candidates lies above its true mean gain."""


@dataclass(frozen=True)
class Evidence:
    """What questions held out say of a gain.

    Attributes:
        measure: By what it is measured.
        questions: How many were held out.
        gain: The mean gain, from -1 to 1.
        bound: The one-sided lower bound of the mean gain; minus infinity where one question or none was held out.
        t: The mean gain in standard errors.
        level: The level of the bound.
    """

    measure: str
    questions: int
    gain: float
    bound: float
    t: float = 0.0
    level: float = 1 - ERROR

    @classmethod
    def of(cls, measure: str, before: NDArray[np.float64], after: NDArray[np.float64], tried: int = 1) -> Evidence:
        """The evidence of paired scores, (questions,) each, for the best of so many candidates.

        Raises:
            MissingExtraError: scipy is not installed.
        """
        gains = np.asarray(after, np.float64) - np.asarray(before, np.float64)
        count, level = len(gains), 1 - ERROR / max(1, tried)
        if count < 2:
            return cls(measure, count, float(gains.mean()) if count else 0.0, -np.inf)
        try:
            from scipy.stats import t
        except ImportError as error:
            raise MissingExtraError("scipy", "evaluation", "the bound on the gain") from error
        mean, error_of_mean = float(gains.mean()), float(gains.std(ddof=1)) / count**0.5
        bound = mean - float(t.ppf(level, count - 1)) * error_of_mean
        errors = mean / error_of_mean if error_of_mean else float(np.copysign(np.inf, mean)) if mean else 0.0
        return cls(measure, count, mean, bound, errors, level)

    @property
    def supports(self) -> bool:
        """Whether the gain is supported."""
        return self.questions >= LEAST and self.bound > 1e-9

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        bound = self.bound if np.isfinite(self.bound) else None
        return {
            "measure": self.measure,
            "questions": self.questions,
            "gain": self.gain,
            "bound": bound,
            "level": self.level,
            "supports": self.supports,
        }

    def why_not(self) -> str:
        """Why the gain is not supported and what would help, a sentence each."""
        if self.gain <= 1e-9:
            return (
                f"{self.measure} does not rise on the {counted(self.questions, 'question', 'questions')} held out ({100 * self.gain:+.2f}). "
                "More labelled questions about the same documents would help most"
            )
        if self.questions < LEAST:
            return (
                f"only {counted(self.questions, 'question was', 'questions were')} held out, and fewer than {LEAST} say nothing. "
                f"Label at least {LEAST} questions; a hundred say much more"
            )
        return (
            f"the gain of {100 * self.gain:+.2f} in {self.measure} on {self.questions} questions held out may be chance: its lower bound at "
            f"{100 * self.level:.4g} % is {100 * self.bound:+.2f}. More labelled questions would tell"
        )
