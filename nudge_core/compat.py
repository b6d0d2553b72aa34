"""The call of the authors' package `nudge-ft` 0.1.2, so that its users change one import.

    from nudge_core.compat import NUDGEM, NUDGEN        # was: from nudge import NUDGEM, NUDGEN

Same result to 1e-5, without arrays of size questions x documents, and right where that package is not: `gamma` may be a list; the last block of
`nontrain_embeddings` may hold fewer than `val_k` rows; `val_batch_size` is only a hint.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray

from nudge_core.arguments import pick_device
from nudge_core.corpus import MemoryCorpus
from nudge_core.corpus.background import Background, top_k
from nudge_core.data.labels import Labels
from nudge_core.data.queries import QuerySet
from nudge_core.data.vectors import as_matrix, check_finite, unit
from nudge_core.errors import InputError, first_few
from nudge_core.methods import Bounded, NudgeM, NudgeN
from nudge_core.methods.gamma_exact import cover, first_place
from nudge_core.methods.gamma_sweep import sweep
from nudge_core.methods.problem import Validation


class QueriesAnswersDict(TypedDict):
    """Questions as that package takes them.

    `q_embs`: (queries, dim) array; `q_ans_indx`: for each question the row numbers of its relevant documents.
    """

    q_embs: NDArray[Any]
    q_ans_indx: Sequence[Sequence[int]]


class _Nudge(ABC):
    _repeats = True
    """Whether a row that a validation question names twice counts twice."""

    def __init__(self, device: torch.device | str | None = None) -> None:
        """Choose where to compute.

        Args:
            device: Without it CUDA if present, else the CPU.
        """
        self.device = pick_device(device)

    @abstractmethod
    def _choose(self, method: Bounded, train: Labels, validation: Validation) -> float:
        """The γ that the authors' package would choose."""

    def _finetune(
        self,
        method: Bounded,
        embeddings: NDArray[Any],
        train_set: QueriesAnswersDict,
        val_set: QueriesAnswersDict | None,
        nontrain: Any,
    ) -> NDArray[Any]:
        train_set, val_set = _checked(train_set, "train_set"), _checked(val_set, "val_set")
        corpus = MemoryCorpus(embeddings)
        vectors = as_matrix(embeddings, "embeddings")
        check_finite(vectors, np.arange(len(vectors)), "document")
        documents = unit(vectors)
        sets = [_labels(train_set, corpus, self.device), _labels(val_set, corpus, self.device, self._repeats)]
        rows = torch.unique(torch.cat([labels.documents for labels in sets]))
        train, validation = (replace(s, documents=torch.searchsorted(rows, s.documents)) for s in sets)
        background = _background(corpus, validation, rows, method.validation.k, nontrain)
        pool = documents[rows.cpu()].to(self.device)
        held = Validation(pool, rows, validation, background)
        gamma = method.fixed_gamma if method.fixed_gamma is not None else self._choose(method, train, held)
        documents[rows.cpu()] = method.move(pool, train, gamma).cpu()
        return documents.to(vectors.dtype).numpy()


class NUDGEN(_Nudge):
    """NUDGE-N with the call of `nudge.NUDGEN`."""

    _repeats = False

    def finetune_embeddings(
        self,
        embeddings: NDArray[Any],
        train_set: QueriesAnswersDict,
        val_set: QueriesAnswersDict | None = None,
        nontrain_embeddings: NDArray[Any] | None = None,
        val_batch_size: int = 256,  # noqa: ARG002  # part of the call that is kept
        val_k: int = 1,
        gamma: float | Sequence[float] | None = None,
    ) -> NDArray[Any]:
        """Turn the documents that answer training questions; γ by validation accuracy in the top `val_k`.

        Args:
            embeddings: (docs, dim).
            train_set: Training questions and the rows that answer them.
            val_set: Validation questions and the rows that answer them; without them it is refused, in words.
            nontrain_embeddings: (more docs, dim) documents that answer no question; they only compete.
            val_batch_size: Accepted and not needed.
            val_k: Cut-off of the validation accuracy: hits in the top k, divided by min(k, number relevant).
            gamma: Squared distances to try, or one.

        Returns:
            (docs, dim) all documents, of unit length, in the type given.

        Raises:
            InputError: Vectors or labels that cannot be used.
        """
        if isinstance(val_k, bool) or not isinstance(val_k, int | np.integer) or val_k < 1:
            raise InputError(f"val_k is {val_k!r}; expected a whole number from 1 up")
        method = NudgeN("paper" if gamma is None else gamma, f"CR@{val_k}")
        return self._finetune(method, embeddings, train_set, val_set, nontrain_embeddings)

    def _choose(self, method: Bounded, train: Labels, validation: Validation) -> float:
        """As there: the first best in the order given, by accuracies added up in float32. `NudgeN` adds in float64."""
        gammas, directions = list(method.tried), method.directions(validation.documents, train)
        blocks = sweep(validation, directions, method.motion, gammas, method.validation)
        accuracies = [float(values.sum()) for values in torch.cat(list(blocks), 1).to(torch.float32)]
        return gammas[int(np.argmax(accuracies))]


