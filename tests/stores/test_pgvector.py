"""LangChain's PGVector and PGVectorStore on a real PostgreSQL: the contract, bad set-ups, transactions, indexes, and LangChain's own suite."""

import uuid

import numpy as np
import pytest
import torch
from engines.base import Lookup
from engines.pgvector import (
    PGVectorEngine,
    PGVectorStoreEngine,
    PGVectorStoreHalfEngine,
    PGVectorStoreUUIDEngine,
    loop_engine,
    own_schema,
    rows,
    server,
    sync_engine,
)
from langchain_postgres import PGEngine, PGVector, PGVectorStore
from langchain_postgres.v2.indexes import HNSWQueryOptions
from langchain_tests.integration_tests import VectorStoreIntegrationTests
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.event import listen, remove
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.ext.asyncio import create_async_engine

from nudge_core import Contrastive, QuerySet
from nudge_core.errors import InputError, StoreError
from nudge_core.trial import trial
from nudge_integrations.stores import adapter_of
from nudge_integrations.stores.pgvector import PGVectorAdapter, transactions
from nudge_integrations.stores.searched_corpus import SearchedCorpus
from nudge_integrations.testing import StoreContract

NAMES = {"id_column": "id", "content_column": "body"}


class TestContract(PGVectorEngine, StoreContract):
    pass


class TestContractStore(PGVectorStoreEngine, StoreContract):
    pass


class TestContractStoreUUID(PGVectorStoreUUIDEngine, StoreContract):
    pass


class TestContractStoreHalf(PGVectorStoreHalfEngine, StoreContract):
    pass


def vectors(count: int, dim: int = 8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)


def table(ids: list, kind: str = "text PRIMARY KEY", vector: str = "vector(8)") -> str:
    """A new table of random vectors."""
    name = f"t_{uuid.uuid4().hex}"
    rows(f"CREATE TABLE {name} (id {kind}, embedding {vector}, body text)")
    if ids:
        given = "unnest(CAST(:ids AS text[]), CAST(:vectors AS text[])) AS given(i, v)"
        insert = f"INSERT INTO {name} SELECT CAST(i AS {kind.split()[0]}), CAST(v AS vector), i FROM {given}"
        rows(insert, ids=list(map(str, ids)), vectors=[str(v.tolist()) for v in vectors(len(ids))])
    return name


def adapt(name: str, column: str = "id", metric: str = "cosine", **options) -> PGVectorAdapter:
    return PGVectorAdapter(transactions(sync_engine()), name, column, "embedding", metric, **options)


