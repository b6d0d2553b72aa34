"""nudge_index gives the figures of the core on a real set."""

import numpy as np
import pytest
from llama_base import Known
from llama_engines import ChromaEngine, PGVectorEngine, SimpleEngine
from llama_index.core import StorageContext, VectorStoreIndex
from llama_index.core.schema import TextNode

from nudge_core import NudgeN, QuerySet, evaluate, finetune
from nudge_integrations.llama_index import evaluate_index, nudge_index, restore_index


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("engine", "method"), [
    (SimpleEngine, NudgeN()), (SimpleEngine, None), (ChromaEngine, None), (PGVectorEngine, None),
])  # fmt: skip
def test_nfcorpus(real, tmp_path, engine, method):
    """By the method of `nudge tune`, and by that of stores."""
    sample = real("nfcorpus")
    X, ids = sample.X, [f"n{i}" for i in range(len(sample.X))]
    nodes = [TextNode(id_=name, text=name, embedding=vector.tolist()) for name, vector in zip(ids, X, strict=True)]
    context = StorageContext.from_defaults(vector_store=engine().open(tmp_path, "cosine", X.shape[1]))
    index = VectorStoreIndex(nodes, storage_context=context, embed_model=Known(known={}))

    def named(part):
        relevant = [{ids[row]: grade for row, grade in part.relevance[i].items()} for i in range(len(part))]
        return QuerySet(part.embeddings, relevant, ids=part.ids)

    before = evaluate(X, sample.test, ["nDCG@10"], progress=False).mean("nDCG@10")
    tuned = finetune(X, sample.train, sample.validation, method=method or NudgeN("angles", "nDCG@10"), progress=False)
    core = evaluate(tuned.apply_to(X), sample.test, ["nDCG@10"], progress=False).mean("nDCG@10")
    assert nudge_index(index, named(sample.train), named(sample.validation), method=method, progress=False).applied
    after = evaluate_index(index, named(sample.test), ["nDCG@10"], progress=False).mean("nDCG@10")
    assert abs(after - core) < 1e-5
    assert core > before + 0.03
    restore_index(index, progress=False)
    again = evaluate_index(index, named(sample.test), ["nDCG@10"], progress=False).mean("nDCG@10")
    np.testing.assert_allclose(again, before, atol=1e-6)
