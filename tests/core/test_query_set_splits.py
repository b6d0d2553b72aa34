"""Taking question sets apart and joining them: disjoint, complete, and the same for the same seed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nudge_core import QuerySet
from nudge_core.errors import InputError


def make(count, prefix="q", texts=True):
    embeddings = np.arange(1, count + 1, dtype=np.float32)[:, None] * np.ones((1, 3), dtype=np.float32)
    names = [f"{prefix}{i}" for i in range(count)]
    return QuerySet(
        embeddings, [[i, i + 1] for i in range(count)], ids=names, texts=[n.upper() for n in names] if texts else None
    )


def content(queries):
    """Everything a question carries, by name."""
    return {
        name: (queries.embeddings[i].tolist(), queries.relevance[i], queries.texts[i])
        for i, name in enumerate(queries.ids.tolist())
    }


@given(st.integers(2, 40), st.floats(0.01, 0.99), st.integers(0, 5))
def test_a_split_is_disjoint_and_complete(count, fraction, seed):
    whole = make(count)
    first, second = whole.split(fraction, seed=seed)
    assert content(first) | content(second) == content(whole)
    assert len(first) + len(second) == count
    assert len(first) == min(max(round(fraction * count), 1), count - 1)


@given(st.integers(2, 40), st.integers(0, 5))
def test_a_split_is_the_same_for_the_same_seed_and_keeps_the_order(count, seed):
    first, again = make(count).split(0.5, seed=seed)[0].ids, make(count).split(0.5, seed=seed)[0].ids
    assert first.tolist() == again.tolist()
    assert [int(name[1:]) for name in first] == sorted(int(name[1:]) for name in first)


def test_another_seed_gives_another_split():
    assert make(40).split(0.5, seed=0)[0].ids.tolist() != make(40).split(0.5, seed=1)[0].ids.tolist()


@given(st.integers(2, 30), st.data())
def test_every_question_is_in_exactly_one_fold(count, data):
    folds = data.draw(st.integers(2, count))
    parts = list(make(count).folds(folds, seed=3))
    assert sorted(name for _, fold in parts for name in fold.ids) == sorted(make(count).ids)
    for rest, fold in parts:
        assert content(rest) | content(fold) == content(make(count))
        assert len(rest) + len(fold) == count
    sizes = [len(fold) for _, fold in parts]
    assert max(sizes) - min(sizes) <= 1


def test_folds_are_the_same_for_the_same_seed():
    first, again = ([fold.ids.tolist() for _, fold in make(20).folds(4, seed=1)] for _ in range(2))
    assert first == again


@given(st.lists(st.integers(0, 6), max_size=7, unique=True))
def test_take_keeps_what_belongs_to_each_question(rows):
    taken = make(7).take(rows)
    assert taken.ids.tolist() == [f"q{row}" for row in rows]
    assert content(taken).items() <= content(make(7)).items()


@pytest.mark.parametrize("rows", [[7], [-1], [True, False], [0.5], ["q1"]])
def test_take_of_what_is_no_row_number_is_refused(rows):
    with pytest.raises(InputError, match=r"expected row numbers from 0 to 6.*flatnonzero"):
        make(7).take(rows)


def test_taking_all_of_a_set_without_ids_numbers_anew():
    assert QuerySet(np.ones((3, 2)), [[0], [1], [2]]).take([2, 0]).ids.tolist() == [0, 1]


def test_concat_joins_everything():
    joined = make(3, "a") + make(2, "b")
    assert content(joined) == content(make(3, "a")) | content(make(2, "b"))
    assert joined.ids.tolist() == ["a0", "a1", "a2", "b0", "b1"]


def test_concat_of_sets_without_ids_numbers_anew_and_without_texts_has_none():
    joined = QuerySet.concat([QuerySet(np.ones((2, 3)), [[0], [1]]), make(2)])
    assert joined.ids.tolist() == [0, 1, 2, 3]
    assert joined.texts is None


def test_split_then_add_is_the_whole():
    first, second = make(9).split(0.3)
    assert content(first + second) == content(make(9))


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, float("nan")])
def test_a_fraction_outside_is_refused(fraction):
    with pytest.raises(InputError, match=r"fraction is .*between 0 and 1"):
        make(5).split(fraction)


def test_one_question_cannot_be_split():
    with pytest.raises(InputError, match=r"1 question cannot be split.*label more"):
        make(1).split()


@given(
    st.lists(st.sampled_from(["Why?", "why?", "WHY ?", "How?", "how?", "Who?", "A?", "B?"]), min_size=4, max_size=20)
)
def test_spellings_of_one_question_are_never_on_both_sides(texts):
    whole = QuerySet(np.ones((len(texts), 3)), [[0]] * len(texts), texts=texts)
    different = len({text.lower() for text in texts})
    if different < 2:
        with pytest.raises(InputError, match="1 question cannot be split"):
            whole.split()
        return
    for parts in ([whole.split(0.5)], whole.folds(min(3, different))):
        for one, other in parts:
            assert len(one) + len(other) == len(texts)
            assert one.texts
            assert other.texts
            assert not {text.lower() for text in one.texts} & {text.lower() for text in other.texts}


@pytest.mark.parametrize("count", [1, 0, 6])
def test_a_number_of_folds_outside_is_refused(count):
    with pytest.raises(InputError, match=rf"count is {count}; with 5 different questions it must lie between 2 and 5"):
        make(5).folds(count)


def test_concat_of_nothing_of_other_dimensions_and_of_repeated_ids_is_refused():
    with pytest.raises(InputError, match="at least one"):
        QuerySet.concat([])
    with pytest.raises(InputError, match=r"\[3, 4\].*one model"):
        QuerySet.concat([make(2), QuerySet(np.ones((1, 4)), [[0]])])
    with pytest.raises(InputError, match=r"'q0', 'q1'.*id of its own"):
        make(2) + make(3)


def test_concat_of_integer_and_string_documents_is_refused():
    with pytest.raises(InputError, match=r"integers and others by strings"):
        QuerySet.concat([make(2), QuerySet(np.ones((1, 3)), [["d"]], ids=["x"])])
