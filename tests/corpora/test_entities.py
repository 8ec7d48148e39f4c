import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontogeny.corpora.corpus import find_iob2_break
from ontogeny.corpora.entities import innermost_tags, overt_spans, spans_from_brackets

GUM = ["GRP", "etype", "infstat", "salience", "centering", "minspan", "link", "identity"]

lengths_and_spans = st.integers(1, 12).flatmap(
    lambda length: st.tuples(
        st.just(length),
        st.lists(
            st.tuples(
                st.integers(0, length - 1),
                st.integers(0, length - 1),
                st.sampled_from(["person", "place", "event"]),
            ).map(lambda span: (min(span[:2]), max(span[:2]), span[2])),
            max_size=8,
        ),
    )
)


def test_spans_nest_close_by_id_and_may_be_single_words():
    values = [
        "(4-abstract-new-sssss-cf2-3-coref(5-object-new-sssss-cf3-1-coref)",
        None,
        "4)(6-person-giv:act-n-cf1*-1,2-coref-Some-one(7-place-new-n-n-1-sgl)",
        "6)",
    ]
    spans = spans_from_brackets(values, GUM)
    assert spans == [
        (0, 0, "object"),
        (0, 2, "abstract"),
        (2, 2, "place"),
        (2, 3, "person"),
    ]


def test_spans_may_cross_since_a_bracket_closes_its_own_id():
    values = ["(1-person", "(2-place", "1)", "2)"]
    assert spans_from_brackets(values, GUM) == [(0, 2, "person"), (1, 3, "place")]


def test_of_two_open_spans_of_one_id_the_later_is_closed_first():
    values = ["(1-person", "(1-person", "1)", "1)"]
    assert spans_from_brackets(values, GUM) == [(0, 3, "person"), (1, 2, "person")]


def test_parts_of_a_discontinuous_mention_are_spans_of_their_own():
    values = ["(3[1/2]-event", "3[1/2])", None, "(3[2/2]-event)"]
    assert spans_from_brackets(values, GUM) == [(0, 1, "event"), (3, 3, "event")]


@pytest.mark.parametrize(
    ("values", "position"),
    [
        (["(1-person"], 0),
        ([None, "1)"], 1),
        (["(1-person)", "1)"], 1),
        (["(-person)"], 0),
        (["(-person-new"], 0),
        (["x"], 0),
        (["(1-person))"], 0),
    ],
)
def test_brackets_that_do_not_match_are_reported_at_their_word(values, position):
    with pytest.raises(ValueError, match=r"Entity=|entity") as caught:
        spans_from_brackets(values, GUM)
    assert caught.value.args[0] == position


@pytest.mark.parametrize("opening", ["(1--new", "(1--new-", "(1--", "(1-", "(1"])
def test_a_mention_whose_type_is_blank_is_of_a_type_of_its_own(opening):
    values = ["(2-person", opening, "1)", f"{opening})", "2)"]
    assert spans_from_brackets(values, GUM) == [
        (0, 4, "person"),
        (1, 2, "untyped"),
        (3, 3, "untyped"),
    ]
    tags = innermost_tags(5, spans_from_brackets(values, GUM))
    assert tags == ["B-person", "B-untyped", "I-untyped", "B-untyped", "B-person"]


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        ((0, 0), None),  # an empty node alone
        ((1, 1), (0, 0)),
        ((0, 1), (0, 0)),  # begins at the next word
        ((1, 2), (0, 0)),  # ends at the last word before
        ((2, 3), None),
        ((2, 4), (1, 1)),
        ((0, 5), (0, 1)),
        ((4, 5), (1, 1)),
        ((5, 5), None),
    ],
)
def test_a_span_of_nodes_is_that_of_its_words(span, expected):
    overt = [False, True, False, False, True, False]
    spans = [] if expected is None else [(*expected, "person")]
    assert overt_spans([(*span, "person")], overt) == spans


@given(lengths_and_spans, st.integers(0, 2**32))
def test_spans_of_words_hold_the_words_that_spans_of_nodes_hold(case, seed):
    length, spans = case
    generator = random.Random(seed)
    overt = [generator.random() < 0.6 for _ in range(length)]
    number = [sum(overt[:node]) for node in range(length)]
    expected = []
    for first, last, kind in spans:
        held = [number[node] for node in range(first, last + 1) if overt[node]]
        if held:
            expected.append((held[0], held[-1], kind))
    assert sorted(overt_spans(spans, overt)) == sorted(expected)
    if all(overt):
        assert overt_spans(sorted(spans), overt) == sorted(spans)


def test_of_spans_of_the_same_words_the_one_of_more_nodes_is_around_the_other():
    overt = [True, False]
    for spans in ([(0, 0, "place"), (0, 1, "person")], [(0, 1, "person"), (0, 0, "place")]):
        assert innermost_tags(1, overt_spans(spans, overt)) == ["B-place"]


@given(lengths_and_spans, st.integers(0, 2**32))
def test_any_set_of_spans_survives_being_written_in_brackets(case, seed):
    length, spans = case
    generator = random.Random(seed)
    closings: list[list[str]] = [[] for _ in range(length)]
    openings: list[list[str]] = [[] for _ in range(length)]
    for identifier, (start, end, kind) in enumerate(spans):
        opening = f"({identifier}-{kind}-new"
        if start == end:
            generator.choice([closings, openings])[start].append(opening + ")")
        else:
            openings[start].append(opening)
            closings[end].append(f"{identifier})")
    # A closing bracket right after an opening one would close that one: it has to come before.
    values = []
    for first, second in zip(closings, openings, strict=True):
        generator.shuffle(first)
        generator.shuffle(second)
        values.append("".join(first + second))
    found = spans_from_brackets([value or None for value in values], GUM)
    assert found == sorted(spans)


@given(lengths_and_spans)
def test_each_word_has_the_type_of_the_smallest_span_around_it(case):
    length, spans = case
    tags = innermost_tags(length, spans)
    assert find_iob2_break(tags) == 0
    owners = []
    for word in range(length):
        around = [
            (end - start, -start, -index)
            for index, (start, end, _) in enumerate(spans)
            if start <= word <= end
        ]
        owners.append(-min(around)[2] if around else None)
    for word, owner in enumerate(owners):
        if owner is None:
            assert tags[word] == "O"
        else:
            goes_on = word > 0 and owners[word - 1] == owner
            assert tags[word] == ("I-" if goes_on else "B-") + spans[owner][2]


def test_an_outer_span_begins_again_after_an_inner_one():
    spans = [(0, 4, "person"), (2, 2, "place")]
    assert innermost_tags(5, spans) == ["B-person", "I-person", "B-place", "B-person", "I-person"]
