import random
import re
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontogeny.corpora.constituents import (
    Tree,
    align,
    assemble,
    phrase_counts,
    plain_word,
    preterminals,
    root,
)
from ontogeny.corpora.penn import read_trees
from ontogeny.errors import CorpusError

WORDS = ["the", "cat", "-LRB-", "``", "1\\/2", "n't", "$", "é"]


def random_tree(generator: random.Random, depth: int = 4) -> str:
    """Return a bracketed tree without wrapper, its root a constituent."""

    def node(depth: int) -> str:
        if depth == 0 or generator.random() < 0.3:
            return f"({generator.choice(['NN', 'VB', ',', '-LRB-'])} {generator.choice(WORDS)})"
        label = generator.choice(["NP", "VP-2", "S=1", "NP-SBJ"])
        return f"({label} {' '.join(node(depth - 1) for _ in range(generator.randint(1, 3)))})"

    return f"(S {' '.join(node(depth) for _ in range(generator.randint(1, 3)))})"


def brackets_around_words(text: str) -> tuple[list[int], list[int]]:
    """Count brackets before and after each word of a tree without wrapper and empty elements."""
    starts, ends = [], []
    opened = 0
    for symbol in text.replace("(", " ( ").replace(")", " ) ").split():
        if symbol == "(":
            opened += 1
            label = True
        elif symbol == ")":
            ends[-1] += 1
        elif label:
            label = False
        else:
            starts.append(opened - 1)  # without the word's own bracket
            ends.append(-1)
            opened = 0
    starts[0] -= 1  # without the root
    ends[-1] -= 1
    return starts, ends


def read(tmp_path_factory, text: str) -> list[Tree]:
    path = tmp_path_factory.mktemp("trees") / "a.ptb"
    path.write_text(text, encoding="utf-8")
    trees, faults = read_trees(path)
    assert faults == []
    return trees


@given(st.integers(0, 2**32), st.sampled_from(["{}", "( {} )", "(ROOT {})", "( (TOP {}) )"]))
def test_counts_are_the_brackets_around_each_word_whatever_wraps_the_tree(
    tmp_path_factory, seed, wrapper
):
    generator = random.Random(seed)
    texts = [random_tree(generator) for _ in range(3)]
    # Broken into lines at random places.
    broken = "\n".join(wrapper.format(text) for text in texts).replace(" ", "\n" * (seed % 2) + " ")
    trees = read(tmp_path_factory, broken)
    assert [phrase_counts(tree) for tree in trees] == [brackets_around_words(t) for t in texts]


def only(tmp_path_factory, text: str) -> Tree:
    (tree,) = read(tmp_path_factory, text)
    return tree


def test_the_root_and_the_preterminals_do_not_count(tmp_path_factory):
    tree = only(tmp_path_factory, "( (S (NP-SBJ (DT the) (NN cat)) (VP (VBZ sleeps)) (. .)))")
    assert phrase_counts(tree) == ([1, 0, 1, 0], [0, 1, 1, 0])


def test_each_node_of_a_unary_chain_counts(tmp_path_factory):
    tree = only(tmp_path_factory, "(ROOT (S (VP (VP (VB go)))))")
    assert phrase_counts(tree) == ([2], [2])


def test_a_wrapper_of_several_constituents_is_the_root(tmp_path_factory):
    tree = only(tmp_path_factory, "(ROOT (NP (NN cat)) (. .))")
    assert root(tree).label == "ROOT"
    assert phrase_counts(tree) == ([1, 0], [1, 0])


def test_a_sentence_of_a_single_preterminal_has_no_constituents(tmp_path_factory):
    assert phrase_counts(only(tmp_path_factory, "(ROOT (VB See))")) == ([0], [0])


def test_empty_elements_go_with_the_constituents_that_hold_nothing_else(tmp_path_factory):
    tree = only(
        tmp_path_factory,
        "( (S (NP-SBJ-1 (-NONE- *)) (VP (TO to) (VP (VB go) (SBAR (-NONE- 0) (S (-NONE- *T*-1)))"
        ")) (. .)) )",
    )
    assert [leaf.word for leaf in preterminals(tree)] == ["to", "go", "."]
    assert phrase_counts(tree) == ([1, 1, 0], [0, 2, 0])


