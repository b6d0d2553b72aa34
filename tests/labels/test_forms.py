"""Every form, in files that its own library wrote (make_fixtures.py): the questions of `ours` come back, labelled as the form labels."""

import json
from pathlib import Path

import pytest
from ours import DOCUMENTS, FILES, QUESTIONS

from nudge_core.errors import FileFormatError, InputError
from nudge_integrations.labels import Answer, read_labels

FIXTURES = Path(__file__).parent / "fixtures"
TEXTS = [text for text, _, _ in QUESTIONS.values()]
BY_TEXTS = [[Answer(text=DOCUMENTS[name]) for name in ids] for _, ids, _ in QUESTIONS.values()]
BY_BOTH = [[Answer(name, DOCUMENTS[name]) for name in ids] for _, ids, _ in QUESTIONS.values()]
WITH_SOURCE = [
    [Answer(text=DOCUMENTS[name], metadata={"source": FILES[ids[0]]}) for name in ids]
    for _, ids, _ in QUESTIONS.values()
]
VOTED = [
    [Answer(name, DOCUMENTS[name], metadata={"source": FILES[name]}) for name in ids]
    + [Answer("salt-0", DOCUMENTS["salt-0"], metadata={"source": "salt.txt"}, relevant=False, grade=0.0)]
    for _, ids, _ in QUESTIONS.values()
]
VOTED_WITHOUT_IDS = [
    [Answer(None, one.text, None, one.metadata, one.relevant, one.grade) for one in answers] for answers in VOTED
]
PAIRS = [
    [Answer(text=DOCUMENTS[ids[0]]), Answer(text=DOCUMENTS["salt-0"], relevant=False, grade=0.0)]
    + [Answer(text=DOCUMENTS[name]) for name in ids[1:]]
    for _, ids, _ in QUESTIONS.values()
]

WRITTEN = {
    "embedding_qa.json": ("EmbeddingQAFinetuneDataset", BY_BOTH, {}),
    "labelled_rag.json": ("LabelledRagDataset", BY_TEXTS, {}),
    "ragas_testset.csv": ("Ragas test set", BY_TEXTS, {}),
    "ragas_testset.jsonl": ("Ragas test set", BY_TEXTS, {}),
    "ragas_testset_pandas.json": ("Ragas test set", BY_TEXTS, {}),
    "ragas_with_ids.csv": ("Ragas test set", BY_BOTH, {}),
    "ragas_with_ids.jsonl": ("Ragas test set", BY_BOTH, {}),
    "ragas_old.csv": ("Ragas test set, old columns", BY_TEXTS, {}),
    "ragas_old.jsonl": ("Ragas test set, old columns", BY_TEXTS, {}),
    "deepeval.json": ("DeepEval goldens", WITH_SOURCE, {}),
    "deepeval.csv": ("DeepEval goldens", WITH_SOURCE, {}),
    "deepeval.jsonl": ("DeepEval goldens", WITH_SOURCE, {}),
    "deepeval_camel.json": ("DeepEval goldens", WITH_SOURCE, {}),
    "langsmith.jsonl": ("LangSmith examples", WITH_SOURCE, {"texts": "my_contexts"}),
    "langfuse.json": ("Langfuse dataset items", WITH_SOURCE, {}),
    "phoenix_retrieved.json": (
        "Phoenix document annotations",
        VOTED_WITHOUT_IDS,
        {"given": FIXTURES / "phoenix_annotations.json", "spans": FIXTURES / "phoenix_retrieved.json"},
    ),
    "phoenix_annotations.json": ("Phoenix document annotations", VOTED, {"spans": FIXTURES / "phoenix_spans.json"}),
    "sentence_transformers.csv": ("sentence-transformers pairs", PAIRS, {}),
    "sentence_transformers.parquet": ("sentence-transformers pairs", PAIRS, {}),
}


