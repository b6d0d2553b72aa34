"""Labels by metadata: any key that the user names, alone or beside a text; and ids of a parent in place of a chunk's."""

import pytest

from nudge_core.errors import InputError, UnknownIdError
from nudge_integrations.collection.matching import resolve
from nudge_integrations.labels import read_labels
from nudge_integrations.labels.matching import match

PAGE = "Amounts are returned within fourteen days of the order."
TENANTS = [(f"{name}-1", PAGE, {"tenant": name, "sku": f"{name.upper()} 7"}) for name in ("ants", "bees", "cats")]


def relevant(rows, stored, **options):
    return [set(answers) for answers in match(read_labels(rows, **options), stored).questions.relevant]


def test_any_key_that_is_named_finds_its_documents():
    rows = [{"question": "When?", "tenant": "bees"}, {"question": "How?", "tenant": "cats"}]
    assert relevant(rows, TENANTS, metadata=["tenant"]) == [{"bees-1"}, {"cats-1"}]
    assert relevant([{"question": "Which?", "sku": "bees 7"}], TENANTS, metadata="sku") == [{"bees-1"}]


def test_a_key_narrows_a_match_by_text():
    rows = [{"question": "When is it paid?", "context": PAGE, "tenant": "bees"}]
    assert relevant(rows, TENANTS, texts="context", metadata=["tenant"]) == [{"bees-1"}]
    assert relevant(rows, TENANTS, texts="context") == [{"ants-1", "bees-1", "cats-1"}]


def test_a_text_of_another_tenant_is_not_taken_for_ones_own():
    labels = read_labels(
        [{"question": "When?", "context": PAGE, "tenant": "dogs"}], texts="context", metadata=["tenant"]
    )
    done = match(labels, TENANTS)
    assert len(done.questions) == 0
    assert done.report.matches[0].note == "its text stands only in documents that have not tenant 'dogs'"


def test_numbers_and_lists_of_metadata_are_compared_as_they_are_written():
    stored = [("a", "x", {"shelf": 7, "tags": ["red", "blue"]}), ("b", "y", {"shelf": 8.0, "tags": []})]
    assert relevant([{"question": "Where?", "shelf": "8"}], stored, metadata=["shelf"]) == [{"b"}]
    assert relevant([{"question": "Where?", "tags": "blue"}], stored, metadata=["tags"]) == [{"a"}]


def test_all_keys_that_are_named_count():
    stored = [("a", "x", {"tenant": "bees", "page": 1}), ("b", "y", {"tenant": "bees", "page": 2})]
    rows = [{"question": "Where?", "tenant": "bees", "page": 2}]
    assert relevant(rows, stored, metadata=["tenant", "page"]) == [{"b"}]


def test_a_key_that_no_document_has_is_refused_by_name():
    labels = read_labels([{"question": "Where?", "sku": 7}], metadata=["sku"])
    with pytest.raises(InputError, match=r"no stored document has the metadata 'sku'.*their keys are 'page', 'source'"):
        match(labels, [("a", "x", {"source": "a.pdf", "page": 1})])


CHUNKS = [(f"{name}-{n}", f"chunk {n} of {name}", {"doc_id": name, "n": n}) for name in ("tea", "salt") for n in (1, 2)]


def test_ids_of_a_parent_document_are_found_without_being_told_where():
    found = resolve(read_labels({"When?": ["tea"], "How?": ["salt"], "Both?": ["tea", "salt"]}), None, CHUNKS)
    assert [set(answers) for answers in found.train.relevant] == [
        {"tea-1", "tea-2"},
        {"salt-1", "salt-2"},
        {"tea-1", "tea-2", "salt-1", "salt-2"},
    ]
    assert found.problems == (
        "2 labels name documents by the 'doc_id' in their metadata, not by the id of a chunk: all 4 chunks of these were taken",
    )


def test_two_keys_that_name_different_chunks_are_not_guessed_between():
    stored = [("a", "x", {"doc_id": "tea", "next": "salt"}), ("b", "y", {"doc_id": "salt", "next": "tea"})]
    with pytest.raises(
        InputError, match=r"metadata 'doc_id' and 'next' of different chunks: say which, with read_labels"
    ):
        resolve(read_labels({"When?": ["tea"]}), None, stored)


def test_texts_in_place_of_ids_are_looked_for_as_texts():
    found = resolve(read_labels([("When is it paid?", [PAGE])], form="pairs"), None, TENANTS[:1])
    assert [set(answers) for answers in found.train.relevant] == [{"ants-1"}]
    assert "reads like a text where an id was expected" in found.problems[0]


def test_labels_whose_document_is_gone_are_left_out_up_to_a_half():
    labels = read_labels({"When?": ["tea-1", "gone"], "How?": ["salt-1"]})
    found = resolve(labels, None, CHUNKS)
    assert (found.missing, [set(answers) for answers in found.train.relevant]) == (("gone",), [{"tea-1"}, {"salt-1"}])
    with pytest.raises(UnknownIdError, match=r"1 label of 3 names documents that are not in these 4 documents: 'gone'"):
        resolve(labels, None, CHUNKS, "error")
    with pytest.raises(UnknownIdError, match=r"2 labels of 3 name documents .*'gone', 'lost'.*Its|its ids look like"):
        resolve(read_labels({"When?": ["gone", "lost"], "How?": ["salt-1"]}), None, CHUNKS)


NUMBERED = [(f"d{i}", f"text {i}", {"page": i, "lang": "en"}) for i in range(4)]


def test_whole_numbers_that_name_documents_one_to_one_are_taken_and_told():
    found = resolve(read_labels({"When?": [2], "How?": [3]}), None, NUMBERED)
    assert [set(answers) for answers in found.train.relevant] == [{"d2"}, {"d3"}]
    assert "by the 'page' in their metadata" in found.by_key
    assert "where they are to mean something else, label with the ids of the store" in found.by_key
    assert found.by_key in found.problems


NOT_ONE_TO_ONE = {
    "a page of several documents": [*NUMBERED, ("d4", "text 4", {"page": 3})],
    "two keys": [(name, text, {**data, "row": 3 - data["page"]}) for name, text, data in NUMBERED],
    "a number that is not there": NUMBERED[:3],
}


@pytest.mark.parametrize("stored", NOT_ONE_TO_ONE.values(), ids=NOT_ONE_TO_ONE)
def test_whole_numbers_are_not_guessed_at(stored):
    labels = read_labels({"When?": [2], "How?": [3]})
    with pytest.raises(
        UnknownIdError, match=r"these numbers also stand in .*'page'.*, perhaps by chance\): read_labels"
    ):
        resolve(labels, None, stored)
    rows = read_labels([{"question": "When?", "page": 2}], metadata=["page"])
    assert [set(answers) for answers in resolve(rows, None, stored).train.relevant] == [{"d2"}]


def test_whole_numbers_of_a_key_of_ids():
    """Chunks that say which row of a database they are of, and on which page they stand."""
    stored = [(f"c{i}", f"text {i}", {"doc_id": i // 2, "page": i}) for i in range(8)]
    found = resolve(read_labels({"When?": [2], "How?": [3]}), None, stored)
    assert [set(answers) for answers in found.train.relevant] == [{"c4", "c5"}, {"c6", "c7"}]
    assert "label with the ids of the store" not in found.by_key


def test_the_keys_that_may_be_named_are_told():
    with pytest.raises(UnknownIdError, match=r"metadata that holds them \(there is 'page', 'lang'\): read_labels"):
        resolve(read_labels({"When?": ["x"]}), None, NUMBERED)
