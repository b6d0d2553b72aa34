"""Reading: every kind of corpus gives the same vectors in the same order."""

import numpy as np
import pytest
import torch


def test_length_and_dimension(case):
    assert (len(case.corpus), case.corpus.dim) == case.X.shape


@pytest.mark.parametrize("rows", [[], [52], [9, 3, 9, 0, 9], list(range(53))[::-1]])
def test_rows_come_in_the_order_asked_repeats_included(case, rows):
    found = case.corpus.rows(np.asarray(rows, dtype=np.int64))
    assert found.dtype == torch.float32
    assert found.tolist() == case.X[np.asarray(rows, dtype=np.int64)].tolist()


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_blocks_hold_all_rows_in_order(case, size):
    blocks = list(case.corpus.blocks(size))
    assert max(map(len, blocks)) <= size
    assert torch.cat([block.to(torch.float32) for block in blocks]).tolist() == case.X.tolist()


def test_blocks_are_of_the_type_stored(case):
    assert {block.dtype for block in case.corpus.blocks(10)} == {case.kind.dtype}


def test_blocks_can_be_walked_twice(case):
    first, second = (torch.cat([block.float() for block in case.corpus.blocks(8)]) for _ in range(2))
    assert torch.equal(first, second)


def test_the_representation_says_how_many_documents(case):
    assert f"docs={len(case.X)}, dim={case.X.shape[1]}" in repr(case.corpus)
