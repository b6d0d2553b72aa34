"""The map of a postprocessor: nodes that come later go through it; it is kept in the file; an index asks for permission."""

import numpy as np
import pytest
from llama_index.core import VectorStoreIndex
from llama_index.core.schema import TextNode

from nudge_core import Auto, LinearMap
from nudge_core.errors import FileFormatError, InputError
from nudge_core.selection import fit as learn
from nudge_integrations.llama_index import (
    NudgeEmbeddingPostprocessor,
    begin_index_anew,
    evaluate_index,
    index_history,
    map_inserted,
    nudge_index,
    prune_index,
    restore_index,
)
from nudge_integrations.stores.registry import adapter_of_index

MAP = LinearMap(temperature=0.1, rate=0.3)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """The true default; validation questions judge, however few they are."""
    monkeypatch.setattr(learn, "FEW", 0)


@pytest.fixture
def nodes(sample):
    return [TextNode(id_=f"d{i}", text=f"text {i}", embedding=vector.tolist()) for i, vector in enumerate(sample(0).X)]


@pytest.fixture
def questions(sample):
    from nudge_core import QuerySet

    part = sample(0).train
    return QuerySet(part.embeddings, [[f"d{row}" for row in part.relevance[i]] for i in range(len(part))])


def fitted(nodes, questions, method=MAP):
    """Moved in any case: the sample is small."""
    return NudgeEmbeddingPostprocessor(questions, questions, method=method, force=True, progress=False).fit(nodes)


def new_nodes(scale=1.0):
    vectors = scale * np.random.default_rng(5).normal(size=(3, 8))
    return [TextNode(id_=f"new{i}", text=f"new {i}", embedding=vector.tolist()) for i, vector in enumerate(vectors)]


def embeddings(nodes):
    return np.asarray([node.embedding for node in nodes], np.float32)


def test_without_a_method_maps_are_tried(nodes, questions):
    post = NudgeEmbeddingPostprocessor(questions, questions, progress=False).fit(nodes)
    assert post.method == Auto(allow_map=True)
    assert "linear map" in [one.name for one in post.trial.candidates]
    assert len(NudgeEmbeddingPostprocessor(questions, method=Auto(), progress=False).fit(nodes).trial.candidates) == 3


