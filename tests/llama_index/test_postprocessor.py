"""NudgeEmbeddingPostprocessor in pipelines: it learns once, moves the nodes that it learned about and no others, and no cache is stale."""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from llama_base import Known
from llama_index.core import Settings, VectorStoreIndex
from llama_index.core.ingestion import IngestionCache, IngestionPipeline
from llama_index.core.llms import MockLLM
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import Document, TextNode
from llama_worlds import nearest
from safetensors import safe_open
from safetensors.numpy import save_file

from nudge_core import NudgeM, NudgeN, QuerySet, finetune
from nudge_core.errors import FileFormatError, InputError, UnknownIdError
from nudge_integrations.llama_index import NudgeEmbeddingPostprocessor

OPTIONS = {"progress": False, "method": NudgeN("angles", "nDCG@10")}


@pytest.fixture
def post(world):
    return postprocessor(world)


def postprocessor(world, **options):
    options = {
        "questions": world.pairs(),
        "validation": world.pairs("validation"),
        "embed_model": world.model,
    } | options
    return NudgeEmbeddingPostprocessor(**options, progress=False)


def splitter():
    """Splits nothing here, and names each node by its document."""
    return SentenceSplitter(id_func=name_of)


def name_of(i, document):
    return document.id_


def documents(world):
    return [Document(id_=name, text=f"text {i}") for i, name in enumerate(world.ids)]


def embedded(world):
    return world.model(world.nodes)


def matrix(nodes):
    return np.asarray([node.embedding for node in nodes])


def wanted(world):
    """What the core makes of the same vectors."""
    tuned = finetune(
        world.X, world.queries("train"), world.queries("validation"), method=OPTIONS["method"], progress=False
    )
    return tuned.apply_to(world.X).astype(np.float64)


class TestPipeline:
    def test_nodes_leave_with_moved_vectors(self, world, post):
        pipeline = IngestionPipeline(transformations=[splitter(), world.model, post])
        nodes = pipeline.run(documents=documents(world))
        assert [node.node_id for node in nodes] == world.ids
        np.testing.assert_allclose(matrix(nodes), wanted(world), atol=1e-6)
        moved = (matrix(nodes) != world.X).any(1)
        assert 0 < moved.sum() == len(post.trial.tuned) < len(nodes)
        assert matrix(nodes)[~moved].tobytes() == world.X.astype(np.float64)[~moved].tobytes()
        assert post.trial.improves

    def test_an_index_of_documents(self, world, post):
        index = VectorStoreIndex.from_documents(
            documents(world), transformations=[splitter(), world.model, post], embed_model=world.model
        )
        held = np.asarray([index.vector_store.get(name) for name in world.ids])
        np.testing.assert_allclose(held, wanted(world), atol=1e-6)
        retriever = index.as_retriever(similarity_top_k=5)
        found = [[hit.node.node_id for hit in retriever.retrieve(text)] for text, _ in world.pairs("test")]
        assert found == nearest(world, wanted(world))
        index.insert(
            Document(id_="later", text="text 2")
        )  # goes through the same transformations, and is none that moves
        assert index.vector_store.get("later") == world.X[2].tolist()

    def test_other_questions_give_other_vectors(self, world, post):
        """With one cache: from a new postprocessor, from the same one with other questions, and again from the first."""
        cache, steps = IngestionCache(), [splitter(), world.model]

        def run(step):
            return matrix(
                IngestionPipeline(transformations=[*steps, step], cache=cache).run(documents=documents(world))
            )

        first = run(post)
        assert run(post).tobytes() == first.tobytes()
        second = run(postprocessor(world, questions=world.pairs("test")))
        assert second.tobytes() != first.tobytes()
        assert run(postprocessor(world)).tobytes() == first.tobytes()
        post.questions = world.pairs("test")
        assert not post.fitted
        assert run(post).tobytes() == second.tobytes()
        post.questions = world.pairs()
        assert run(post).tobytes() == first.tobytes()

    def test_what_is_cached_is_not_learned_again(self, world, post):
        cache = IngestionCache()
        pipeline = IngestionPipeline(transformations=[world.model, post], cache=cache)
        first = matrix(pipeline.run(nodes=world.nodes))
        again = postprocessor(world)
        cached = matrix(IngestionPipeline(transformations=[world.model, again], cache=cache).run(nodes=world.nodes))
        assert cached.tobytes() == first.tobytes()
        assert not again.fitted
        with pytest.raises(InputError, match="nothing has been learned yet.*cache answered"):
            again.save("post.safetensors")

    @pytest.mark.parametrize("change", [
        {"validation": None}, {"method": NudgeN("angles", "R@5")}, {"measure": "RR@10"}, {"folds": 3},
    ])  # fmt: skip
    def test_every_option_counts(self, world, post, change):
        assert postprocessor(world).fingerprint == post.fingerprint
        assert postprocessor(world, **change).fingerprint != post.fingerprint

    def test_the_model_counts_but_not_its_keys(self, world, post):
        other = Known(known={**world.model.known, "more": [1.0] * 8})
        assert postprocessor(world, embed_model=other).fingerprint != post.fingerprint
        hurried = Known(known=world.model.known, embed_batch_size=100, num_workers=3)
        assert postprocessor(world, embed_model=hurried).fingerprint == post.fingerprint

    def test_what_it_learned_counts(self, world, post):
        before = post.fingerprint
        post.fit(embedded(world))
        on_all = post.fingerprint
        assert on_all != before
        nodes = embedded(world)
        others = [node.model_copy(update={"embedding": node.embedding[::-1]}) for node in nodes]
        assert post.fit(others).fingerprint not in (before, on_all)
        assert post.fit(nodes).fingerprint == on_all
        assert post.to_dict()["fingerprint"] == post.fingerprint
        assert "questions" not in post.to_dict()

    def test_several_processes(self, world, post):
        """Fitted before, it is handed to processes that see a part of the nodes each."""
        post.fit(embedded(world))
        pipeline = IngestionPipeline(transformations=[world.model, post])
        nodes = pipeline.run(nodes=world.nodes, num_workers=2)
        assert [node.node_id for node in nodes] == world.ids
        np.testing.assert_allclose(matrix(nodes), wanted(world), atol=1e-6)

    def test_part_of_the_nodes_is_refused(self, world, post):
        with pytest.raises(
            UnknownIdError, match=r"of \d+ labelled nodes are not among these 20: .*fit\(nodes\).*num_workers"
        ):
            post(embedded(world)[:20])

    async def test_asynchronously(self, world, post):
        nodes = await IngestionPipeline(transformations=[splitter(), world.model, post]).arun(
            documents=documents(world)
        )
        np.testing.assert_allclose(matrix(nodes), wanted(world), atol=1e-6)