@pytest.mark.parametrize("file", WRITTEN)
def test_the_form_is_recognised_and_read(file):
    form, answers, options = WRITTEN[file]
    read = read_labels(options.pop("given", FIXTURES / file), **options)
    assert read.form == form
    assert form in repr(read)
    assert [question.text for question in read] == TEXTS
    assert [list(question.answers) for question in read] == answers
    assert all(file.split(".")[0].split("_")[0] in question.where for question in read)


def test_every_form_has_a_fixture():
    from nudge_integrations.labels.forms import FORMS

    names = {form.split(",")[0] for form, _, _ in WRITTEN.values()}
    assert {module.NAME for module in FORMS.values()} - names == {
        "SQuAD",
        "feedback",
        "columns",
        "training set of a retriever",
    }  # in files of their own


def test_ids_of_questions_and_the_corpus_are_kept():
    read = read_labels(FIXTURES / "embedding_qa.json")
    assert [question.id for question in read] == list(QUESTIONS)
    assert read.documents == DOCUMENTS
    assert read.kinds == {"ids": 5, "texts": 5}


def test_langsmith_takes_names_of_keys_and_splits():
    read = read_labels(FIXTURES / "langsmith.jsonl", question="question", ids="my_ids", texts="my_contexts")
    assert [[answer.id for answer in question.answers] for question in read] == [
        ids for _, ids, _ in QUESTIONS.values()
    ]
    assert [question.split for question in read] == ["train", "train", "test", "test"]
    by_span = read_labels(FIXTURES / "langsmith.jsonl", spans="answer")
    assert [question.answers[0].span for question in by_span] == [span for _, _, span in QUESTIONS.values()]
    with pytest.raises(FileFormatError, match=r"texts='contxts'; there are 'answer', 'my_contexts', 'my_ids'"):
        read_labels(FIXTURES / "langsmith.jsonl", texts="contxts")
    with pytest.raises(FileFormatError, match=r"line 1: the input has no key 'q'; it has 'question'"):
        read_labels(FIXTURES / "langsmith.jsonl", question="q")


def test_langsmith_examples_without_known_keys_fall_back_to_where_they_stand():
    read = read_labels(FIXTURES / "langsmith.jsonl")
    assert read.kinds == {"metadata": 4}
    assert read[0].answers[0].metadata == {"source": "tea.txt"}


def test_archived_langfuse_items_are_told():
    assert "archived" in read_labels(FIXTURES / "langfuse.json").problems[0]
    whole = read_labels(
        [{"input": "Why?", "expectedOutput": "since it rains", "metadata": None}], spans="expectedOutput"
    )
    assert whole[0].answers == (Answer(span="since it rains"),)


def test_reference_answers_are_spans_where_that_is_said():
    for file in ("ragas_testset.csv", "labelled_rag.json", "deepeval_camel.json"):
        read = read_labels(FIXTURES / file, spans=True)
        assert read[0].answers[0].span == "in spring"
        assert read[0].answers[0].text == DOCUMENTS["tea-0"]
        assert read[2].answers[-1] == Answer(span="their colour", metadata=read[2].answers[0].metadata)


def test_old_ragas_contexts_beside_an_answer_are_what_was_retrieved():
    rows = [{"question": "Why?", "contexts": ["a", "b"], "answer": "Since.", "ground_truth": "Since it is."}]
    with pytest.raises(FileFormatError, match="they are what was retrieved"):
        read_labels(rows)
    assert read_labels(rows, retrieved=True).kinds == {"texts": 2}


def test_conversations_are_refused_by_name():
    with pytest.raises(FileFormatError, match="goldens of conversations"):
        read_labels(FIXTURES / "deepeval_conversation.json")
    rows = [{"user_input": [{"content": "Hi", "type": "human"}], "reference_contexts": ["x"]}]
    with pytest.raises(FileFormatError, match="conversation of several turns"):
        read_labels(rows)


