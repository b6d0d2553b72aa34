"""A real labelled set through the wrapper: the figure of the paper's method, and every bit back."""

import numpy as np
import pytest
from engines.base import Lookup
from langchain_core.vectorstores import InMemoryVectorStore

from nudge_core import NudgeN, QuerySet
from nudge_integrations.langchain import NudgeVectorStore


def labelled_by_id(queries):
    relevant = [{f"doc-{row}": grade for row, grade in queries.relevance[i].items()} for i in range(len(queries))]
    return QuerySet(queries.embeddings, relevant, ids=queries.ids)


def test_nfcorpus(real):
    data = real("nfcorpus")
    train, dev, test = map(labelled_by_id, (data.train, data.validation, data.test))
    inner = InMemoryVectorStore(Lookup({}, data.X.shape[1]))
    inner.store = {
        f"doc-{i}": {"id": f"doc-{i}", "vector": vector.tolist(), "text": f"text {i}", "metadata": {}}
        for i, vector in enumerate(data.X)
    }
    store = NudgeVectorStore(inner)
    before = {name: row["vector"] for name, row in inner.store.items()}

    def points():
        return 100 * store.evaluate(test, ["nDCG@10"], progress=False).mean("nDCG@10")

    assert points() == pytest.approx(31.65, abs=0.05)
    report = store.nudge(train, dev, method=NudgeN(), progress=False)
    assert report.applied
    assert points() == pytest.approx(35.08, abs=0.05)
    norms = np.linalg.norm([inner.store[name]["vector"] for name in report.tuned.ids], axis=1)
    np.testing.assert_allclose(norms, 1, atol=1e-6)
    outcome = store.restore(progress=False)
    assert (outcome.documents, outcome.changed, outcome.missing) == (len(report.tuned), (), ())
    assert {name: row["vector"] for name, row in inner.store.items()} == before
    assert points() == pytest.approx(31.65, abs=0.05)
