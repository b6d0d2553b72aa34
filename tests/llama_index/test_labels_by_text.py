"""Questions labelled by the text of a context: the node that holds it is found, in the store or in the docstore."""

import json
import logging

import numpy as np
import pandas as pd
import pytest
from llama_engines import ChromaEngine, FaissEngine, LanceDBEngine, PGVectorEngine, QdrantEngine, SimpleEngine
from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
from llama_worlds import World

from nudge_core.errors import InputError, UnknownIdError
from nudge_integrations.labels import Answer, LabelledQuestion, LabelledQuestions, read_labels
from nudge_integrations.labels.matching import match
from nudge_integrations.llama_index import (
    NudgeEmbeddingPostprocessor,
    evaluate_index,
    index_documents,
    index_history,
    nudge_index,
)

WORDS = ["amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron", "inlet", "jetty"]


def sentence(i):
    return f"The {WORDS[i % 10]} of the {WORDS[i // 10]} stands where the river number {i * 37} turns to the south."


@pytest.fixture
def told(make):
    """A world whose nodes hold sentences, and its labels by these."""

    def build(engine):
        world = make(engine)
        world.model = world.model.model_copy(
            update={"known": world.model.known | {sentence(i): vector.tolist() for i, vector in enumerate(world.X)}}
        )
        nodes = [TextNode(id_=name, text=sentence(i), metadata={"page": i}) for i, name in enumerate(world.ids)]
        world.index = engine.build(world.folder, nodes, world.model)
        return world

    return build


def labels(world, *splits):
    rows = [
        LabelledQuestion(
            text,
            tuple(Answer(text=sentence(world.ids.index(name)).upper()) for name in names),
            split={"validation": "dev"}.get(split, split),
        )
        for split in splits
        for text, names in world.pairs(split)
    ]
    return LabelledQuestions(tuple(rows), "told")


@pytest.mark.parametrize(
    "engine", [SimpleEngine, ChromaEngine, QdrantEngine, FaissEngine, LanceDBEngine, PGVectorEngine]
)
def test_the_nodes_are_found(told, engine):
    world = told(engine())
    documents = sorted(index_documents(world.index), key=lambda document: document[2]["page"])
    assert documents == [(name, sentence(i), {"page": i}) for i, name in enumerate(world.ids)]
    report = nudge_index(world.index, labels(world, "train", "validation"), progress=False)
    assert report.applied
    assert len(report.after) == 30
    after = world.vectors()
    assert nudge_index(world.index, world.pairs(), world.pairs("validation"), progress=False).applied
    assert world.vectors().tobytes() == after.tobytes()  # as by ids
    by_text, by_id = (
        evaluate_index(world.index, given, progress=False) for given in (labels(world, "test"), world.pairs("test"))
    )
    np.testing.assert_array_equal(by_text.values["nDCG@10"], by_id.values["nDCG@10"])


def test_the_step_of_a_pipeline(told):
    world = told(SimpleEngine())
    nodes = world.model([TextNode(id_=name, text=sentence(i)) for i, name in enumerate(world.ids)])
    by_text = NudgeEmbeddingPostprocessor(labels(world, "train", "validation"), embed_model=world.model, progress=False)
    by_id = NudgeEmbeddingPostprocessor(
        world.pairs(), world.pairs("validation"), embed_model=world.model, progress=False
    )
    assert [node.embedding for node in by_text(nodes)] == [node.embedding for node in by_id(nodes)]
    assert by_text.fingerprint != by_id.fingerprint


def test_what_matches_nothing_is_told(told, caplog):
    world = told(SimpleEngine())
    stray = LabelledQuestions(
        (
            LabelledQuestion(
                "train0?", (Answer(text="Nothing of the kind is written in any of these nodes."),), split="test"
            ),
        ),
        "told",
    )
    with pytest.raises(InputError, match=r"none of the 1 questions could be matched to a stored document.*'train0\?'"):
        nudge_index(world.index, stray, progress=False)
    assert index_history(world.index) == []
    some = LabelledQuestions((*stray, *labels(world, "test")), "told")
    report = nudge_index(world.index, some, world.pairs("validation"), progress=False)
    assert [match.text for match in report.match.of("nothing")] == ["train0?"]
    assert "30 of 31 questions matched to 60 stored documents, by normalised 30. The rest is in report.match." in repr(
        report
    )
    assert report.to_dict()["match"]["matched"] == 30
    with caplog.at_level(logging.WARNING):
        evaluate_index(world.index, some, progress=False)
        NudgeEmbeddingPostprocessor(some, world.pairs("validation"), embed_model=world.model, progress=False).fit(
            world.model([TextNode(id_=name, text=sentence(i)) for i, name in enumerate(world.ids)])
        )
    assert caplog.text.count("30 of 31 questions matched") == 2
    matched = match(some, index_documents(world.index))
    assert nudge_index(world.index, matched.questions, world.pairs("validation"), progress=False).applied is not None