@pytest.mark.parametrize("scale", [1.0, 7.0])
def test_nodes_that_come_later_go_through_the_map(nodes, questions, scale):
    post, new = fitted(nodes, questions), new_nodes(scale)
    raw = embeddings(new)
    assert repr(post) == "NudgeEmbeddingPostprocessor(30 questions, fitted: 60 nodes move, all others go through a map)"
    found = post([*nodes, *new])
    np.testing.assert_allclose(embeddings(found[60:]), post.trial.tuned.map_new(raw), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(embeddings(found[:60]), post.trial.tuned.vectors, atol=1e-6)
    assert embeddings(new).tobytes() == raw.tobytes(), "what comes in is not changed"
    np.testing.assert_allclose(np.linalg.norm(embeddings(found[60:]), axis=1), np.linalg.norm(raw, axis=1), rtol=1e-4)


def test_nodes_that_were_moved_pass(nodes, questions):
    post = fitted(nodes, questions)
    once = post(nodes)
    assert embeddings(post(once)).tobytes() == embeddings(once).tobytes()


def test_a_node_that_was_embedded_anew_goes_through_the_map(nodes, questions, caplog):
    post, other = fitted(nodes, questions), new_nodes()[0].model_copy(update={"id_": "d5"})
    (found,) = post([other])
    np.testing.assert_allclose(embeddings([found]), post.trial.tuned.map_new(embeddings([other])), atol=1e-5)
    assert not caplog.text


def test_it_is_kept_in_the_file(nodes, questions, tmp_path):
    post = fitted(nodes, questions)
    post.save(tmp_path / "post.safetensors")
    loaded = NudgeEmbeddingPostprocessor.load(tmp_path / "post.safetensors")
    assert loaded.fingerprint == post.fingerprint
    everyone = [*nodes, *new_nodes()]
    assert embeddings(loaded(everyone)).tobytes() == embeddings(post(everyone)).tobytes()


def test_the_fingerprint_tells_maps_apart(nodes, questions):
    one, other = (fitted(nodes, questions, LinearMap(0.1, rate=rate)) for rate in (0.3, 0.4))
    assert one.fingerprint != other.fingerprint


def test_a_damaged_file_is_refused(nodes, questions, tmp_path):
    post = fitted(nodes, questions)
    object.__setattr__(post._moves, "matrix", post._moves.matrix[:4])
    post.save(tmp_path / "post.safetensors")
    with pytest.raises(FileFormatError, match=r"a map of shape \(4, 8\) for vectors of dimension 8"):
        NudgeEmbeddingPostprocessor.load(tmp_path / "post.safetensors")


def test_nodes_of_another_model_are_refused(nodes, questions):
    post = fitted(nodes, questions)
    with pytest.raises(InputError, match="node 'x' has an embedding of 3 dimensions, the map 8"):
        post([TextNode(id_="x", text="x", embedding=[1.0, 0.0, 0.0])])


def test_an_index_asks_for_permission(world):
    with pytest.raises(InputError, match=r"moves every document.*allow_map=True"):
        nudge_index(world.index, world.pairs(), method=MAP, progress=False)


def test_an_index_is_mapped_and_put_back(world):
    before = world.vectors()
    report = nudge_index(world.index, world.pairs(), world.pairs(), method=MAP, allow_map=True, progress=False)
    assert report.applied
    assert (world.vectors() != before).any(1).all()
    restore_index(world.index, progress=False)
    assert world.vectors().tobytes() == before.tobytes()


# Nodes that are inserted into an index while a map stands


@pytest.fixture
def mapped_index(make):
    """An index that went through a map, and what a node gets that is inserted now."""
    from llama_engines import ChromaEngine

    world = make(ChromaEngine())
    for seed, text in enumerate(("brand new", "newer")):
        vector = np.random.default_rng(seed).normal(size=8)
        world.model.known[text] = (vector / np.linalg.norm(vector)).tolist()
    report = nudge_index(world.index, world.pairs(), world.pairs(), method=MAP, allow_map=True, progress=False)
    assert report.applied
    world.index.insert_nodes([TextNode(id_="new", text="brand new"), TextNode(id_="newer", text="newer")])
    raw = np.asarray(world.model.get_text_embedding_batch(["brand new", "newer"]), np.float32)
    return world, report, raw


def test_inserted_nodes_go_through_it_and_come_back(mapped_index):
    world, report, raw = mapped_index

    def read():
        return adapter_of_index(world.index).read(["new", "newer"])

    np.testing.assert_allclose(read(), raw, atol=1e-6)
    new = TextNode(id_="new", text="brand new")
    assert map_inserted(world.index, [new, "newer"]) == 2
    np.testing.assert_allclose(read(), report.tuned.map_new(raw), atol=1e-5)
    assert map_inserted(world.index, ["new", "newer"]) == 0, "not twice"
    restore_index(world.index, progress=False)
    np.testing.assert_allclose(read(), raw, atol=1e-6)
    assert map_inserted(world.index, ["new"]) == 0, "none stands"


def test_nodes_that_another_model_embedded_stay(mapped_index, caplog):
    world, _, raw = mapped_index

    class Other(type(world.model)):
        def _get_text_embedding(self, text):
            return np.roll(super()._get_text_embedding(text), 1).tolist()

    model = Other(known=world.model.known)
    other = VectorStoreIndex.from_vector_store(world.index.vector_store, embed_model=model)
    assert map_inserted(other, ["new", "newer"]) == 0
    assert "2 documents were added and did not go through the map" in caplog.text
    assert "embedded by another model than those of run 1" in caplog.text
    np.testing.assert_allclose(adapter_of_index(world.index).read(["new", "newer"]), raw, atol=1e-6)


def test_what_did_not_go_through_it_is_said(mapped_index, caplog):
    """Inserting is nothing that we hear of."""
    world, _, _ = mapped_index
    evaluate_index(world.index, world.pairs("test"), progress=False)
    assert "2 documents did not go through the map of run 1" in caplog.text
    caplog.clear()
    map_inserted(world.index, ["new", "newer"])
    evaluate_index(world.index, world.pairs("test"), progress=False)
    assert "did not go through" not in caplog.text


def test_an_index_is_pruned_and_begun_anew(mapped_index):
    world, _, _ = mapped_index
    restore_index(world.index, progress=False)
    assert prune_index(world.index, 1) == 1
    assert [run.number for run in index_history(world.index)] == [1, 2]
    begin_index_anew(world.index)
