"""The surface: few names, frozen here; and an import that pulls in torch and numpy, and no framework."""

import logging
import pickle
import subprocess
import sys

import pytest

import nudge_core
from nudge_core import errors

NAMES = [
    "Auto",
    "Contrastive",
    "Evaluation",
    "LinearMap",
    "Nudge",
    "NudgeError",
    "NudgeM",
    "NudgeN",
    "QuerySet",
    "evaluate",
    "finetune",
    "open_corpus",
]
HEAVY = (
    "chromadb datasets faiss google langchain langchain_core llama_index lancedb matplotlib pandas psycopg pyarrow pymilvus qdrant_client ray "
    "rich scipy sentence_transformers sklearn transformers typer weaviate nudge nudge_integrations"
)


def test_the_names_at_the_root_are_frozen():
    assert sorted(nudge_core.__all__) == NAMES
    assert len(nudge_core.__all__) <= 12
    assert all(hasattr(nudge_core, name) for name in nudge_core.__all__)


def test_importing_pulls_in_no_framework_and_says_nothing():
    """In a process of its own, with every warning an error; fine-tuning and evaluating need none of them either."""
    program = f"""
import sys
import numpy as np
from nudge_core import *
from nudge_core.compat import NUDGEM, NUDGEN
X = np.eye(4, dtype="f4")
queries = QuerySet(X, [[1], [1], [2], [3]])
evaluate(X, queries, tuned=finetune(X, queries, queries, method=NudgeN()))
print([name for name in {HEAVY.split()} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_no_handler_and_no_level_is_installed():
    logger = logging.getLogger("nudge_core")
    assert logger.handlers == []
    assert logger.level == logging.NOTSET


def test_every_error_is_a_nudge_error_and_a_standard_one():
    tree = [errors.InputError, errors.UnknownIdError, errors.FileFormatError, errors.MissingExtraError]
    assert all(issubclass(error, nudge_core.NudgeError) for error in tree)
    assert issubclass(errors.InputError, ValueError)
    assert issubclass(errors.UnknownIdError, KeyError)
    assert issubclass(errors.MissingExtraError, ImportError)


def test_a_message_is_printed_as_written():
    assert str(errors.UnknownIdError("no document 'x'")) == "no document 'x'"


def test_a_missing_extra_prints_its_pip_command():
    error = errors.MissingExtraError("pyarrow", "files", "a Parquet corpus")
    assert "a Parquet corpus needs the package 'pyarrow'" in str(error)
    assert "pip install 'nudge-integrations[files]'" in str(error)


@pytest.mark.parametrize("module", ["pyarrow", "scipy.stats"])
def test_a_missing_package_is_a_missing_extra(monkeypatch, tmp_path, module):
    monkeypatch.setitem(sys.modules, module, None)
    (tmp_path / "X.parquet").touch()
    X = nudge_core.open_corpus([[1.0, 0.0], [0.0, 1.0]])
    one, other = (
        nudge_core.evaluate(X, nudge_core.QuerySet([[1.0, 0], [0, 1.0]], rows)) for rows in ([[0], [1]], [[0], [0]])
    )
    with pytest.raises(errors.MissingExtraError, match=r"pip install 'nudge-integrations\[(files|evaluation)\]'"):
        nudge_core.open_corpus(tmp_path / "X.parquet") if module == "pyarrow" else one.compare(other)


def test_first_few_names_ten_and_counts_the_rest():
    assert errors.first_few(range(3)) == "0, 1, 2"
    assert errors.first_few(range(13)) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 … and 3 more"


def test_methods_are_values():
    assert nudge_core.NudgeN(gammas=[0.1, 0.2]) == nudge_core.NudgeN(gammas=(0.1, 0.2))
    assert pickle.loads(pickle.dumps(nudge_core.NudgeM())) == nudge_core.NudgeM()
    with pytest.raises(AttributeError):
        nudge_core.NudgeN().gammas = 0.1
