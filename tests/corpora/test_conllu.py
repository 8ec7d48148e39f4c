import logging
import random

import conllu
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ontogeny.corpora.conllu import read_conllu
from ontogeny.corpora.corpus import write_split
from ontogeny.errors import CorpusError

FORMS = ["cat", "to", "the", "10 000", "…", "a b", "é", "=", "#", "-", "(", "_", "word"]


def line(number, form="cat", upos="NOUN", xpos="NN", head=0, deprel="root", misc="_"):
    return f"{number}\t{form}\t_\t{upos}\t{xpos}\t_\t{head}\t{deprel}\t_\t{misc}"


def write(tmp_path, *lines, name="a.conllu", end="\n\n"):
    path = tmp_path / name
    path.write_text("\n".join(lines) + end, encoding="utf-8", newline="")
    return path


def random_sentence(generator: random.Random, length: int):
    """Return lines of a sentence with ranges and empty nodes strewn in, and what they mean."""
    order = list(range(1, length + 1))
    generator.shuffle(order)
    heads = {word: generator.choice(order[:i]) if i else 0 for i, word in enumerate(order)}
    words = [generator.choice(FORMS) for _ in range(length)]
    tags = [generator.choice(["NOUN", "VERB", "X"]) for _ in range(length)]
    fine = [generator.choice(["NN", "VB", "_"]) for _ in range(length)]
    lines, free = [], 1
    for word in range(1, length + 1):
        if word >= free and generator.random() < 0.2:
            last = generator.randint(word, length)
            lines.append(line(f"{word}-{last}", "xy", "_", "_", "_", "_"))
            free = last + 1
        lines.append(
            line(word, words[word - 1], tags[word - 1], fine[word - 1], heads[word], "dep")
        )
        for node in range(1, generator.choice([1, 1, 1, 3])):
            lines.append(line(f"{word}.{node}", "gap", "X", "_", "_", "_"))
    return lines, words, tags, fine, [heads[word] for word in range(1, length + 1)]


@given(st.integers(0, 2**32), st.lists(st.integers(1, 12), min_size=1, max_size=5))
def test_words_are_the_syntactic_words_whatever_stands_between(tmp_path_factory, seed, lengths):
    generator = random.Random(seed)
    sentences = [random_sentence(generator, length) for length in lengths]
    if all(word == "_" for sentence in sentences for word in sentence[1]):
        sentences[0][1][0] = "cat"
        sentences[0] = (
            [part.replace("_", "cat", 1) for part in sentences[0][0]],
            *sentences[0][1:],
        )
    text = "\n\n".join("\n".join(sentence[0]) for sentence in sentences)
    path = write(tmp_path_factory.mktemp("c"), text)
    rows = read_conllu([path])
    for row, (_, words, tags, fine, heads) in zip(rows, sentences, strict=True):
        assert len(row["words"]) == len(words)
        assert row["upos"] == tags
        assert row["xpos"] == (None if set(fine) == {"_"} else fine)
        assert row["head"] == heads
    # The library's full parser as a second reader.
    for row, parsed in zip(rows, conllu.parse(path.read_text()), strict=True):
        plain = [token for token in parsed if isinstance(token["id"], int)]
        assert row["words"] == [token["form"] for token in plain]
        assert row["head"] == [token["head"] for token in plain]


def test_ids_of_sentences_and_documents_come_from_comments_else_from_the_file(tmp_path):
    path = write(
        tmp_path,
        *("# text = x", line(1), ""),
        *("# newdoc id = d1", "# sent_id = s1", line(1), "", line(1), ""),
        *("# newdoc", "# sent_id = s2", line(1), ""),
        name="trees.conllu",
    )
    rows = read_conllu([path])
    assert [row["sentence_id"] for row in rows] == ["trees-1", "s1", "trees-3", "s2"]
    assert [row["document_id"] for row in rows] == ["trees", "d1", "d1", "trees-2"]