class TestSetUps:
    def test_an_async_store_is_refused_with_the_remedy(self) -> None:
        store = PGVector(Lookup({}, 8), connection=server().get_uri(driver="psycopg"), async_mode=True)
        with pytest.raises(InputError, match=r"works in coroutines only.*await anudge.*without async_mode"):
            adapter_of(store)

    async def test_an_engine_without_a_loop_is_refused_with_the_remedy(self) -> None:
        engine = create_async_engine(server().get_uri(driver="asyncpg"), poolclass=NullPool)
        store = await PGVectorStore.create(
            PGEngine.from_engine(engine), Lookup({}, 8), table(["a"], "text PRIMARY KEY"), **NAMES
        )
        with pytest.raises(
            InputError, match=r"works in coroutines only.*await anudge.*PGEngine.from_connection_string\(url\)"
        ):
            adapter_of(store)

    def test_a_collection_that_was_deleted(self, tmp_path) -> None:
        store = PGVectorEngine().build(tmp_path, Lookup({}, 8), "cosine", 8)
        store.delete_collection()
        with pytest.raises(InputError, match="has no collection 'langchain': was it deleted"):
            adapter_of(store)

    def test_no_documents_and_no_dimension(self, tmp_path) -> None:
        store = PGVectorEngine().build(tmp_path, Lookup({}, 8), "cosine", 8)
        with pytest.raises(
            InputError, match="collection .langchain. in table .langchain_pg_embedding. holds no documents"
        ):
            adapter_of(store)

    def test_no_documents_with_a_dimension(self) -> None:
        adapter = adapt(table([]))
        assert (adapter.count(), adapter.dim, list(adapter.walk(5))) == (0, 8, [])
        assert adapter.nearest(vectors(2), 3) == [[], []]

    def test_several_dimensions(self, tmp_path) -> None:
        store = PGVectorEngine().build(tmp_path, Lookup({"long": [1.0] * 9}, 8), "cosine", 8)
        store.add_texts(["short", "long"])
        with pytest.raises(
            InputError, match=r"vectors of (8 and of 9|9 and of 8) dimensions, as of document .* are mixed"
        ):
            list(adapter_of(store).walk(9))

    @pytest.mark.parametrize("kind", ["bit(8)", "sparsevec(8)", "real[]"])
    def test_columns_that_hold_something_else(self, kind: str) -> None:
        with pytest.raises(InputError, match=r"is of type (bit|sparsevec|real\[\]); expected vector or halfvec"):
            adapt(table([], vector=kind))

    def test_names_that_do_not_exist(self) -> None:
        with pytest.raises(InputError, match=r"no table 'nowhere' with the columns 'id', 'embedding'"):
            adapt("nowhere")
        with pytest.raises(InputError, match=r"with the columns 'node_id'"):
            adapt(table(["a"]), column="node_id")

    def test_ids_that_occur_twice(self) -> None:
        assert adapt(table(["a", "b"], "text")).count() == 2
        with pytest.raises(InputError, match="several rows of table .* have the same 'id': remove the duplicates"):
            adapt(table(["a", "b", "a"], "text"))

    def test_rows_without_a_vector_are_no_documents(self) -> None:
        name = table(["a", "b", "c"])
        rows(f"UPDATE {name} SET embedding = NULL WHERE id = 'b'")
        adapter = adapt(name)
        adapter.replace(["a", "b"], vectors(2, seed=1))
        assert (adapter.count(), sorted(adapter.fetch(["a", "b", "c"]))) == (2, ["a", "c"])
        assert sorted(adapter.nearest(vectors(1), 9)[0]) == ["a", "c"]


class TestIds:
    @pytest.mark.parametrize("kind", ["smallint", "integer", "bigint", "char(9)", "numeric", "varchar(5)"])
    def test_of_other_types(self, kind: str) -> None:
        ids = [str(i) for i in range(-3, 20)]
        adapter = adapt(table(ids, f"{kind} PRIMARY KEY"))
        new = vectors(len(ids), seed=1)
        strange = ["07", "+7", "٧", " 7", "7.0", "1e1", "", "x", "9" * 19, "9" * 40, "-" + "9" * 19, "a\0b", "\ud800"]
        adapter.replace([*strange, *ids], np.concatenate([vectors(len(strange)), new]))
        assert set(adapter.fetch([*ids, *strange])) == set(ids)
        assert adapter.read(ids).tobytes() == new.tobytes()
        assert sorted(name for names, _ in adapter.walk(4) for name in names) == sorted(ids)
        assert set(adapter.nearest(new[:1], 30)[0]) == set(ids)
        assert set(adapter.nearest(new[:1], 30, ids[:20] + strange)[0]) == set(ids[20:])

    def test_that_are_no_uuids(self) -> None:
        name = "0f3a52d8-9c1b-4f0e-8d6a-2b7c1e5f4a90"
        adapter = adapt(table([name], "uuid PRIMARY KEY"))
        assert adapter.fetch(["x", name.upper(), "{" + name + "}", name.replace("-", ""), "a\0b", "\ud800"]) == {}
        assert list(adapter.fetch([name, name])) == [name]

    def test_names_that_need_quotes(self) -> None:
        name, column = f'a "table" of 100 % :x {uuid.uuid4().hex}', "c:id %s"
        engine = sync_engine()
        with engine.begin() as c:
            quoted = name.replace('"', '""').replace("%", "%%")
            c.exec_driver_sql(f'CREATE TABLE "{quoted}" ("c:id %%s" text PRIMARY KEY, "my :vec" vector(2))', ())
            c.exec_driver_sql(f"INSERT INTO \"{quoted}\" VALUES ('a', '[1,2]')", ())
        adapter = PGVectorAdapter(transactions(engine), name, column, "my :vec", "l2")
        adapter.replace(["a"], np.array([[3, 4]], np.float32))
        assert adapter.read(["a"]).tolist() == [[3, 4]]
        assert [adapter.nearest(adapter.read(["a"]), 1), next(adapter.walk(1))[0]] == [[["a"]], ["a"]]

    def test_of_another_collection_are_not_there(self, tmp_path) -> None:
        first = PGVectorEngine().build(tmp_path, Lookup({}, 8), "cosine", 8)
        second = PGVector(first.embeddings, connection=first._engine, collection_name="second")
        first.add_texts(["one", "two"], ids=["a", "b"])
        second.add_texts(["three"], ids=["c"])
        one, two = adapter_of(first), adapter_of(second)
        kept = two.read(["c"])
        one.replace(["a", "c"], vectors(2))
        assert (one.count(), one.fetch(["c"]), two.read(["c"]).tobytes()) == (2, {}, kept.tobytes())
        assert sorted(one.nearest(vectors(1), 9)[0]) == ["a", "b"]
        assert one.fingerprint != two.fingerprint


