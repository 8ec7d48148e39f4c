"""A sentence that grows from left to right, with its two trees."""

from dataclasses import dataclass, field


@dataclass
class Derivation:
    """Words of one sentence with their annotation, and its constituents.

    Words are numbered from 0 while the sentence grows. A word is written before its head may be
    known, so `attach` sets head and relation later; a head of -1 stands for the root.
    `constituents` are [label, first word, last word], in the order in which they were opened:
    outer ones before inner ones, so that the brackets can be written back without loss.
    """

    words: list[str] = field(default_factory=list)
    upos: list[str] = field(default_factory=list)
    xpos: list[str] = field(default_factory=list)
    head: list[int] = field(default_factory=list)
    deprel: list[str] = field(default_factory=list)
    entity: list[str] = field(default_factory=list)
    constituents: list[list] = field(default_factory=list)

    def word(self, form: str, upos: str, xpos: str, deprel: str = "", head: int = -1) -> int:
        """Write the next word and return its number."""
        self.words.append(form)
        self.upos.append(upos)
        self.xpos.append(xpos)
        self.deprel.append(deprel)
        self.head.append(head)
        self.entity.append("O")
        return len(self.words) - 1

    def attach(self, word: int, head: int, deprel: str) -> None:
        """Make `head` the head of `word`, with relation `deprel`."""
        self.head[word] = head
        self.deprel[word] = deprel

    def open(self, label: str) -> list:
        """Begin a constituent at the next word; give it to `close` after its last word."""
        constituent = [label, len(self.words), -1]
        self.constituents.append(constituent)
        return constituent

    def close(self, constituent: list) -> None:
        """End a constituent at the word written last."""
        constituent[2] = len(self.words) - 1

    def phrase_counts(self) -> tuple[list[int], list[int]]:
        """Number of constituents, other than the root, that begin and that end at each word.

        The root is the first constituent: the S that spans the sentence. A constituent over a
        single word counts like any other.
        """
        starts, ends = [0] * len(self.words), [0] * len(self.words)
        for _, first, last in self.constituents[1:]:
            starts[first] += 1
            ends[last] += 1
        return starts, ends

    def row(self, sentence_id: str, document_id: str) -> dict:
        """Return the sentence as a row of the corpus contract (`ontogeny.corpora.corpus`)."""
        starts, ends = self.phrase_counts()
        return {
            "sentence_id": sentence_id,
            "document_id": document_id,
            "words": self.words,
            "upos": self.upos,
            "xpos": self.xpos,
            "head": [head + 1 for head in self.head],
            "deprel": self.deprel,
            "entity": self.entity,
            "phrase_start": starts,
            "phrase_end": ends,
        }

    def bracketed(self) -> str:
        """Return the constituents in Penn bracket notation, preterminals included."""
        pieces = []
        opening = iter(self.constituents)
        coming = next(opening, None)
        open_ends: list[int] = []
        for position, (word, tag) in enumerate(zip(self.words, self.xpos, strict=True)):
            while coming is not None and coming[1] == position:
                pieces.append(f"({coming[0]}")
                open_ends.append(coming[2])
                coming = next(opening, None)
            pieces.append(f"({tag} {word})")
            while open_ends and open_ends[-1] == position:
                pieces.append(")")
                open_ends.pop()
        return " ".join(pieces).replace(" )", ")")
