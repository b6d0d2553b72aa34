"""Questions: what matching returns, texts or vectors with the ids of the documents that answer them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nudge_core.errors import InputError


@dataclass(frozen=True, eq=False, repr=False)
class Questions:
    """Questions as texts or vectors, and the ids of the documents that answer them.

    Attributes:
        texts: One for each question; None where there are vectors only.
        relevant: For each question {document id: grade}.
        vectors: (queries, dim) float32; None where the texts are to be embedded.
    """

    texts: tuple[str, ...] | None
    relevant: tuple[Mapping[str, float], ...]
    vectors: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.relevant)

    def __repr__(self) -> str:
        return f"Questions({len(self)}, pairs={sum(map(len, self.relevant))}, {'texts' if self.vectors is None else 'vectors'})"

    def judged(self, feedback: Mapping[str, Mapping[str, bool]]) -> Questions:
        """With what people said of single answers: it goes before other labels of the same question."""
        if not feedback:
            return self
        if self.texts is None:
            raise InputError(
                "feedback is kept by the text of a question, and this QuerySet has no texts: give it texts=[…], or questions as texts"
            )
        merged = {text: dict(answers) for text, answers in zip(self.texts, self.relevant, strict=True)}
        if self.vectors is not None and any(text not in merged for text in feedback):
            raise InputError(
                "feedback speaks of questions that this QuerySet holds no vectors of: give questions as texts"
            )
        for text, judgements in feedback.items():
            answers = merged.setdefault(text, {})
            for document, good in judgements.items():
                answers.pop(document, None)
                if good:
                    answers[document] = 1.0
        return replace(self, texts=tuple(merged), relevant=tuple(merged.values()))