class TestTransactions:
    ids = [f"d{i}" for i in range(1200)]  # three statements

    @pytest.mark.parametrize("isolation", ["AUTOCOMMIT", "SERIALIZABLE"])
    def test_a_write_that_fails_late_leaves_all_as_it_was(self, isolation: str) -> None:
        engine = create_engine(server().get_uri(driver="psycopg"), poolclass=NullPool, isolation_level=isolation)
        adapter = PGVectorAdapter(transactions(engine), table(self.ids), "id", "embedding", "cosine")
        before = adapter.read(self.ids)
        new = vectors(1200, seed=1)
        new[-1, 0] = np.nan
        with pytest.raises(DBAPIError, match="NaN not allowed in vector"):
            adapter.replace(self.ids, new)
        assert adapter.read(self.ids).tobytes() == before.tobytes()

    @pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
    def test_so_does_one_through_a_loop(self, driver: str) -> None:
        adapter = adapter_of(PGVectorStore.create_sync(loop_engine(driver), Lookup({}, 8), table(self.ids), **NAMES))
        before = adapter.read(self.ids)
        new = vectors(1200, seed=1)
        new[-1, 0] = np.nan
        with pytest.raises(DBAPIError, match="NaN not allowed in vector"):
            adapter.replace(self.ids, new)
        assert adapter.read(self.ids).tobytes() == before.tobytes()
        adapter.replace(self.ids, vectors(1200, seed=2))
        assert adapter.read(self.ids).tobytes() == vectors(1200, seed=2).tobytes()

    def test_readers_see_nothing_of_a_write_before_it_ends(self) -> None:
        name = table(self.ids)
        reader, seen = adapt(name), []
        before = reader.read(self.ids)

        def slow(function):
            def look(c):
                result = function(c)
                seen.append(reader.read(self.ids).tobytes() == before.tobytes())
                return result

            return transactions(sync_engine())(look)

        PGVectorAdapter(slow, name, "id", "embedding", "cosine").replace(self.ids, vectors(1200, seed=1))
        assert set(seen) == {True}
        assert reader.read(self.ids).tobytes() == vectors(1200, seed=1).tobytes()

    def test_numbers_at_the_ends_of_their_range(self) -> None:
        name = table([], vector="vector(7)")
        rows(f"INSERT INTO {name} VALUES ('a', '[1,1,1,1,1,1,1]')")
        hard = np.array([[1e-45, -1e-45, 1.1754942e-38, -0.0, 3.4028235e38, 1 / 3, 5.877e-39]], np.float32)
        adapter = adapt(name)
        adapter.replace(["a"], hard)
        assert adapter.read(["a"]).tobytes() == hard.tobytes()


