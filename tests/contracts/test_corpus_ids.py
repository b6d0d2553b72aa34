"""Ids: every kind of corpus finds the same rows, and names what it does not hold."""

import numpy as np
import pytest

from nudge_core.errors import UnknownIdError


def as_labels(names):
    return np.asarray(names, dtype=object if isinstance(names[0], str) else np.int64)


def test_ids(case):
    if case.ids is None:
        assert case.corpus.ids is None
    else:
        assert case.corpus.ids.tolist() == case.ids
        assert case.corpus.ids.dtype == (object if isinstance(case.ids[0], str) else np.int64)


def test_names_of_rows(case):
    assert case.corpus.names(np.asarray([4, 0, 4])).tolist() == case.names([4, 0, 4])


def test_find_is_the_inverse_of_names(case):
    rows = [52, 0, 17, 17, 3]
    assert case.corpus.find(as_labels(case.names(rows))).tolist() == rows


def test_find_nothing(case):
    assert case.corpus.find(np.zeros(0, dtype=np.int64)).tolist() == []


def test_what_is_not_there_is_named(case):
    missing = "nobody" if case.ids and isinstance(case.ids[0], str) else 5000
    with pytest.raises(UnknownIdError, match=f"{missing}.*53|53.*{missing}"):
        case.corpus.find(as_labels([*case.names([0]), missing]))


def test_negative_numbers_are_no_rows(case):
    with pytest.raises(UnknownIdError, match="-1"):
        case.corpus.find(np.asarray([-1]))


def test_a_string_that_is_no_id_says_what_to_do(case):
    with pytest.raises(UnknownIdError, match=r"ids=…|look like"):
        case.corpus.find(as_labels(["dok-1"]))


def test_integers_are_ids_where_ids_are_integers_and_rows_elsewhere(case):
    integers = case.ids is not None and not isinstance(case.ids[0], str)
    assert case.corpus.find(np.asarray(case.names([5, 0]) if integers else [5, 0])).tolist() == [5, 0]
