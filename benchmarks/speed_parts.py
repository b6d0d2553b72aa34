"""The four measurements of `speed.py`. Each returns what goes into the JSON: sizes, all repetitions, and checks against targets."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import faiss
import nudge
import numpy as np
import speed_data
from measuring import rounds
from numpy.typing import NDArray

from nudge_core import Nudge, NudgeM, NudgeN, finetune
from nudge_core.compat import NUDGEM

GRID_25 = tuple(0.02 * step for step in range(25))
GRID_100 = tuple(0.48 * step / 99 for step in range(100))


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    docs: int = 100_000
    mapped_docs: int = 1_000_000
    rounds: int = 11
    reference_rounds: int = 2


FULL = Sizes()
QUICK = Sizes(docs=10_000, mapped_docs=100_000, rounds=3, reference_rounds=1)


@dataclass(frozen=True, eq=False)
class Problem:
    """Documents in memory and questions about them."""

    documents: NDArray[np.float32]
    questions: speed_data.Questions

    @classmethod
    def make(cls, docs: int) -> Problem:
        """With this many documents."""
        documents = speed_data.documents(docs)
        return cls(documents, speed_data.questions(documents))

    def tune(self, method: NudgeN | NudgeM) -> Nudge:
        """The call that is timed."""
        return finetune(self.documents, *self.questions.sets(), method=method, progress=False)

    def sizes(self) -> dict[str, int]:
        """For the JSON."""
        q = self.questions
        return {
            "docs": len(self.documents),
            "dim": speed_data.DIM,
            "training_questions": len(q.train),
            "validation_questions": len(q.validation),
            "validation_questions_about_trained_documents": int(np.isin(q.validation_rows, q.train_rows).sum()),
        }


def search(documents: NDArray[np.float32], queries: NDArray[np.float32]) -> Callable[[], object]:
    """One exact search of the best document of each question by faiss."""
    index = faiss.IndexFlatIP(documents.shape[1])
    index.add(documents)
    return partial(index.search, queries, 1)


def nudge_n(problem: Problem, sizes: Sizes) -> dict[str, Any]:
    """NUDGE-N against nudge-ft and against one exact search."""
    reference = _Reference(_ReferenceN(), problem)
    slow = rounds({"nudge-ft": reference, "nudge_core": lambda: problem.tune(NudgeN())}, sizes.reference_rounds)
    faiss_run = search(problem.documents, problem.questions.validation)
    fast = rounds({"faiss": faiss_run, "nudge_core": lambda: problem.tune(NudgeN())}, sizes.rounds)
    tuned = problem.tune(NudgeN())
    return {
        **problem.sizes(),
        **_result(tuned),
        "gamma_of_nudge_ft": reference.model.gamma,
        "against_nudge_ft": slow.as_json(),
        "against_faiss": fast.as_json(),
        "checks": [
            _check("NUDGE-N: nudge-ft's time / ours", slow.ratio("nudge-ft", "nudge_core"), at_least=50),
            _check("NUDGE-N: our time / that of one exact faiss search", fast.ratio("nudge_core", "faiss"), at_most=2),
            _check("NUDGE-N: largest difference to nudge-ft's vectors", reference.difference(tuned), at_most=1e-5),
            _check("NUDGE-N: difference of γ to nudge-ft's", abs(tuned.gamma - reference.model.gamma), at_most=1e-9),
        ],
    }


def nudge_m(problem: Problem, sizes: Sizes) -> dict[str, Any]:
    """NUDGE-M with the exact search of γ against nudge-ft, and nudge-ft's call in `nudge_core.compat`."""
    reference = _Reference(_ReferenceM(), problem)
    slow = rounds({"nudge-ft": reference, "nudge_core": lambda: problem.tune(NudgeM())}, sizes.reference_rounds)
    faiss_run = search(problem.documents, problem.questions.validation)
    fast = rounds({"faiss": faiss_run, "nudge_core": lambda: problem.tune(NudgeM())}, sizes.rounds)
    tuned = problem.tune(NudgeM())
    same_call = NUDGEM().finetune_embeddings(problem.documents, *problem.questions.dicts())
    return {
        **problem.sizes(),
        **_result(tuned),
        "gamma_of_nudge_ft": float(reference.model.gamma),
        "difference_of_vectors": reference.difference(tuned),
        "against_nudge_ft": slow.as_json(),
        "against_faiss": fast.as_json(),
        "checks": [
            _check("NUDGE-M, exact γ: nudge-ft's time / ours", slow.ratio("nudge-ft", "nudge_core")),
            _check("NUDGE-M, exact γ: our time / that of one exact faiss search", fast.ratio("nudge_core", "faiss")),
            _check(
                "NUDGE-M: largest difference of `nudge_core.compat` to nudge-ft's vectors",
                float(np.abs(same_call - reference.vectors).max()),
                at_most=1e-5,
            ),
        ],
    }


