"""The real loading code of `datasets`, on a small set of the paper's form that is made here."""

import json

import pytest

pytest.importorskip("datasets")

from nudge_core.errors import FileFormatError, UnknownIdError
from nudge_integrations.labels import read_data, read_hub
from nudge_integrations.labels.dataset import cache_folder

CARD = """---
configs:
- config_name: data_records
  data_files: [{split: train, path: data_records.jsonl}]
- config_name: qs
  data_files: [{split: train, path: qs_train.jsonl}, {split: dev, path: qs_dev.jsonl}, {split: test, path: qs_test.jsonl}]
- config_name: qs_rel
  data_files: [{split: train, path: rel_train.jsonl}, {split: dev, path: rel_dev.jsonl}, {split: test, path: rel_test.jsonl}]
---
"""


@pytest.fixture
def hub_set(tmp_path):
    folder = tmp_path / "small_ft"
    folder.mkdir()
    (folder / "README.md").write_text(CARD)
    tables = {"data_records": [{"record_id": i, "text": f"Record {i}."} for i in range(5)]}
    for n, split in enumerate(("train", "dev", "test")):
        tables[f"qs_{split}"] = [{"q_id": f"{split}-{i}", "input": f"Question {i}?"} for i in range(2)]
        tables[f"rel_{split}"] = [{"q_id": f"{split}-{i}", "record_id": i + n, "rel": 1 + n} for i in range(2)]
    for name, rows in tables.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_reads_the_three_configurations(hub_set):
    data = read_data(f"hf:{hub_set}")
    assert list(data.documents.values()) == [f"Record {i}." for i in range(5)]
    assert data.queries["dev-1"] == "Question 1?"
    assert data.qrels == {
        "train": {"train-0": {"0": 1.0}, "train-1": {"1": 1.0}},
        "dev": {"dev-0": {"1": 2.0}, "dev-1": {"2": 2.0}},
        "test": {"test-0": {"2": 3.0}, "test-1": {"3": 3.0}},
    }


def test_embeddings_are_kept_in_the_cache_of_the_user(monkeypatch, tmp_path):
    monkeypatch.setenv("NUDGE_HOME", str(tmp_path))
    assert cache_folder("sepz/nfcorpus_ft") == tmp_path / "hf" / "sepz--nfcorpus_ft"


def test_a_missing_column_is_named(hub_set):
    (hub_set / "data_records.jsonl").write_text('{"id": 1, "text": "a"}\n')
    with pytest.raises(FileFormatError, match="'record_id' is missing"):
        read_hub(str(hub_set))


def test_a_missing_configuration_is_named(hub_set):
    (hub_set / "README.md").write_text(CARD.replace("config_name: qs_rel", "config_name: other"))
    with pytest.raises(FileFormatError, match="qs_rel"):
        read_hub(str(hub_set))


def test_unknown_records_are_named(hub_set):
    (hub_set / "rel_dev.jsonl").write_text('{"q_id": "dev-0", "record_id": 99, "rel": 1}\n')
    with pytest.raises(UnknownIdError, match="'99'"):
        read_hub(str(hub_set))


def test_no_network_is_a_sentence():
    with pytest.raises(FileFormatError, match="hf:nobody/nothing_ft cannot be read"):
        read_hub("nobody/nothing_ft")