def test_a_tree_of_empty_elements_alone_is_left_out(tmp_path_factory):
    trees = read(tmp_path_factory, "( (S (NP (-NONE- *))) ) (X (NN cat))")
    assert [tree.label for tree in trees] == ["X"]


def test_labels_lose_function_tags_and_indices_but_tags_of_punctuation_stay(tmp_path_factory):
    text = "(S-TPC-1 (NP=2 (-LRB- -LRB-) (PRP$ my)) (ADVP|PRT (: --)))"
    tree = only(tmp_path_factory, text)
    assert [tree.label, *(child.label for child in tree.children)] == ["S", "NP", "ADVP"]
    assert [leaf.label for leaf in preterminals(tree)] == ["-LRB-", "PRP$", ":"]


def test_trees_deeper_than_the_stack_are_read(tmp_path_factory):
    depth = 5000
    tree = only(tmp_path_factory, "(X " * depth + "(NN cat)" + ")" * depth)
    assert phrase_counts(tree) == ([depth - 1], [depth - 1])


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("(S (NN cat))\n(S (NN dog)\n", 2, "the tree that begins here isn't closed"),
        ("(S (NN cat))\n)", 2, "a closing bracket too many"),
        ("cat", 1, "the word 'cat' stands alone"),
        ("(S (NN cat))\ndog (S (NN cat))", 2, "the word 'dog' stands alone"),
        ("(S (NN cat)) (", 1, "the tree that begins here isn't closed"),
        ("(S (NN cat))\n(S (NN big\ncat) (NN dog", 3, "the word 'cat' stands alone"),
    ],
)
def test_brackets_that_do_not_match_are_refused_with_their_line(tmp_path, text, line, message):
    path = tmp_path / "a.ptb"
    path.write_text(text)
    with pytest.raises(CorpusError, match=message) as caught:
        read_trees(path)
    assert str(caught.value).startswith(f"{path}, line {line}:")


AT_FAULT = {
    "(())": (1, "brackets around nothing; expected a tree"),
    "( )": (1, "brackets around nothing; expected a tree"),
    "\n(ROOT\n( ))": (2, "brackets around nothing; expected a tree"),
    "(S (NN cat)\ndog)": (2, "the word 'dog' stands alone; expected it in brackets of its own"),
    "(NN New\nYork)": (2, "the word 'York' stands alone"),
    "(S (NP (NNP New York)) (VP (VB be)))": (1, "the word 'York' stands alone"),
    "(S\n(NP))": (2, "the brackets of NP hold nothing; expected a word or constituents"),
    "(S (cat))": (1, "the brackets of cat hold nothing"),
    "(S ())": (1, "the brackets of no label hold nothing"),
    "(S (NP (NN cat))\n(\n(VP (VB be))))": (2, "brackets without a label inside S"),
    "(NN cat\n(NN dog))": (2, "a constituent beside the word 'cat'"),
}


@pytest.mark.parametrize("text", AT_FAULT)
def test_a_tree_at_fault_is_told_by_line_and_cause_and_costs_no_other(tmp_path, text):
    path = tmp_path / "a.ptb"
    path.write_text(f"(S (NN fox))\n{text}\n( (S (NP (NN bear))) )")
    trees, (fault,) = read_trees(path)
    assert [leaf.word for tree in trees for leaf in preterminals(tree)] == ["fox", "bear"]
    assert phrase_counts(trees[1]) == ([1], [1])
    line, message = AT_FAULT[text]
    assert fault.line == line + 1
    assert fault.message.startswith(message)
    assert fault.empty == ("around nothing" in message)
    with pytest.raises(CorpusError, match=rf"^x, line {line}: {re.escape(message)}.*\.$"):
        list(assemble(_events_of(text), "x"))


def _events_of(text):
    """Yield the brackets and words of a text, its labels as they follow an opening bracket."""
    labels = re.compile(r"\((?P<label>[^\s()]*)|(?P<close>\))|(?P<word>[^\s()]+)")
    for match in labels.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        kind = "close" if match["close"] else "word" if match["word"] else "open"
        yield kind, match["label"] or match["word"] or "", line