def mapped(folder: Path, sizes: Sizes) -> dict[str, Any]:
    """NUDGE-N on a memory-mapped file against a search of the same rows in memory; and the memory that it takes."""
    path, asked = folder / "documents.npy", folder / "questions.npz"
    problem = Problem.make(sizes.mapped_docs)
    np.save(path, problem.documents)
    problem.questions.save(asked)
    train, validation = problem.questions.sets()
    timed = rounds(  # the round before the first one warms the page cache
        {
            "faiss in memory": search(problem.documents, problem.questions.validation),
            "nudge_core mapped": lambda: finetune(path, train, validation, progress=False),
        },
        sizes.rounds,
    )
    tuned = finetune(path, train, validation, progress=False)
    inside = problem.tune(NudgeN())
    described = problem.sizes()
    peaks = {name: _peak(path, asked, name) for name in ("NudgeN", "NudgeN nDCG@10", "NudgeM")}
    return {
        **described,
        **_result(tuned),
        "file_bytes": path.stat().st_size,
        "page_cache": "warm: every run is called once before it is timed",
        "same_as_in_memory": bool(np.array_equal(tuned.vectors, inside.vectors) and tuned.gamma == inside.gamma),
        "times": timed.as_json(),
        "memory": {
            "how": "peak of RssAnon + RssShmem of a fresh process, sampled every 2 ms, less the same right after it has imported torch and "
            "nudge_core; pages of the mapped file (RssFile) are not counted",
            "runs": peaks,
        },
        "checks": [
            _check(
                "NUDGE-N from a mapped file: our time / that of one exact faiss search in memory",
                timed.ratio("nudge_core mapped", "faiss in memory"),
                at_most=1.5,
            ),
            *(
                _check(
                    f"{name} from a mapped file: peak memory above an idle process, MB",
                    peak["above_idle_mb"],
                    at_most=600,
                )
                for name, peak in peaks.items()
            ),
        ],
    }


def many_gammas(problem: Problem, sizes: Sizes) -> dict[str, Any]:
    """What 100 γ cost more than 25, over the same range."""
    described: dict[str, Any] = {**problem.sizes(), "checks": []}
    for measure in ("Success@1", "nDCG@10"):
        few, many = NudgeN(GRID_25, measure), NudgeN(GRID_100, measure)
        timed = rounds({"25 γ": partial(problem.tune, few), "100 γ": partial(problem.tune, many)}, 2 * sizes.rounds)
        described[measure] = timed.as_json()
        described["checks"].append(
            _check(f"NUDGE-N by {measure}: time of 100 γ / of 25", timed.ratio("100 γ", "25 γ"), at_most=1.1)
        )
    return described


class _ReferenceN(nudge.NUDGEN):
    """nudge-ft's NUDGE-N, which remembers the γ of its last solution."""

    gamma = float("nan")

    def _sol_maxm(self, gamma: float, *rest: Any) -> Any:
        self.gamma = gamma
        return super()._sol_maxm(gamma, *rest)


class _ReferenceM(nudge.NUDGEM):
    """nudge-ft's NUDGE-M, which remembers the γ that it chose."""

    gamma = float("nan")

    def _get_point_of_most_intersection(self, *ends: Any) -> float:
        self.gamma = super()._get_point_of_most_intersection(*ends)
        return self.gamma


class _Reference:
    """A call of nudge-ft, without what it prints."""

    def __init__(self, model: _ReferenceN | _ReferenceM, problem: Problem) -> None:
        self.model, self.problem = model, problem
        self.sets = problem.questions.dicts()
        self.vectors: NDArray[np.float32] = problem.documents

    def __call__(self) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            self.vectors = self.model.finetune_embeddings(self.problem.documents, *self.sets)

    def difference(self, tuned: Nudge) -> float:
        """The largest difference of a component, over all documents."""
        return float(np.abs(tuned.apply_to(self.problem.documents) - self.vectors).max())


def _result(tuned: Nudge) -> dict[str, Any]:
    return {
        "moved": len(tuned),
        "gamma": tuned.gamma,
        "validation_before": tuned.before,
        "validation_after": tuned.after,
    }


def _check(
    what: str, value: float | dict[str, float], *, at_most: float | None = None, at_least: float | None = None
) -> dict[str, Any]:
    """A figure beside its target; a figure without one is only told."""
    figures = value if isinstance(value, dict) else {"median": value}
    middle = figures["median"]
    check: dict[str, Any] = {"what": what, **figures}
    if at_most is not None:
        check |= {"at_most": at_most, "met": middle <= at_most}
    if at_least is not None:
        check |= {"at_least": at_least, "met": middle >= at_least}
    return check


def _peak(documents: Path, questions: Path, method: str) -> dict[str, float]:
    """Memory of one call in a fresh process."""
    script = Path(__file__).with_name("peak_memory.py")
    done = subprocess.run(
        [sys.executable, str(script), str(documents), str(questions), *method.split()],
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout)  # type: ignore[no-any-return]
