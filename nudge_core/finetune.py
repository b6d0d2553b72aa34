"""The door: a corpus and labelled questions in, a `Nudge` out."""

from __future__ import annotations

import torch

from nudge_core.corpus.base import Missing
from nudge_core.corpus.opening import CorpusLike
from nudge_core.data.queries import QuerySet
from nudge_core.methods.base import Method
from nudge_core.result import Nudge
from nudge_core.selection.fit import Fit


def finetune(
    corpus: CorpusLike,
    train: QuerySet,
    validation: QuerySet | None = None,
    *,
    method: Method | None = None,
    refit: bool = False,
    missing: Missing = "skip",
    device: str | torch.device | None = None,
    progress: bool = True,
) -> Nudge:
    """Move the documents toward the questions that they answer. The input is never changed.

    The corpus is read once, in blocks, whatever the number of γ tried; of it only the labelled documents are held. Documents are taken at unit
    length, questions as they are.

    Args:
        corpus: (docs, dim) array, tensor or memory map; a path to `.npy`, a folder of `.npy` shards or Parquet; or a `Corpus`.
        train: Training questions: they say where documents move.
        validation: Validation questions: they say how far documents move. `NudgeN` and `NudgeM` need them unless γ is fixed; other methods hold out
            some of the training questions in turn where there are none.
        method: `Auto()` if not given, the default everywhere: leave documents as they are, `NudgeN("angles", "nDCG@10")`, or `Contrastive()`,
            whichever questions held out speak for. The call of the paper is `NudgeN()`.
        refit: Solve once more on training and validation questions together, with the γ chosen; without validation questions it changes nothing.
        missing: What to do with labels whose document the corpus does not hold: leave them out and log it ("skip"), up to a half of them, or refuse
            them ("error").
        device: Where to compute: "cpu", "cuda", "mps". Without it CUDA if present, else the CPU.
        progress: Whether a pass over the corpus that takes longer than two seconds shows a bar.

    Returns:
        The new vectors of the documents that moved.

    Raises:
        InputError: Empty or missing question sets, dimensions that differ, rows with NaN, infinity or zeros only. With one fixed γ only
            the labelled documents are read.
        UnknownIdError: Labels that name documents that the corpus does not hold.

    Example:
        >>> import numpy as np
        >>> from nudge_core import NudgeN, QuerySet, finetune
        >>> rng = np.random.default_rng(0)
        >>> X, Q = rng.normal(size=(50, 8)), rng.normal(size=(20, 8))
        >>> train, validation = QuerySet(Q, [[i] for i in range(20)]).split(0.5)
        >>> finetune(X, train, validation, method=NudgeN()).method
        'NUDGE-N'
    """
    fit = Fit(corpus, train, validation, method, refit=refit, missing=missing, device=device, progress=progress)
    return fit.run().tuned()
