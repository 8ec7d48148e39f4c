"""Whatever a corpus's file holds: it is read, or the error names the file and the line."""

import re

import pytest
from hypothesis import given
from mutations import damaged, fuzz

from ontogeny.corpora.conllu import read_conllu
from ontogeny.corpora.corpus import check
from ontogeny.corpora.ontonotes import read_ontonotes
from ontogeny.corpora.penn import read_penn
from ontogeny.corpora.text import halve, read_text
from ontogeny.errors import CorpusError

pytestmark = pytest.mark.slow

CONLLU = b"""# newdoc id = d1
# global.Entity = GRP-etype-identity
# sent_id = s1
# text = He won't, he did
1\tHe\the\tPRON\tPRP\t_\t2\tnsubj\t_\tEntity=(1-person-_)|NER=B-P
2-3\twon't\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No
2\two\twill\tAUX\tMD\t_\t0\troot\t_\tNER=I-P
3\tn't\tnot\tPART\tRB\t_\t2\tadvmod\t_\tEntity=(2-place-_(3-thing-_)
3.1\tleave\tleave\tVERB\tVB\t_\t_\t_\t2:dep\t_
4\there\there\tADV\tRB\t_\t2\tadvmod\t_\tEntity=2)|NER=O

# sent_id = s2
1\tdogs\tdog\tNOUN\t_\tNumber=Plur\t2\tnsubj\t_\t_
2\tsleep\tsleep\tVERB\tVBP\t_\t0\troot\t_\t_
"""
PENN = b"""( (S (NP-SBJ (DT The) (NN dog) (NX (-NONE- *T*-1)))
   (VP (VBZ sleeps) (-LRB- -LRB-) (PP (IN in) (NP (NN town))) (-RRB- -RRB-)) (. .)) )
(S (NP (NNS cats)) (VP (VBP eat)))

((FRAG (UH oh)))
"""
ONTONOTES = b"""#begin document (nw/wsj/00/wsj_0001); part 000
nw/wsj/00/wsj_0001   0   0   Bell   NNP   (TOP(S(NP*   -   -   -   -   (ORG*   (ARG0*   (0
nw/wsj/00/wsj_0001   0   1   Ltd.   NNP   *)   -   -   -   -   *)   *)   0)
nw/wsj/00/wsj_0001   0   2   makes   VBZ   (VP*   make   01   1   -   *   (V*)   -
nw/wsj/00/wsj_0001   0   3   Texas   NNP   (NP*))   -   -   -   -   (GPE)   (ARG1*)   (1)
nw/wsj/00/wsj_0001   0   4   .   .   *))   -   -   -   -   *   *   -

nw/wsj/00/wsj_0001   0   0   Yes   UH   (TOP(INTJ*))   -   -   -   -   *   -   -
#end document
"""
TEXT = b""" = A title =\x20

 The dog sleeps . It sleeps = a = b .

 = = A section = =\x20

 Cats eat .

 = Another title =\x20

 They sleep .
"""
# What concerns a file as a whole, and so no line of it.
WITHOUT_A_LINE = re.compile(
    r": no (sentences|trees|paragraphs|word has|folder|files|\.mrg)|text was withheld"
    r"|none of \d+ trees|held-out text of"
)


def conllu(path, **settings):
    return read_conllu([path], **settings)


def penn(path):
    return read_penn(path.parent.parent, {"train": ["00"]})["train"]


def ontonotes(path):
    return read_ontonotes(path.parent.parent)["train"]


def text(path):
    rows = read_text([path])
    if len({row["document_id"] for row in rows}) > 1:
        assert sum(map(len, halve(rows))) == len(rows)
    return rows


READERS = {
    "CoNLL-U": ("a.conllu", CONLLU, conllu),
    "CoNLL-U with bracketed entities": (
        *("a.conllu", CONLLU),
        lambda path: conllu(path, entities="Entity"),
    ),
    "CoNLL-U with IOB2 entities": (
        *("a.conllu", CONLLU),
        lambda path: conllu(path, entities="NER"),
    ),
    "Penn brackets": ("00/wsj_0001.mrg", PENN, penn),
    "OntoNotes": ("train/a.gold_conll", ONTONOTES, ontonotes),
    "text": ("a.txt", TEXT, text),
}


def in_the_contract(rows, source):
    """Hold rows against the contract that the corpus's file on disk must keep."""
    names = ("upos", "xpos", "head", "deprel", "entity", "phrase_start", "phrase_end")
    check([dict.fromkeys(names) | row for row in rows], source)


@pytest.mark.parametrize("name", READERS)
def test_a_damaged_corpus_is_read_or_refused_by_file_and_line(tmp_path, name):
    file, content, read = READERS[name]
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    for other in ("development", "test"):
        if name == "OntoNotes":
            (tmp_path / other).mkdir()
            (tmp_path / other / "b.gold_conll").write_bytes(ONTONOTES)
    outcomes = set()

    @fuzz(300)
    @given(damaged(content))
    def read_it(content):
        path.write_bytes(content)
        try:
            rows = read(path)
        except CorpusError as error:
            outcomes.add("refused")
            message = str(error)
            if not WITHOUT_A_LINE.search(message):
                line = re.search(rf"{re.escape(str(path))}, line (\d+)", message)
                assert line, message
                assert 1 <= int(line[1]) <= content.count(b"\n") + 1
        else:
            outcomes.add("read")
            in_the_contract(rows, name)

    read_it()
    assert outcomes == {"read", "refused"} or name == "text"


@fuzz(200)
@given(content=damaged(PENN))
def test_a_damaged_file_of_constituents_costs_them_alone_or_is_refused(tmp_path, content):
    treebank, trees = tmp_path / "a.conllu", tmp_path / "a.ptb"
    treebank.write_text(
        "1\tcats\t_\tNOUN\t_\t_\t2\tdep\t_\t_\n2\teat\t_\tVERB\t_\t_\t0\troot\t_\t_\n"
    )
    trees.write_bytes(content)
    try:
        rows = read_conllu([treebank], constituents=[trees])
    except CorpusError as error:
        message = str(error)
        assert str(trees) in message
    else:
        in_the_contract(rows, "trees")
        assert rows[0]["head"] == [2, 0]


def test_the_files_that_are_damaged_are_good_as_they_are(tmp_path):
    for name, (file, content, read) in READERS.items():
        path = tmp_path / name / file
        for folder in ("train", "development", "test"):
            (tmp_path / name / folder).mkdir(parents=True)
            (tmp_path / name / folder / "a.gold_conll").write_bytes(ONTONOTES)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        rows = read(path)
        in_the_contract(rows, name)
        assert len(rows) > 1