def test_labels_that_are_ids_need_no_matching(told, monkeypatch):
    world = told(SimpleEngine())
    rows = [LabelledQuestion(text, tuple(Answer(id=name) for name in names)) for text, names in world.pairs()]
    monkeypatch.setattr("nudge_integrations.collection.matching.match", None)
    assert nudge_index(
        world.index, LabelledQuestions(tuple(rows), "ids"), world.pairs("validation"), progress=False
    ).applied


def test_ids_of_another_store_are_found_by_their_texts(told):
    """As an EmbeddingQAFinetuneDataset has them, whose nodes were made anew since."""
    world = told(SimpleEngine())
    corpus = {f"old {name}": sentence(i) for i, name in enumerate(world.ids)}
    rows = [LabelledQuestion(text, tuple(Answer(id=f"old {name}") for name in names)) for text, names in world.pairs()]
    labels = LabelledQuestions(tuple(rows), "old", corpus)
    report = nudge_index(world.index, labels, world.pairs("validation"), progress=False)
    assert report.match.by_rule == {"exact": 30}
    moved = world.vectors()
    nudge_index(world.index, world.pairs(), world.pairs("validation"), progress=False)
    assert world.vectors().tobytes() == moved.tobytes()
    with pytest.raises(UnknownIdError, match="'old node"):
        nudge_index(world.index, LabelledQuestions(tuple(rows), "old"), progress=False)


def test_rows_frames_and_files_go_straight_in(told, tmp_path):
    world = told(SimpleEngine())
    rows = [
        {"question": text, "context": sentence(world.ids.index(names[0])), "split": split}
        for part, split in (("train", None), ("validation", "dev"))
        for text, names in world.pairs(part)
    ]
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    expected = nudge_index(world.index, read_labels(rows), progress=False)
    assert expected.trial.folds == 1  # the dev questions are the validation, those without a split are learned from
    for given in (rows, pd.DataFrame(rows), path, str(path), iter(rows)):
        report = nudge_index(world.index, given, progress=False)
        assert (report.tuned.gamma, len(report.after)) == (expected.tuned.gamma, 30)
    post = NudgeEmbeddingPostprocessor(pd.DataFrame(rows), embed_model=world.model)
    assert len(post.questions) == len(post.validation) == 30


class Cut(World):
    """Each node is cut from a document of its own."""

    @property
    def nodes(self):
        def source(name):
            return {NodeRelationship.SOURCE: RelatedNodeInfo(node_id=f"document of {name}")}

        known = super().nodes
        return [node.model_copy(update={"relationships": source(node.node_id)}) for node in known]


@pytest.mark.parametrize("engine", [SimpleEngine, FaissEngine, ChromaEngine])
def test_labels_by_the_id_of_the_document(sample, tmp_path, engine):
    """Some stores hold it as metadata, of others the docstore has it."""
    world = Cut(sample(), engine(), tmp_path / "store")
    by_document = [(text, [f"document of {name}" for name in names]) for text, names in world.pairs()]
    report = nudge_index(world.index, by_document, dry_run=True, progress=False)
    assert "_id' in their metadata" in report.by_key
    assert (
        report.tuned.vectors.tobytes() == nudge_index(world.index, world.pairs(), dry_run=True).tuned.vectors.tobytes()
    )
    rows = [{"question": text, "ref_doc_id": names[0]} for text, names in by_document]
    named = nudge_index(world.index, read_labels(rows, metadata=["ref_doc_id"]), dry_run=True, progress=False)
    assert named.used == len({text for text, _ in by_document})