def test_files_follow_each_other_and_documents_do_not_leak_between_them(tmp_path):
    first = write(tmp_path, "# newdoc id = d1", line(1), name="a.conllu")
    second = write(tmp_path, line(1, "dog"), name="b.conllu")
    rows = read_conllu([first, second])
    assert [row["words"] for row in rows] == [["cat"], ["dog"]]
    assert [row["document_id"] for row in rows] == ["d1", "b"]


@pytest.mark.parametrize("end", ["", "\n", "\n\n", "\n\n\n\n", "\n \n"])
def test_blank_lines_at_the_end_make_no_difference(tmp_path, end):
    assert len(read_conllu([write(tmp_path, line(1), "", line(1), end=end)])) == 2


def test_line_ends_of_windows_and_a_byte_order_mark_make_no_difference(tmp_path):
    path = tmp_path / "a.conllu"
    path.write_bytes(b"\xef\xbb\xbf" + f"# sent_id = s\r\n{line(1)}\r\n\r\n".encode())
    (row,) = read_conllu([path])
    assert (row["words"], row["sentence_id"]) == (["cat"], "s")


FORM = st.text(st.characters(exclude_characters="\t\n\r", codec="utf-8"), min_size=1)


@given(st.lists(FORM.filter(str.strip), min_size=1), st.sampled_from(["\n", "\r\n"]), st.booleans())
@example(["a\u2028b", "c\u0085d", "e\x0bf\x0cg\x1ch\u2029i"], "\n", False)
def test_any_words_are_read_as_they_stand_and_only_line_feeds_end_a_line(
    tmp_path_factory, forms, end, mark
):
    # Of tags that an underscore of the text has, since else a text of "_" alone was withheld.
    lines = [line(i, form, "PUNCT", head=i - 1) for i, form in enumerate(forms, start=1)]
    text = end.join([*lines, line(len(forms) + 1, "end", head=1), "", ""])
    path = tmp_path_factory.mktemp("c") / "a.conllu"
    path.write_bytes(b"\xef\xbb\xbf" * mark + text.encode())
    assert read_conllu([path])[0]["words"] == [*forms, "end"]


def test_columns_that_are_underscores_throughout_a_sentence_are_null_there(tmp_path):
    bare = line(1, upos="_", xpos="_", head="_", deprel="_")
    rows = read_conllu([write(tmp_path, bare, "", line(1))])
    for column, value in (("upos", "NOUN"), ("xpos", "NN"), ("head", 0), ("deprel", "root")):
        assert [row[column] for row in rows] == [None, [value]]
    write_split(rows, tmp_path / "train.parquet")


def test_a_single_underscore_stays_among_fine_tags(tmp_path):
    rows = read_conllu([write(tmp_path, line(1, xpos="_"), line(2, head=1))])
    assert rows[0]["xpos"] == ["_", "NN"]