class TestNodes:
    def test_what_comes_in_is_not_changed(self, world, post):
        nodes = embedded(world)
        before = matrix(nodes)
        out = post(nodes)
        assert out is not nodes
        assert matrix(nodes).tobytes() == before.tobytes()
        assert matrix(post(nodes)).tobytes() == matrix(out).tobytes()
        assert matrix(post(out)).tobytes() == matrix(out).tobytes()
        assert all((new is old) == (new.embedding == old.embedding) for new, old in zip(out, nodes, strict=True))
        assert [node.metadata for node in out] == [node.metadata for node in nodes]

    def test_only_nodes_of_this_id_and_this_vector_move(self, world, post, caplog):
        name = post.fit(embedded(world))._moves.ids[0]
        i = world.ids.index(name)
        again, edited, namesake, rounded = (TextNode(id_=name, text="") for _ in range(4))
        again.embedding, edited.embedding = world.X[i].tolist(), world.X[i - 1].tolist()
        rounded.embedding = (world.X[i].astype(np.float64) + 1e-7).tolist()
        namesake.embedding, namesake.id_ = world.X[i].tolist(), "another id"
        out = post([again, edited, namesake, rounded])
        assert out[0].embedding == out[3].embedding == post._moves.vectors[0].tolist() != again.embedding
        assert out[1:3] == [edited, namesake]
        assert f"1 nodes have been embedded anew since they were moved, and pass as they are: '{name}'" in caplog.text

    def test_ids_drawn_anew_are_told(self, world, post, caplog):
        post.fit(embedded(world))
        nodes = [node.model_copy(update={"id_": f"random {i}"}) for i, node in enumerate(embedded(world))]
        assert post(nodes) == nodes
        assert "nodes hold vectors that were moved under other ids" in caplog.text
        assert "give the splitter an id_func" in caplog.text
        caplog.clear()
        strangers = [TextNode(text="", embedding=[1.0] * 8)]
        assert post(strangers) == strangers
        assert not caplog.text

    def test_vectors_of_any_length_keep_it(self, make, world):
        lengths = np.linspace(0.5, 2, len(world.ids)).astype(np.float32)
        nodes = [TextNode(id_=name, text="", embedding=(x * length).tolist())
                 for name, x, length in zip(world.ids, world.X, lengths, strict=True)]  # fmt: skip
        out = matrix(postprocessor(world)(nodes))
        np.testing.assert_allclose(np.linalg.norm(out, axis=1), lengths, rtol=1e-5)
        np.testing.assert_allclose(out / lengths[:, None], wanted(world), atol=1e-5)

    def test_no_nodes(self, post):
        assert post([]) == []
        with pytest.raises(InputError, match="no nodes to learn from"):
            post.fit([])

    def test_a_node_twice(self, world, post):
        nodes = embedded(world)
        out = post([*nodes, nodes[0], nodes[1]])
        assert matrix(out)[60:].tobytes() == matrix(out)[:2].tobytes()
        assert post.trial.tuned.docs == 60
        other = nodes[0].model_copy(update={"embedding": world.X[9].tolist()})
        with pytest.raises(InputError, match="two nodes have the id 'node 0' and different embeddings.*id_func"):
            post.fit([*nodes, other])

    def test_nodes_without_embedding(self, world, post):
        nodes = embedded(world)
        nodes[7].embedding = nodes[9].embedding = None
        message = r"2 of 60 nodes have no embedding: 'node 7', 'node 9'\..*transformations=\[SentenceSplitter\(\), embed_model, postprocessor\]"
        with pytest.raises(InputError, match=message):
            post(nodes)
        with pytest.raises(InputError, match="60 of 60 nodes have no embedding"):
            IngestionPipeline(transformations=[post, world.model]).run(nodes=world.nodes)

    def test_mixed_dimensions(self, world, post):
        nodes = embedded(world)
        nodes[3].embedding = [1.0, 2.0]
        with pytest.raises(InputError, match="embedding of 8 dimensions, node 'node 3' of 2"):
            post(nodes)

    def test_nothing_moves_where_nothing_is_gained(self, world):
        """Each validation question has its answer for nearest neighbour as it is."""
        validation = QuerySet(world.X, [[name] for name in world.ids])
        post = postprocessor(world, validation=validation)
        nodes = embedded(world)
        assert post(nodes) == nodes
        assert post.fitted
        assert repr(post) == "NudgeEmbeddingPostprocessor(30 questions, fitted: 0 nodes move)"


