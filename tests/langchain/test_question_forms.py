"""Every form in which people have labelled questions gives the same vectors."""

import json

import numpy as np
import pytest

from nudge_core import QuerySet
from nudge_integrations.labels import LabelledData, read_data, read_labels


def beir(folder, world, splits):
    """The collection and its questions as a folder in BEIR form."""
    (folder / "qrels").mkdir(parents=True)
    documents = [{"_id": name, "title": "", "text": f"text {i}"} for i, name in enumerate(world.ids)]
    questions = [
        {"_id": f"{split}-{i}", "text": text} for split in splits for i, (text, _) in enumerate(world.pairs(split))
    ]
    for name, rows in (("corpus", documents), ("queries", questions)):
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    for split, stem in splits.items():
        rows = [f"{split}-{i}\t{name}\t1" for i, (_, answers) in enumerate(world.pairs(split)) for name in answers]
        (folder / "qrels" / f"{stem}.tsv").write_text(
            "\n".join(["query-id\tcorpus-id\tscore", *rows]), encoding="utf-8"
        )
    return folder


def moved(world, questions, validation=None):
    world.store.nudge(questions, world.pairs("validation") if validation is None else validation, progress=False)
    vectors = world.vectors()
    world.store.restore()
    return vectors


FORMS = {
    "tuples": lambda pairs: pairs,
    "lists": lambda pairs: [[text, answers] for text, answers in pairs],
    "an array": lambda pairs: np.asarray([(text, name) for text, answers in pairs for name in answers]),
    "a slice": lambda pairs: read_labels(pairs)[:],
    "chosen ones": lambda pairs: [question for question in read_labels(pairs) if question.answers],
    "a generator": lambda pairs: (pair for pair in pairs),
    "sets of ids": lambda pairs: [(text, {*answers}) for text, answers in pairs],
    "tuples of ids": lambda pairs: [(text, (*answers,)) for text, answers in pairs],
    "arrays of ids": lambda pairs: [(text, np.asarray(answers)) for text, answers in pairs],
    "a generator of ids": lambda pairs: [(text, (name for name in answers)) for text, answers in pairs],
    "a mapping": dict,
    "items": lambda pairs: dict(pairs).items(),
    "an id a pair": lambda pairs: [(text, name) for text, answers in pairs for name in answers],
    "ids twice": lambda pairs: [(text, answers + answers) for text, answers in pairs],
    "grades of one": lambda pairs: [(text, dict.fromkeys(answers, 1)) for text, answers in pairs],
    "grades of zero beside": lambda pairs: [
        (text, {"d0": 0, "d1": 0.0} | dict.fromkeys(answers, 1.0)) for text, answers in pairs
    ],
    "question, relevant": lambda pairs: [{"question": text, "relevant": answers} for text, answers in pairs],
    "query, ids": lambda pairs: [{"query": text, "ids": answers, "more": 1} for text, answers in pairs],
    "text, documents": lambda pairs: [{"text": text, "documents": answers} for text, answers in pairs],
    "Ragas": lambda pairs: [
        {"user_input": text, "reference_context_ids": answers, "reference": "…"} for text, answers in pairs
    ],
    "mixed": lambda pairs: [pair if i % 2 else {"query": pair[0], "relevant": pair[1]} for i, pair in enumerate(pairs)],
    "questions without answers beside": lambda pairs: [
        *pairs,
        ("nobody knows", []),
        ("judged and found wanting", {"d3": 0}),
    ],
}


@pytest.mark.parametrize("form", FORMS)
def test_a_form(world, form):
    expected = moved(world, world.pairs())
    assert (moved(world, FORMS[form](world.pairs())) == expected).all()
    assert (moved(world, world.pairs(), FORMS[form](world.pairs("validation"))) == expected).all()


def test_a_query_set_without_texts(world):
    given = world.queries()
    bare = QuerySet(given.embeddings, given.relevance)
    np.testing.assert_allclose(moved(world, bare), moved(world, world.pairs()), atol=1e-6)
    assert (moved(world, bare, world.queries("validation")) == moved(world, given, world.queries("validation"))).all()