GOOD = line(1)
MALFORMED = {
    "nine columns": ([GOOD, "", GOOD.rsplit("\t", 1)[0]], 3, "9 columns; CoNLL-U has 10"),
    "eleven columns": ([GOOD + "\tx"], 1, "11 columns; CoNLL-U has 10"),
    "spaces for tabs": ([GOOD.replace("\t", "  ")], 1, "1 columns; CoNLL-U has 10"),
    "id not a number": ([GOOD, line("x")], 2, "id 'x'; expected a number"),
    "id empty": ([line("")], 1, "id ''; expected a number"),
    "id skips": ([GOOD, line(3, head=1)], 2, "word id 3; expected 2"),
    "id repeats": ([GOOD, line(1, head=1)], 2, "word id 1; expected 2"),
    "id starts at two": ([line(2)], 1, "word id 2; expected 1"),
    "blank line lost": (
        [GOOD, "# sent_id = s", GOOD],
        2,
        "a comment between the words of a sentence",
    ),
    "empty form": ([line(1, "")], 1, "empty form"),
    "head beyond the sentence": ([GOOD, line(2, head=3)], 2, "head '3'.*0 (the root) to 2"),
    "head negative": ([line(1, head=-1)], 1, "head '-1'.*0 (the root) to 1"),
    "head no number": ([line(1, head="root")], 1, "head 'root'"),
    "head of an empty node": ([GOOD, line("1.1", head="_"), line(2, head="1.1")], 3, "head '1.1'"),
    "head missing for one": ([GOOD, line(2, head="_")], 2, "no HEAD"),
    "tag missing for one": ([GOOD, line(2, upos="_", head=1)], 2, "no UPOS"),
    "relation missing for one": ([GOOD, line(2, deprel="_", head=1)], 2, "no DEPREL"),
    "no root": ([GOOD, "", line(1, head=2), line(2, head=1)], 3, "without a root"),
    "two roots": ([GOOD, line(2, head=1), line(3)], 3, "a second root (the first is on line 1)"),
    "own head": ([GOOD, line(2, head=2)], 2, "from word 2 leads back to it, a cycle"),
    "range backwards": ([line("2-1"), GOOD], 1, "id '2-1'"),
    "range starts late": ([line("2-3"), GOOD], 1, "multiword token 2-3; expected.*next word, 1"),
    "ranges overlap": ([line("1-2"), GOOD, line("2-3"), line(2, head=1)], 3, "overlaps no other"),
    "range past the end": ([line("1-3"), GOOD, line(2, head=1)], 1, "ends at word 3.*at 2"),
    "range and no words": ([line("1-2")], 1, "ends at word 2"),
    "empty node misplaced": ([GOOD, line("2.1")], 2, "empty node 2.1; expected 1.1"),
    "empty node skips": ([GOOD, line("1.2")], 2, "empty node 1.2; expected 1.1"),
    "empty node alone": ([line("0.1")], 1, "a sentence without words"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_file_is_refused_with_its_line(tmp_path, case):
    lines, number, message = MALFORMED[case]
    path = write(tmp_path, *lines)
    with pytest.raises(CorpusError) as caught:
        read_conllu([path])
    assert str(caught.value).startswith(f"{path}, line {number}")
    position = 0
    for part in message.split(".*"):
        position = str(caught.value).index(part, position)


@given(st.integers(2, 9), st.integers(0, 2**32))
def test_a_cycle_is_reported_on_a_line_of_the_cycle(tmp_path_factory, length, seed):
    generator = random.Random(seed)
    size = generator.randint(1, length)
    cycle = list(range(2, size + 2))  # words 2.. form a ring; all others hang off word 1
    heads = {1: 0} | {word: generator.choice([1, 2]) for word in range(2, length + 2)}
    heads |= {word: cycle[(i + 1) % size] for i, word in enumerate(cycle)}
    path = write(tmp_path_factory.mktemp("c"), *(line(w, head=heads[w]) for w in sorted(heads)))
    with pytest.raises(CorpusError, match="a cycle; expected a tree") as caught:
        read_conllu([path])
    found = int(str(caught.value).split("line ")[1].split(":")[0])
    assert found in cycle


def test_an_encoding_other_than_utf8_is_refused_with_its_line(tmp_path):
    path = tmp_path / "a.conllu"
    path.write_bytes(f"{GOOD}\n\n{line(1, 'é')}\n\n".encode("latin-1"))
    with pytest.raises(CorpusError, match=r"a\.conllu, line 3: the byte 0xe9 is not UTF-8"):
        read_conllu([path])


@pytest.mark.parametrize("text", ["", "\n\n", "# sent_id = s\n\n"])
def test_a_file_without_sentences_is_refused(tmp_path, text):
    path = write(tmp_path, text, end="")
    with pytest.raises(CorpusError, match=r"a\.conllu: no sentences"):
        read_conllu([path])


def test_a_missing_file_and_a_folder_are_refused_by_name(tmp_path):
    with pytest.raises(CorpusError, match=r"none\.conllu: can't be read"):
        read_conllu([tmp_path / "none.conllu"])
    with pytest.raises(CorpusError, match="can't be read"):
        read_conllu([tmp_path])


def test_a_treebank_whose_text_was_withheld_is_refused(tmp_path):
    with pytest.raises(CorpusError, match="its text was withheld"):
        read_conllu([write(tmp_path, line(1, "_"), line(2, "_", head=1))])


def warnings(caplog):
    """Return the warnings so far, and forget them."""
    found = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    caplog.clear()
    return found


def test_words_withheld_in_a_part_of_the_files_are_counted_in_the_log(tmp_path, caplog):
    whole = write(tmp_path, line(1), "", line(1), line(2, head=1), name="whole.conllu")
    part = write(
        tmp_path,
        *("# sent_id = s", line(1, "_"), line(2, "_", "PUNCT", head=1), ""),
        *(line(1), line(2, "_", head=1)),
        name="part.conllu",
    )
    rows = read_conllu([whole, part])
    assert [row["words"] for row in rows][2:] == [["_", "_"], ["cat", "_"]]
    (message,) = warnings(caplog)
    assert "3 of 7 words are '_' for text that was withheld, and are read as they" in message
    assert message.endswith(f"as the treebank's README says (the first: {part}, line 1)")
    read_conllu([whole])
    assert warnings(caplog) == []


def test_an_underscore_of_the_text_was_not_withheld(tmp_path, caplog):
    read_conllu(
        [write(tmp_path, line(1), line(2, "_", "PUNCT", head=1), line(3, "_", "SYM", head=1))]
    )
    assert warnings(caplog) == []
    bare = {"upos": "_", "xpos": "_"}
    read_conllu([write(tmp_path, line(1, **bare), line(2, "_", head=1, **bare))])
    assert "1 of 2 words" in warnings(caplog)[0]


@pytest.mark.parametrize(
    "comment", ["# newdoc id =", "# newdoc id = ", "#newdoc id=", "# newdoc id"]
)
def test_a_document_with_an_empty_id_is_one_of_its_own_and_counted_in_the_log(
    tmp_path, caplog, comment
):
    path = write(
        tmp_path,
        *("# newdoc id = d1", line(1), "", "# sent_id = s", comment, line(1), "", line(1), ""),
        *(comment, line(1)),
    )
    rows = read_conllu([path])
    assert [row["document_id"] for row in rows] == ["d1", "a-2", "a-2", "a-3"]
    (message,) = warnings(caplog)
    assert message.startswith("2 documents have an empty `# newdoc id =`, and are named after")
    assert message.endswith(f"(the first: {path}, line 5)")


def test_a_document_without_an_id_is_as_the_format_has_it(tmp_path, caplog):
    read_conllu([write(tmp_path, "# newdoc", line(1))])
    assert warnings(caplog) == []


COREFUD = "# global.Entity = eid-etype-head-other"


def empty(number, misc):
    return line(number, "_", "PRON", "_", "_", "_", misc)


def test_a_mention_may_begin_or_end_on_an_empty_node(tmp_path, caplog):
    """The mention's words are tagged: from the next word on, and as far as the one before."""
    path = write(
        tmp_path,
        *(COREFUD, line(1), line(2, head=1), empty("2.1", "Entity=(e7-person-1-")),
        *(line(3, head=1, misc="Entity=e7)"), line(4, head=1, misc="Entity=(e8-object-1-)"), ""),
        *(line(1), line(2, head=1, misc="Entity=(e1-object-1-"), line(3, head=1)),
        *(empty("3.1", "_"), empty("3.2", "Entity=e1)"), line(4, head=1)),
    )
    rows = read_conllu([path], entities="Entity")
    assert [row["entity"] for row in rows] == [
        ["O", "O", "B-person", "B-object"],
        ["O", "B-object", "I-object", "O"],
    ]
    assert warnings(caplog) == []


def test_a_mention_of_empty_nodes_alone_is_left_out_and_counted_in_the_log(tmp_path, caplog):
    path = write(
        tmp_path,
        *(COREFUD, line(1, misc="Entity=(e1-place-1-)"), empty("1.1", "Entity=(e2-person-1-)"), ""),
        *(empty("0.1", "Entity=(e3-person-1-"), empty("0.2", "Entity=e3)"), line(1)),
    )
    rows = read_conllu([path], entities="Entity")
    assert [row["entity"] for row in rows] == [["B-place"], ["O"]]
    (message,) = warnings(caplog)
    assert message.startswith("2 mentions have empty nodes alone, no word, and are left out of")
    assert message.endswith(f"(the first: {path}, line 1)")


def test_a_bracket_that_does_not_match_is_refused_with_the_line_of_its_empty_node(tmp_path):
    path = write(tmp_path, COREFUD, line(1), empty("1.1", "Entity=e7)"), line(2, head=1))
    with pytest.raises(CorpusError, match=r"a\.conllu, line 3: .* closes e7, which is not open"):
        read_conllu([path], entities="Entity")


def test_a_mention_whose_type_is_blank_is_tagged_as_untyped(tmp_path):
    path = write(
        tmp_path,
        *(COREFUD, line(1, misc="Entity=(e1--1-)"), line(2, head=1, misc="Entity=(e2-place-1-")),
        *(line(3, head=1, misc="Entity=(e3)"), line(4, head=1, misc="Entity=e2)")),
    )
    (row,) = read_conllu([path], entities="Entity")
    assert row["entity"] == ["B-untyped", "B-place", "B-untyped", "B-place"]
    write_split([row], tmp_path / "train.parquet")


ENTITY = "# global.Entity = GRP-etype-infstat"


def test_entities_in_brackets_are_read_with_the_order_of_fields_that_the_file_gives(tmp_path):
    path = write(
        tmp_path,
        "# global.Entity = etype-eid-x",
        *(line(1, misc="A=b|Entity=(place-e1-n|Z=y"), line(2, head=1, misc="Entity=e1)"), ""),
        *(line(1), line(2, head=1, misc="Entity=(person-e2-n=k)")),
    )
    rows = read_conllu([path], entities="Entity")
    assert [row["entity"] for row in rows] == [["B-place", "I-place"], ["O", "B-person"]]


def test_entities_are_read_from_iob_tags_under_any_key(tmp_path):
    tags = ["B-PER", "I-PER", "O", "B-LOC"]
    words = [line(i, head=i - 1, misc=f"X=NER|NER={tag}") for i, tag in enumerate(tags, start=1)]
    (row,) = read_conllu([write(tmp_path, *words, line(5, head=4))], entities="NER")
    assert row["entity"] == [*tags, "O"]


@pytest.mark.parametrize(
    ("key", "miscs", "number", "message"),
    [
        ("Entity", ["Entity=(1-person", "_"], 2, "entity 1 is not closed"),
        ("Entity", ["_", "Entity=7)"], 3, "closes 7, which is not open"),
        ("Entity", ["_", "Entity=((1-person)"], 3, "is not a series"),
        ("Entity", ["Entity=(-person)", "_"], 2, "opens an entity without an id"),
        ("NER", ["NER=O", "NER=I-PER"], 3, "I-PER after O is not IOB2"),
        ("NER", ["NER=I-PER", "_"], 2, "after the start of the sentence is not IOB2"),
        ("NER", ["NER=PER", "_"], 2, "is not IOB2"),
    ],
)
def test_malformed_entities_are_refused_with_their_line(tmp_path, key, miscs, number, message):
    words = [line(i, head=i - 1, misc=misc) for i, misc in enumerate(miscs, start=1)]
    path = write(tmp_path, ENTITY, *words)
    with pytest.raises(CorpusError, match=message) as caught:
        read_conllu([path], entities=key)
    assert f"{path}, line {number}:" in str(caught.value)


def test_entities_that_nobody_has_are_refused_by_their_key(tmp_path):
    with pytest.raises(CorpusError, match=r"no word has NER= in MISC"):
        read_conllu([write(tmp_path, line(1, misc="XNER=B-PER"))], entities="NER")


def test_bracketed_entities_without_the_order_of_their_fields_are_refused(tmp_path):
    with pytest.raises(CorpusError, match=r"line 1: Entity= without the order of its fields"):
        read_conllu([write(tmp_path, line(1, misc="Entity=(1-person)"))], entities="Entity")


def test_a_sentence_without_entities_needs_no_order_of_their_fields(tmp_path):
    path = write(tmp_path, line(1), "", ENTITY, line(1, misc="Entity=(1-person)"))
    first, second = read_conllu([path], entities="Entity")
    assert (first["entity"], second["entity"]) == (["O"], ["B-person"])