class TestSaved:
    def test_the_same_moves_in_another_process(self, world, post, tmp_path):
        out = post(embedded(world))
        post.save(tmp_path / "post.safetensors")
        np.savez(tmp_path / "given.npz", ids=world.ids, X=world.X)
        program = """
import sys, numpy as np
from llama_index.core.schema import TextNode
from nudge_integrations.llama_index import NudgeEmbeddingPostprocessor
given = np.load("given.npz")
post = NudgeEmbeddingPostprocessor.load("post.safetensors")
nodes = [TextNode(id_=str(name), text="", embedding=x.tolist()) for name, x in zip(given["ids"], given["X"])]
np.save("out.npy", [node.embedding for node in post(nodes)])
print(post.fingerprint)
"""
        done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, capture_output=True, text=True)
        assert np.load(tmp_path / "out.npy").tobytes() == matrix(out).tobytes()
        assert done.stdout.strip() == post.fingerprint

    def test_what_is_loaded_applies_and_does_not_learn(self, world, post, tmp_path):
        out = post(embedded(world))
        post.save(tmp_path / "post.safetensors")
        loaded = NudgeEmbeddingPostprocessor.load(tmp_path / "post.safetensors")
        assert loaded.fitted
        assert repr(loaded) == f"NudgeEmbeddingPostprocessor(no questions, fitted: {len(post.trial.tuned)} nodes move)"
        assert matrix(loaded(embedded(world)[:30])).tobytes() == matrix(out)[:30].tobytes()
        assert matrix(pickle.loads(pickle.dumps(loaded))(embedded(world))).tobytes() == matrix(out).tobytes()
        loaded.save(tmp_path / "again.safetensors")
        assert (
            NudgeEmbeddingPostprocessor.load(tmp_path / "again.safetensors").fingerprint
            == loaded.fingerprint
            == post.fingerprint
        )
        with pytest.raises(InputError, match="was loaded and has no questions"):
            loaded.fit(embedded(world))

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"ids": "[1"}, "is damaged .Expecting"),
            ({"ids": '["a"]'}, "is damaged: it has 1 ids and"),
            ({"about": None}, "is damaged .'about'"),
        ],
    )
    def test_a_file_that_is_damaged(self, world, post, tmp_path, change, message):
        path = tmp_path / "post.safetensors"
        post.fit(embedded(world)).save(path)
        with safe_open(path, "numpy") as file:
            metadata, arrays = file.metadata(), {name: file.get_tensor(name) for name in ("originals", "vectors")}
        save_file(arrays, path, {key: value for key, value in (metadata | change).items() if value is not None})
        with pytest.raises(FileFormatError, match=message):
            NudgeEmbeddingPostprocessor.load(path)

    def test_a_dict_does_not_bring_it_back(self, post):
        with pytest.raises(
            InputError, match=r"a dict has neither questions nor what was learned: keep it with save\(path\)"
        ):
            NudgeEmbeddingPostprocessor.from_dict(post.to_dict())

    def test_it_is_pickled_with_what_it_learned(self, world, post):
        out = post(embedded(world))
        copy = pickle.loads(pickle.dumps(post))
        assert copy.fingerprint == post.fingerprint
        assert matrix(copy(embedded(world))).tobytes() == matrix(out).tobytes()
        assert copy.fit(embedded(world)).fingerprint == post.fingerprint

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (None, "there is no file"),
            (b"", "cannot be read as safetensors"),
            (b"PK\3\4" * 9, "cannot be read as safetensors"),
        ],
    )
    def test_other_files(self, tmp_path, content, message):
        path = tmp_path / "post.safetensors"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(FileFormatError, match=message):
            NudgeEmbeddingPostprocessor.load(path)

    def test_the_file_of_a_nudge(self, world, tmp_path):
        finetune(world.X, world.queries("train"), method=NudgeN(gammas=0.1)).save(tmp_path / "tuned.safetensors")
        with pytest.raises(FileFormatError, match="is of nudge, version 1; expected nudge-postprocessor, version 1"):
            NudgeEmbeddingPostprocessor.load(tmp_path / "tuned.safetensors")

    def test_a_folder_that_is_not_there(self, world, post, tmp_path):
        post.fit(embedded(world))
        with pytest.raises(InputError, match="cannot write .*in a folder that exists"):
            post.save(tmp_path / "none" / "post.safetensors")
        with pytest.raises(InputError, match="nothing has been learned yet"):
            postprocessor(world).save(tmp_path / "post.safetensors")
        assert list(Path(tmp_path).glob("*post*")) == []