class TestRights:
    def test_who_may_only_read_hears_it_and_finds_the_same_fingerprint(self) -> None:
        name, role = table(["a"]), f"r{uuid.uuid4().hex}"
        rows(f"CREATE ROLE {role} LOGIN")
        rows(f"GRANT SELECT ON {name} TO {role}")
        url = server().get_uri(driver="psycopg").replace("postgres:@", f"{role}:@")
        reader = PGVectorAdapter(
            transactions(create_engine(url, poolclass=NullPool)), name, "id", "embedding", "cosine"
        )
        assert reader.fingerprint == adapt(name).fingerprint
        assert reader.count() == 1
        with pytest.raises(ProgrammingError, match=f"permission denied for table {name}"):
            reader.replace(["a"], vectors(1))

    def test_without_the_identity_of_the_cluster_its_address_serves(self) -> None:
        name, role = table(["a"]), f"r{uuid.uuid4().hex}"
        rows(f"CREATE ROLE {role} LOGIN")
        rows(f"GRANT SELECT ON {name} TO {role}")
        rows("REVOKE EXECUTE ON FUNCTION pg_control_system FROM PUBLIC")
        url = server().get_uri(driver="psycopg").replace("postgres:@", f"{role}:@")
        try:
            reader = PGVectorAdapter(
                transactions(create_engine(url, poolclass=NullPool)), name, "id", "embedding", "cosine"
            )
        finally:
            rows("GRANT EXECUTE ON FUNCTION pg_control_system TO PUBLIC")
        assert reader.fingerprint.startswith(f"postgresql/{server().get_postmaster_info().socket_dir}:None/postgres/")

    def test_a_read_only_transaction(self) -> None:
        url = server().get_uri(driver="psycopg")
        engine = create_engine(url, poolclass=NullPool, connect_args={"options": "-cdefault_transaction_read_only=on"})
        reader = PGVectorAdapter(transactions(engine), table(["a"]), "id", "embedding", "cosine")
        with pytest.raises(DBAPIError, match="cannot execute UPDATE in a read-only transaction"):
            reader.replace(["a"], vectors(1))