def test_brackets_without_a_label_may_wrap_a_tree_however_often(tmp_path_factory):
    tree = only(tmp_path_factory, "(ROOT ( ( (S (NP (NN cat)) (VP (VB be))))))")
    assert phrase_counts(tree) == ([1, 1], [1, 1])
    assert phrase_counts(only(tmp_path_factory, "( ( (NP (NN cat)) (VP (VB be))) )"))[0] == [1, 1]


@given(
    st.lists(
        st.text(st.characters(exclude_characters=" \t\n\r\f\v()", codec="utf-8"), min_size=1),
        min_size=1,
    )
)
def test_any_words_without_white_space_of_ascii_are_read_as_they_stand(tmp_path_factory, words):
    text = f"(S {' '.join(f'(NN {word})' for word in words)})"
    assert [leaf.word for leaf in preterminals(only(tmp_path_factory, text))] == words


def test_a_file_without_trees_is_refused(tmp_path):
    path = tmp_path / "a.ptb"
    path.write_text("\n\n")
    with pytest.raises(CorpusError, match=r"a\.ptb: no trees"):
        read_trees(path)


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("-LRB-", "("),
        ("-RCB-", "}"),
        ("friend-LRB-s-RRB-", "friend(s)"),
        ("d-LRB-e-RRB--VOR", "d(e)-VOR"),
        ("``", '"'),
        ("''", '"'),
        ("1\\/2", "1/2"),
        ("\\*", "*"),
        ("/.", "."),
        ("/", "/"),
        ("--", "--"),
        ("cat", "cat"),
    ],
)
def test_escapes_become_the_characters_of_the_text(written, plain):
    assert plain_word(written) == plain


def flat(words) -> Tree:
    return Tree("S", [Tree("NN", word=word) for word in words])


def longest_common_subsequence(first, second) -> int:
    table = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i, a in enumerate(first):
        for j, b in enumerate(second):
            table[i + 1][j + 1] = max(table[i][j + 1], table[i + 1][j], table[i][j] + (a == b))
    return table[-1][-1]


@given(
    st.lists(st.sampled_from(["a", "b", "c"]), max_size=10),
    st.lists(st.sampled_from(["a", "b", "c"]), max_size=10),
)
def test_as_many_sentences_as_possible_get_a_tree_in_order(sentences, trees):
    counts = align([[word] for word in sentences], [flat([word]) for word in trees])
    matched = [word for word, count in zip(sentences, counts, strict=True) if count is not None]
    assert len(matched) == longest_common_subsequence(sentences, trees)
    rest = iter(trees)
    assert all(word in rest for word in matched)  # a subsequence of the trees


@given(st.integers(2, 8), st.integers(0, 2**32))
def test_missing_and_foreign_trees_cost_only_their_own_sentences(number, seed):
    generator = random.Random(seed)
    sentences = [
        [generator.choice("ab") for _ in range(generator.randint(1, 4))] + [str(i)]
        for i in range(number)
    ]
    for lost in (pair for size in (0, 1, 2) for pair in combinations(range(number), size)):
        trees = []
        for i, words in enumerate(sentences):
            if i not in lost:
                # Each tree tells by its counts whose it is.
                trees.append(
                    Tree("S", [Tree("NP", flat(words).children)] if i % 2 else flat(words).children)
                )
            elif generator.random() < 0.5:
                trees.append(flat(["other"]))
        counts = align(sentences, trees)
        assert {i for i, count in enumerate(counts) if count is None} == set(lost)
        for i, count in enumerate(counts):
            if count is not None:
                assert (sum(count[0]), len(count[0])) == (i % 2, len(sentences[i]))


def test_words_match_across_escapes_and_shapes_of_quotation_marks():
    tree = flat(["``", "-LRB-", "1\\/2", "it", "'s", "10000", "''"])
    sentence = ["“", "(", "1/2", "it", "’s", "10 000", '"']
    assert align([sentence], [tree])[0] is not None
    assert align([sentence[:-1]], [tree])[0] is None
