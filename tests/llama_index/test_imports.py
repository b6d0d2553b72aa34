"""What is imported, and what is not: nothing of LlamaIndex by the stores and labels, nothing of its abandoned packages at all."""

import subprocess
import sys
from pathlib import Path

import pytest

import nudge_integrations
import nudge_integrations.llama_index as package


def run(program):
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)


def test_stores_and_labels_do_without():
    names = "nudge_integrations.stores, nudge_integrations.labels, nudge_integrations.stores.simple"
    program = f"import sys, {names}; print([m for m in sys.modules if 'llama' in m])"
    assert run(program).stdout.strip() == "[]"


def test_no_client_comes_with_the_package():
    clients = ("chromadb", "qdrant_client", "lancedb", "faiss", "pymilvus", "psycopg", "langchain_core")
    program = f"import sys, nudge_integrations.llama_index; print([m for m in {clients} if m in sys.modules])"
    assert run(program).stdout.strip() == "[]"


def test_the_abandoned_packages_are_not_imported():
    for path in Path(nudge_integrations.__file__).parent.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "llama_index.finetuning" not in text
        assert "llama_index.experimental" not in text


def test_without_llama_index_the_command_is_told():
    done = run("import sys; sys.modules['llama_index'] = None; import nudge_integrations.llama_index")
    assert "MissingExtraError" in done.stderr
    assert "pip install 'nudge-integrations[llama-index]'" in done.stderr


@pytest.mark.parametrize("name", package.__all__)
def test_what_the_package_names_is_there(name):
    assert callable(getattr(package, name))
    assert getattr(package, name).__doc__