class TestIndexes:
    ids = [f"d{i}" for i in range(1500)]

    @pytest.mark.parametrize(
        "index", ["hnsw (embedding vector_cosine_ops)", "ivfflat (embedding vector_cosine_ops) WITH (lists = 5)"]
    )
    def test_enough_rows_are_found_past_those_excluded(self, index: str) -> None:
        name = table(self.ids)
        rows(f"CREATE INDEX ON {name} USING {index}")
        rows(f"ANALYZE {name}")
        adapter = adapt(name)
        assert adapter.approximate
        assert not adapt(table(["a"])).approximate
        held = adapter.read(self.ids)
        held /= np.linalg.norm(held, axis=1, keepdims=True)
        query = vectors(3, seed=1)
        order = np.argsort(-query @ held.T)
        out = [self.ids[i] for i in order[0][:1000]]
        for k in (5, 100):
            found = adapter.nearest(query, k, out)
            assert [len(names) for names in found] == [k] * 3
            assert not set(out) & {name for names in found for name in names}
            if "ivfflat" in index:  # looks into one list after another, each of which may lack the nearest
                continue
            exact = {self.ids[i] for i in order[0][1000 : 1000 + k]}
            assert len(exact & set(found[0])) >= 0.8 * k
        adapter._settings = {"enable_indexscan": "off"}  # what is set for pgvector before 0.8
        assert adapter.nearest(query, 100, out)[0] == [self.ids[i] for i in order[0][1000:1100]]

    def test_the_index_serves_a_search_and_ids(self) -> None:
        name = table(self.ids, "varchar(9) PRIMARY KEY")
        rows(f"CREATE INDEX ON {name} USING hnsw (embedding vector_cosine_ops)")
        rows(f"ANALYZE {name}")
        adapter, plans = adapt(name), []

        def explain(function):
            return transactions(sync_engine())(lambda c: function(Explained(c, plans)))

        adapter._run = explain
        adapter.nearest(vectors(2), 5, ["d3"])
        adapter.hits(vectors(2), 5, self.ids[:300])
        adapter.fetch(["d1", "d2"])
        plan = "\n".join(plans)
        assert plan.count(f"Index Scan using {name}_embedding_idx") == 2
        assert f"Index Scan using {name}_pkey" in plan or f"Bitmap Index Scan on {name}_pkey" in plan

    def test_the_twentieth_search_is_planned_with_the_excluded_ids_as_the_first(self) -> None:
        """A plan made for any ids, to which PostgreSQL may change after ten, would compare each row with one id after the other."""
        options = {"options": "-cplan_cache_mode=force_generic_plan"}
        engine = create_engine(server().get_uri(driver="psycopg"), pool_size=1, max_overflow=0, connect_args=options)
        adapter = PGVectorAdapter(transactions(engine), table(self.ids), "id", "embedding", "cosine")
        for _ in range(20):
            adapter.hits(vectors(2), 5, self.ids[:500])
        with engine.connect() as c:
            searched = "statement LIKE '%CROSS JOIN LATERAL%' AND name LIKE '\\_pg3\\_%'"
            query = f"SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE {searched}"
            assert c.execute(text(query)).all() == [(0, 15)]
        engine.dispose()

    def test_neighbours_are_written_one_after_the_other_where_there_is_an_index(self) -> None:
        name, ids = table(self.ids), self.ids
        new = np.tile(np.array([[1.0], [-1.0]], np.float32), (750, 8)) + vectors(1500) / 10
        written = []

        def seen(conn, cursor, statement, parameters, *_):
            if statement.startswith("UPDATE"):
                written.extend(parameters["ids"])

        listen(sync_engine(), "before_cursor_execute", seen)
        try:
            adapt(name).replace(ids, new)
            rows(f"CREATE INDEX ON {name} USING hnsw (embedding vector_cosine_ops)")
            adapt(name).replace(ids, new)
        finally:
            remove(sync_engine(), "before_cursor_execute", seen)
        without, along = written[:1500], written[1500:]
        assert without == ids
        side = [int(each[1:]) % 2 for each in along]
        assert sorted(along) == sorted(ids)
        assert np.count_nonzero(np.diff(side)) == 1
        np.testing.assert_array_equal(adapt(name).read(ids), new)

    def test_only_an_index_of_the_metric_counts(self) -> None:
        name = table(["a"])
        rows(f"CREATE INDEX ON {name} USING hnsw (embedding vector_l2_ops)")
        assert [adapt(name, metric=metric).approximate for metric in ("cosine", "dot", "l2")] == [False, False, True]

    def test_a_nudge_by_search_reads_what_it_needs_only(self, monkeypatch) -> None:
        """Counted are the rows that the database sends."""
        name = table(self.ids)
        rows(f"CREATE INDEX ON {name} USING hnsw (embedding vector_cosine_ops)")
        rows(f"ANALYZE {name}")
        monkeypatch.setattr("nudge_integrations.stores.pgvector._COUNTED", 50)
        monkeypatch.setattr("nudge_integrations.stores.searched_corpus.LOOKED_AT", 20)
        sent = []

        def counted(conn, cursor, *_):
            sent.append(max(cursor.rowcount, 0))

        adapter = adapt(name)
        questions = QuerySet(adapter.read(self.ids[:40]) + vectors(40, seed=2), [[name] for name in self.ids[:40]])
        listen(sync_engine(), "after_cursor_execute", counted)
        try:
            corpus = SearchedCorpus(adapter, {})
            assert 1000 < len(corpus) < 2000
            done = trial(corpus, questions, method=Contrastive(steps=3), folds=3, progress=False)
        finally:
            remove(sync_engine(), "after_cursor_execute", counted)
        assert len(done.before) == 40
        assert sum(sent) < 200

    def test_a_connection_that_breaks_in_the_middle(self, monkeypatch) -> None:
        monkeypatch.setattr("nudge_integrations.stores.searched_corpus.BATCH", 10)
        engine = create_engine(server().get_uri(driver="psycopg"), connect_args={"application_name": "to be ended"})
        adapter = PGVectorAdapter(transactions(engine), table(self.ids), "id", "embedding", "cosine")
        adapter.workers, hits, asked = 1, adapter.hits, []

        def broken(part, k, exclude=()):
            asked.append(len(part))
            if len(asked) == 3:
                rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'to be ended'")
            return hits(part, k, exclude)

        adapter.hits = broken
        with pytest.raises(
            StoreError, match=r"pgvector store failed while it was searched, after 20 of 100 questions \(Op"
        ):
            SearchedCorpus(adapter, {}).background(torch.from_numpy(vectors(100)), 5, progress=False)
        adapter.hits = hits
        found = SearchedCorpus(adapter, {}).background(torch.from_numpy(vectors(100)), 5, progress=False)
        assert found.rows.shape == (100, 5)
        engine.dispose()


