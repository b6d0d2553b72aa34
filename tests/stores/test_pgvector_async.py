"""Stores of an asynchronous application, whose connections live in its event loop: every job from coroutines, a plain refusal of the others."""

import uuid

import numpy as np
import pytest
from engines.base import Lookup
from engines.pgvector import server
from langchain_postgres import PGEngine, PGVector, PGVectorStore
from sqlalchemy import NullPool
from sqlalchemy.ext.asyncio import create_async_engine

from nudge_core import NudgeN
from nudge_core.errors import InputError, NudgeError
from nudge_integrations.langchain import NudgeVectorStore

TEXTS = [f"text {i}" for i in range(40)]
IDS = []


@pytest.fixture(autouse=True)
def fresh(tmp_path, monkeypatch):
    """PGVector keeps an id in one collection only, so each test has its own."""
    monkeypatch.setenv("NUDGE_HOME", str(tmp_path))
    IDS[:] = [str(uuid.uuid4()) for _ in TEXTS]


@pytest.fixture
def pairs(fresh):
    return [(f"question {i}", [IDS[i]]) for i in range(30)]


@pytest.fixture
def embedding():
    """Each question lies between its document and the next one, nearer to the next."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 8))
    known = dict(zip(TEXTS, X.tolist(), strict=True))
    known |= {f"question {i}": (0.45 * X[i] + 0.55 * X[i + 1]).tolist() for i in range(30)}
    return Lookup(known, 8)


async def version_one(embedding):
    store = PGVector(
        embedding,
        connection=create_async_engine(server().get_uri(driver="psycopg"), poolclass=NullPool),
        collection_name=uuid.uuid4().hex,
        async_mode=True,
        create_extension=False,
    )
    await store.aadd_texts(TEXTS, ids=IDS)
    return store


async def version_two(embedding):
    engine = PGEngine.from_engine(create_async_engine(server().get_uri(driver="asyncpg"), poolclass=NullPool))
    name = f"t_{uuid.uuid4().hex}"
    await engine.ainit_vectorstore_table(name, 8)
    store = await PGVectorStore.create(engine, embedding, name)
    await store.aadd_texts(TEXTS, ids=IDS)
    return store


async def found(store, pairs):
    return [(await store.asimilarity_search(text, k=1))[0].id for text, _ in pairs]


@pytest.mark.parametrize("background", ["exact", "search"])
@pytest.mark.parametrize("make", [version_one, version_two])
async def test_all_jobs_from_coroutines(make, background, embedding, pairs):
    store = NudgeVectorStore(await make(embedding))
    before = await found(store, pairs)
    report = await store.anudge(pairs, pairs, method=NudgeN(), background=background, progress=False)
    assert report.applied
    right = [answers[0] for _, answers in pairs]
    measured = await store.aevaluate(pairs, ["Success@1"], background=background, progress=False)
    hits = np.asarray([name == want for name, want in zip(await found(store, pairs), right, strict=True)])
    np.testing.assert_array_equal(measured.values["Success@1"], hits)
    assert hits.sum() > sum(name == want for name, want in zip(before, right, strict=True))
    assert [run.kind for run in await store.ahistory()] == ["nudge"]
    await store.arestore(progress=False)
    assert await found(store, pairs) == before
    await store.aadd_feedback("question 3", relevant=[IDS[3]])
    assert len(await store.alabels()) == 1


@pytest.mark.parametrize("make", [version_one, version_two])
async def test_calls_without_await_are_refused(make, embedding, pairs):
    """Also from the thread of the loop itself, which could not wait for itself."""
    store = NudgeVectorStore(await make(embedding))
    for call in (lambda: store.nudge(pairs), lambda: store.evaluate(pairs), store.restore, store.history):
        with pytest.raises(InputError, match=r"works in coroutines only.*await anudge\(…\), aevaluate\(…\), arestore"):
            call()
    assert "works in coroutines only" in repr(store)


async def test_a_report_tells_its_texts_or_goes_without(embedding, tmp_path, pairs):
    store = NudgeVectorStore(await version_one(embedding))
    report = await store.anudge(pairs, pairs, method=NudgeN(), progress=False)
    try:
        page = report.to_html(tmp_path / "page.html")
    except NudgeError as error:  # pragma: no cover
        pytest.fail(f"a page is written without texts, not refused: {error}")
    assert page.stat().st_size > 1000