class TestOptions:
    def test_the_model_of_the_settings(self, world, monkeypatch):
        monkeypatch.setattr(Settings, "_embed_model", world.model)
        assert postprocessor(world, embed_model=None).embed_model is world.model

    def test_no_model(self, world, monkeypatch):
        monkeypatch.setattr(Settings, "_embed_model", None)
        with pytest.raises(InputError, match=r"no embed model to embed questions with .*: give embed_model=…"):
            postprocessor(world, embed_model=None)

    def test_questions_as_vectors_need_none(self, world, monkeypatch):
        monkeypatch.setattr(Settings, "_embed_model", None)
        both = {"questions": world.queries("train", names=True), "validation": world.queries("validation", names=True)}
        out = postprocessor(world, embed_model=None, **both)(embedded(world))
        np.testing.assert_allclose(matrix(out), wanted(world), atol=1e-6)

    def test_forms_of_questions(self, world, post):
        pairs = world.pairs()
        for form in (dict(pairs), [{"query": text, "ids": ids} for text, ids in pairs], (pair for pair in pairs)):
            assert postprocessor(world, questions=form).fingerprint == post.fingerprint

    def test_questions_that_are_none(self, world):
        for given in (None, [], [("How?",)], 3):
            with pytest.raises(InputError, match="questions"):
                postprocessor(world, questions=given)

    def test_options_that_are_wrong(self, world):
        with pytest.raises(InputError, match="method is a str; expected a Method"):
            postprocessor(world, method="nudge-n")
        with pytest.raises(InputError, match="nDGC@10"):
            postprocessor(world, measure="nDGC@10")
        with pytest.raises(InputError, match="folds is 'five'; expected a whole number from 2 up"):
            postprocessor(world, folds="five")
        with pytest.raises(InputError, match="embed_model is a dict; expected a BaseEmbedding"):
            postprocessor(world, embed_model={})

    def test_what_are_no_nodes_is_refused(self, world, post):
        for given, message in (
            (world.index, "nodes is a VectorStoreIndex; expected a list"),
            (["node 1"], r"nodes\[0\] is a str"),
            (world.index.as_retriever().retrieve("train0?"), r"nodes\[0\] is a NodeWithScore.*not results of a search"),
        ):
            with pytest.raises(InputError, match=message):
                post.fit(given)
            with pytest.raises(InputError, match=message):
                post(given)

    def test_nudge_m_for_dot_product(self, world):
        out = matrix(postprocessor(world, method=NudgeM())(embedded(world)))
        assert (np.abs(np.linalg.norm(out, axis=1) - 1) > 1e-3).any()
        long = [
            node.model_copy(update={"embedding": (2 * x).tolist()})
            for node, x in zip(world.nodes, world.X, strict=True)
        ]
        with pytest.raises(InputError, match="normalise them first, or use NudgeN"):
            postprocessor(world, method=NudgeM())(long)


def test_among_the_postprocessors_of_a_query_engine(world):
    """It says what it is, and where it belongs."""
    post = NudgeEmbeddingPostprocessor(world.pairs(), embed_model=world.model)
    for misuse in (
        lambda: world.index.as_query_engine(llm=MockLLM(), node_postprocessors=[post]),
        lambda: post.postprocess_nodes([], query_str="where?"),
    ):
        with pytest.raises(
            InputError, match=r"belongs into the pipeline.*IngestionPipeline\(.*nudge_index\(index, questions\)"
        ):
            misuse()
