"""Questions and documents as the authors' package takes them."""

import numpy as np


def as_dict(queries):
    return {
        "q_embs": queries.embeddings.numpy(),
        "q_ans_indx": [list(queries.relevance[i]) for i in range(len(queries))],
    }


def others(dim, docs=37):
    """Documents beside those that may move."""
    return np.random.default_rng(99).normal(size=(docs, dim)).astype(np.float32)