def test_deepeval_goldens_in_several_files_and_in_a_folder(tmp_path):
    golden = json.loads((FIXTURES / "deepeval.json").read_text(encoding="utf-8"))
    files = [tmp_path / "train.json", tmp_path / "test.json"]
    for file, part in zip(files, (golden[:3], golden[3:]), strict=True):
        file.write_text(json.dumps(part), encoding="utf-8")
    for read in (read_labels(files), read_labels([str(file) for file in files])):
        assert [question.text for question in read] == TEXTS
        assert [question.split for question in read] == ["train"] * 3 + ["test"]
    assert {question.text for question in read_labels(tmp_path)} == set(TEXTS)


def test_phoenix_spans_as_a_data_frame_with_their_index():
    pandas = pytest.importorskip("pandas")
    rows = json.loads((FIXTURES / "phoenix_retrieved.json").read_text(encoding="utf-8"))
    frame = pandas.DataFrame(rows).set_index(["context.span_id", "document_position"])
    annotations = json.loads((FIXTURES / "phoenix_annotations.json").read_text(encoding="utf-8"))
    read = read_labels(annotations, spans=frame)
    assert [list(question.answers) for question in read] == VOTED_WITHOUT_IDS
    spans = pandas.DataFrame(
        [
            {
                "attributes.input.value": TEXTS[0],
                "attributes.retrieval.documents": [{"document.content": "a", "document.id": "A"}],
            }
        ],
        index=pandas.Index(["s1"], name="context.span_id"),
    )
    flat = [{"span_id": "s1", "document_position": 0, "result.score": 1.0, "result.label": None}]
    assert read_labels(flat, spans=spans)[0].answers == (Answer("A", "a"),)


def test_phoenix_without_spans_or_with_annotations_of_several_names_asks():
    with pytest.raises(InputError, match="give the retriever spans too"):
        read_labels(FIXTURES / "phoenix_annotations.json")
    rows = [
        {"span_id": "s", "document_position": 0, "name": name, "input": "Why?", "document": "d", "score": score}
        for name, score in (("relevance", 1), ("user feedback", 0))
    ]
    with pytest.raises(InputError, match="'relevance', 'user feedback': say name="):
        read_labels(rows)
    assert read_labels(rows, name="relevance")[0].answers == (Answer(text="d"),)


def test_sentence_transformers_go_by_the_order_of_columns():
    rows = [{"a": "Why?", "b": "since", "c": "no", "label": 1}, {"a": "Why?", "b": "perhaps", "c": "no", "label": 0}]
    read = read_labels(rows, form="sentence_transformers")
    assert [(answer.text, answer.relevant) for answer in read[0].answers] == [
        ("since", True),
        ("no", False),
        ("perhaps", False),
    ]
    assert read_labels([("Why?", "since"), ("How?", "so")])[1].answers == (Answer(text="so"),)
    assert read_labels([["Why?", "since", 0.9]])[0].answers == (Answer(text="since", grade=0.9),)


def test_objects_of_libraries_are_taken_as_they_are():
    from dataclasses import dataclass
    from uuid import UUID

    from langsmith.schemas import Example

    examples = (
        Example(
            id=UUID(int=n), dataset_id=UUID(int=9), inputs={"question": text}, outputs={"contexts": [DOCUMENTS[ids[0]]]}
        )
        for n, (text, ids, _) in enumerate(QUESTIONS.values())
    )
    read = read_labels(examples)
    assert (read.form, [one.text for one in read]) == ("LangSmith examples", TEXTS)
    assert read[1].id == str(UUID(int=1))

    @dataclass
    class Held:  # so do data sets of DeepEval and LlamaIndex hold theirs
        examples: list

    assert read_labels(Held(list(read_labels_rows())))[0].answers == (Answer(text=DOCUMENTS["tea-0"]),)


def read_labels_rows():
    return [{"query": text, "reference_contexts": [DOCUMENTS[ids[0]]]} for text, ids, _ in QUESTIONS.values()]