class TestSettings:
    @pytest.mark.parametrize(("k", "seen"), [(5, "40"), (300, "300"), (5000, "1000")])
    def test_an_hnsw_index_is_searched_for_as_many_as_are_asked_for(self, k: int, seen: str) -> None:
        adapter, found = adapt(table(["a"])), []
        run = adapter._run
        adapter._run = lambda function: run(
            lambda c: (function(c), found.append(c.execute(text("SHOW hnsw.ef_search")).scalar()))[0]
        )
        adapter.hits(vectors(1), k)
        assert found == [seen]

    def test_what_a_store_sets_for_its_searches_is_set(self) -> None:
        name = table(["a"])
        options = HNSWQueryOptions(ef_search=123)
        store = PGVectorStore.create_sync(loop_engine(), Lookup({}, 8), name, index_query_options=options, **NAMES)
        adapter, seen = adapter_of(store), []
        run = adapter._run

        def look(function):
            return run(lambda c: (function(c), seen.append(c.execute(text("SHOW hnsw.ef_search")).scalar()))[0])

        adapter._run = look
        assert adapter.nearest(vectors(1), 1) == [["a"]]
        assert seen == ["123"]


class Explained:
    """A connection that writes down the plan of each query."""

    def __init__(self, c, plans: list) -> None:
        self.c, self.plans = c, plans

    def execute(self, query, parameters=None):
        if str(query).startswith("SELECT") and "set_config" not in str(query):
            self.plans.extend(row[0] for row in self.c.execute(text("EXPLAIN " + query.text), parameters))
        return self.c.execute(query, parameters)


def wrapped(store):
    from nudge_integrations.langchain import NudgeVectorStore

    return NudgeVectorStore(store)


class TestStandardInner(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, tmp_path):
        return self.present(PGVectorEngine().build(tmp_path, self.get_embeddings(), "cosine", 6))

    def present(self, store):
        return store

    @property
    def has_async(self) -> bool:
        return False  # a PGVector made without async_mode has no coroutines


class TestStandardWrapped(TestStandardInner):
    def present(self, store):
        return wrapped(store)


class TestStandardAsyncInner(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self):
        connection = create_async_engine(sync_engine().url, poolclass=NullPool, connect_args={"options": own_schema()})
        return self.present(PGVector(self.get_embeddings(), connection=connection, async_mode=True))

    def present(self, store):
        return store

    @property
    def has_sync(self) -> bool:
        return False


class TestStandardAsyncWrapped(TestStandardAsyncInner):
    def present(self, store):
        return wrapped(store)


class TestStandardStoreInner(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, tmp_path):
        return self.present(PGVectorStoreEngine().build(tmp_path, self.get_embeddings(), "cosine", 6))

    def present(self, store):
        return store


class TestStandardStoreWrapped(TestStandardStoreInner):
    def present(self, store):
        return wrapped(store)
