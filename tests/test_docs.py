"""The pages are true: the adapter of one passes the test kit that it describes, the examples of the other print what it says."""

import re
from pathlib import Path

import numpy as np
import pytest

from nudge_core import QuerySet
from nudge_integrations.testing import StoreContract

PAGES = Path(__file__).resolve().parent.parent / "docs"
PAGE = (PAGES / "adapters.md").read_text(encoding="utf-8")
names: dict = {}
for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
    exec(compile(block, "docs/adapters.md", "exec"), names)
TestShelf = names["TestShelf"]


def test_the_page_names_every_method_and_attribute_of_the_contract():
    from nudge_integrations.stores import StoreAdapter

    named = set(re.findall(r"`(\w+)", PAGE))
    assert StoreAdapter.__abstractmethods__ <= named
    assert {"kind", "metric", "dim", "dtype", "fingerprint", "batch", "approximate"} <= named


def test_the_kit_finds_an_adapter_that_adds_unknown_ids(tmp_path):
    class Careless(names["ShelfAdapter"]):
        def replace(self, ids, vectors):
            self.shelf.rows = self.shelf.rows | {name: (vector, "") for name, vector in zip(ids, vectors, strict=True)}

    class Kit(TestShelf):
        def adapt(self, store):
            return Careless(store)

    import numpy as np

    from nudge_integrations.testing import DOCS, Filled, unit

    kit = Kit()
    filled = Filled(kit, tmp_path / "one", "cosine", kit.ids(DOCS), unit(np.random.default_rng(0), DOCS))
    with pytest.raises(AssertionError):
        StoreContract.test_unknown_ids_are_never_added(kit, filled)


def test_the_page_on_labels_prints_what_it_says_and_names_every_form_with_its_options():
    import doctest
    import inspect

    from nudge_integrations.labels.forms import FORMS

    page = PAGES / "labels.md"
    outcome = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert outcome.attempted > 8
    assert outcome.failed == 0
    rows = {row.split("`")[1]: row for row in page.read_text(encoding="utf-8").splitlines() if row.startswith("| `")}
    assert rows.keys() == FORMS.keys()
    for name, module in FORMS.items():
        assert all(
            f"`{option}" in rows[name] or f" {option}" in rows[name]
            for option in list(inspect.signature(module.read).parameters)[1:]
        ), name


def test_the_store_of_the_page_is_wrapped_and_restored(tmp_path):
    from langchain_core.embeddings import DeterministicFakeEmbedding

    from nudge_integrations.langchain import NudgeVectorStore

    store = names["Shelf"].from_texts([f"text {i}" for i in range(20)], DeterministicFakeEmbedding(size=8))
    before = {name: vector.tobytes() for name, (vector, _) in store.rows.items()}
    wrapped = NudgeVectorStore(store, journal=tmp_path / "journal.sqlite")
    rng = np.random.default_rng(0)
    questions = QuerySet(
        np.stack([store.rows[f"text {i}"][0] for i in range(12)]) + rng.normal(size=(12, 8)),
        [[f"text {i}"] for i in range(12)],
    )
    assert wrapped.nudge(questions, questions, progress=False).applied
    assert {name: vector.tobytes() for name, (vector, _) in store.rows.items()} != before
    wrapped.restore(progress=False)
    assert {name: vector.tobytes() for name, (vector, _) in store.rows.items()} == before


def test_the_page_on_reports_prints_what_it_says(tmp_path, monkeypatch):
    import doctest

    pytest.importorskip("scipy")
    pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    outcome = doctest.testfile(str(PAGES / "report.md"), module_relative=False, encoding="utf-8")
    assert outcome.attempted > 10
    assert outcome.failed == 0
    assert (tmp_path / "report.html").stat().st_size > 10_000