def test_grades_count(world):
    """In nDCG; and a question's grades of two throughout rank as grades of one."""
    twos = [(text, dict.fromkeys(answers, 2.0)) for text, answers in world.pairs("validation")]
    first = world.store.nudge(world.pairs(), twos, progress=False)
    world.store.restore()
    again = world.store.nudge(world.pairs(), world.pairs("validation"), progress=False)
    assert first.after.mean("nDCG@10") == pytest.approx(again.after.mean("nDCG@10"))
    falling = [(text, {name: 3.0 - i for i, name in enumerate(answers)}) for text, answers in world.pairs("validation")]
    world.store.restore()
    graded = world.store.nudge(world.pairs(), falling, progress=False)
    assert graded.before.mean("nDCG@10") != pytest.approx(again.before.mean("nDCG@10"))
    assert graded.before.mean("R@10") == pytest.approx(again.before.mean("R@10"))


def test_a_beir_folder_brings_its_dev_questions(world, tmp_path):
    expected = moved(world, world.pairs())
    folder = beir(tmp_path / "beir", world, {"train": "train", "validation": "dev", "test": "test"})
    for given in (folder, str(folder), read_data(str(folder))):
        report = world.store.nudge(given, progress=False)
        assert (report.trial.folds, len(report.after)) == (1, 30)
        assert (world.vectors() == expected).all()
        world.store.restore()
    evaluation = world.store.evaluate(folder, progress=False)
    assert evaluation.to_dict() == world.store.evaluate(world.pairs("test"), progress=False).to_dict()


def test_validation_questions_go_before_those_of_the_folder(world, tmp_path):
    folder = beir(tmp_path / "beir", world, {"train": "train", "validation": "dev"})
    report = world.store.nudge(folder, world.pairs("test"), progress=False)
    assert report.after.ids.tolist() == [text for text, _ in world.pairs("test")]


def test_a_beir_folder_without_dev_questions_is_cut_in_folds(world, tmp_path):
    folder = beir(tmp_path / "beir", world, {"train": "train"})
    report = world.store.nudge(folder, progress=False)
    state = world.bits()
    world.store.restore()
    assert report.trial.folds == 5
    world.store.nudge(world.pairs(), progress=False)
    assert world.bits() == state


def test_labelled_data_made_by_hand(world):
    texts = {f"q{i}": text for i, (text, _) in enumerate(world.pairs())}
    qrels = {"train": {f"q{i}": dict.fromkeys(answers, 1.0) for i, (_, answers) in enumerate(world.pairs())}}
    data = LabelledData("mine", dict.fromkeys(world.ids, ""), texts, qrels)
    assert (moved(world, data) == moved(world, world.pairs())).all()


def test_integers_name_ids_that_are_written_alike(make):
    """A store whose ids are "0", "1", …"""
    world = make()
    world.inner.store = {name[1:]: {**row, "id": name[1:]} for name, row in world.inner.store.items()}
    world.ids = [name[1:] for name in world.ids]
    by_number = [(text, [int(name[1:]) for name in answers]) for text, answers in world.pairs()]
    by_name = [(text, [name[1:] for name in answers]) for text, answers in world.pairs()]
    numbered = QuerySet(world.sample.train.embeddings, world.sample.train.relevance)
    validation = [(text, [name[1:] for name in answers]) for text, answers in world.pairs("validation")]
    expected = moved(world, by_name, validation)
    assert (moved(world, by_number, validation) == expected).all()
    np.testing.assert_allclose(moved(world, numbered, validation), expected, atol=1e-6)


def test_a_set_has_one_order(world):
    """That of its questions, whatever the hashes of this process."""
    pairs = world.pairs()
    for given in (
        {(text, tuple(answers)) for text, answers in pairs},
        frozenset((t, i) for t, ids in pairs for i in ids),
    ):
        assert (moved(world, given) == moved(world, sorted(pairs))).all()