class NUDGEM(_Nudge):
    """NUDGE-M with the call of `nudge.NUDGEM`. The result must be searched by dot product."""

    def finetune_embeddings(
        self,
        embeddings: NDArray[Any],
        train_set: QueriesAnswersDict,
        val_set: QueriesAnswersDict | None = None,
        nontrain_embeddings: NDArray[Any] | None = None,
        val_batch_size: int = 256,  # noqa: ARG002  # part of the call that is kept
        gamma: float | Sequence[float] | None = None,
    ) -> NDArray[Any]:
        """Shift the documents that answer training questions; γ by an exact search.

        Args:
            embeddings: (docs, dim).
            train_set: Training questions and the rows that answer them.
            val_set: Validation questions and the rows that answer them; without them it is refused, in words.
            nontrain_embeddings: (more docs, dim) documents that answer no question; they only compete.
            val_batch_size: Accepted and not needed.
            gamma: Lengths to try, or one.

        Returns:
            (docs, dim) all documents; those that moved are not of unit length.

        Raises:
            InputError: Vectors or labels that cannot be used.
        """
        method = NudgeM("exact" if gamma is None else gamma)
        return self._finetune(method, embeddings, train_set, val_set, nontrain_embeddings)

    def _choose(self, method: Bounded, train: Labels, validation: Validation) -> float:
        """As there: 1e-8 is taken from the slopes, which lets two answers of one question rank first at once. `NudgeM` is exact."""
        directions = method.directions(validation.documents, train)
        if method.gammas != "exact":
            gammas = sorted(method.tried)
            blocks = sweep(validation, directions, method.motion, gammas, method.validation)
            means = torch.cat(list(blocks), 1).mean(1)
            return gammas[int(torch.nonzero(means >= means.max() - 1e-9)[0])]
        gamma, covered = cover(first_place(validation, directions, offset=1e-8))
        return float(gamma[::2][np.argmax(covered[1::2])])  # the low end of the best stretch


def _checked(part: QueriesAnswersDict | None, name: str) -> QueriesAnswersDict:
    """A set of questions; anything else is refused."""
    wanted = '{"q_embs": (queries, dim) array, "q_ans_indx": for each question the rows of its documents}'
    if not isinstance(part, Mapping):
        received = "missing" if part is None else f"a {type(part).__name__}"
        needed = "; it chooses γ: hold some questions out of the training set" if name == "val_set" else ""
        raise InputError(f"{name} is {received}; expected {wanted}{needed}")
    missing = [key for key in ("q_embs", "q_ans_indx") if key not in part]
    if missing:
        raise InputError(f"{name} has no {missing[0]!r}, only {first_few(part)}; expected {wanted}")
    if len(part["q_embs"]) != len(part["q_ans_indx"]):
        raise InputError(
            f"{name} has {len(part['q_embs'])} questions and {len(part['q_ans_indx'])} lists of answers: give one list a question"
        )
    odd = next(
        (
            at
            for at, rows in enumerate(part["q_ans_indx"])
            if isinstance(rows, str | bytes) or not hasattr(rows, "__iter__")
        ),
        None,
    )
    if odd is not None:
        raise InputError(
            f"{name}['q_ans_indx'][{odd}] is {part['q_ans_indx'][odd]!r}; expected a list of row numbers, for example [3]"
        )
    return part


def _labels(part: QueriesAnswersDict, corpus: MemoryCorpus, device: torch.device, repeats: bool = True) -> Labels:
    """Labels over all rows. With `repeats` a row that a question names twice counts twice, as there."""
    answers = part["q_ans_indx"] if repeats else [list(dict.fromkeys(rows)) for rows in part["q_ans_indx"]]
    queries = QuerySet(part["q_embs"], answers)
    if queries.dim != corpus.dim:
        raise InputError(f"q_embs has dimension {queries.dim}, embeddings {corpus.dim}: embed both with one model")
    places = corpus.find(np.asarray([row for rows in answers for row in rows], dtype=np.int64))
    counts = np.asarray([len(rows) for rows in answers], dtype=np.int64)
    offsets = torch.from_numpy(np.concatenate([[0], np.cumsum(counts)]))
    return Labels(
        queries.embeddings.to(device),
        offsets.to(device),
        torch.from_numpy(places).to(device),
        torch.ones(len(places), device=device),
    )


def _background(corpus: MemoryCorpus, validation: Labels, rows: torch.Tensor, k: int, nontrain: Any) -> Background:
    inside = corpus.background(validation.queries, min(k, len(corpus)), exclude=rows.cpu().numpy(), progress=False)
    if isinstance(nontrain, tuple):  # as that package's README passes it
        nontrain = nontrain[0]
    if nontrain is None or not len(nontrain):
        return inside
    others = MemoryCorpus(nontrain)
    outside = others.background(validation.queries, min(k, len(others)), progress=False)
    later = torch.where(outside.rows < 0, -1, outside.rows + len(corpus))
    scores, order = top_k(torch.cat([inside.scores, outside.scores], 1), k)
    return Background(scores, torch.cat([inside.rows, later], 1).gather(1, order))
