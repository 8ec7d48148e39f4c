"""An independent recogniser of toyglish: it reads words, not annotation.

A top-down chart parser with features. It shares nothing with the generator but the lexicon's
entries: the function words and the rules are written down here once more.
"""

from collections import defaultdict
from collections.abc import Iterator
from functools import cache

from ontogeny.corpora.grammar.lexicon import VERB_FRAMES, Lexicon

POSSESSIVES = {"his", "her", "its", "our", "your", "their"}
DETERMINERS = {
    "singular": {"the", "a", "this", "that", "every", "each", "some"} | POSSESSIVES,
    "plural": {"the", "these", "those", "some", "many", "several", "all", "both"}
    | {"two", "three", "four", "five", "six", "seven"}
    | POSSESSIVES,
}
SUBJECT_PRONOUNS = {
    "he": ("singular", "himself"),
    "she": ("singular", "herself"),
    "it": ("singular", "itself"),
    "they": ("plural", "themselves"),
    "we": ("plural", "ourselves"),
    "you": ("plural", "yourselves"),
}
OBJECT_PRONOUNS = {"him", "her", "it", "them", "us", "you"}
INDEFINITES = {"somebody", "something", "everybody", "everything"}
INTENSIFIERS = {"very", "quite", "rather", "too"}
MEDIAL_ADVERBS = {"often", "always", "really", "probably", "still", "certainly"}
NOMINAL_PREPOSITIONS = {"of", "in", "from", "with", "near", "on", "behind", "under"}
VERBAL_PREPOSITIONS = {"in", "with", "at", "on", "from", "for", "by", "near", "behind", "under"} | {
    *("after", "during", "before", "through")
}
MODALS = {"will", "can", "would", "could", "may", "must", "should"}
BE = {"singular": {"is", "was"}, "plural": {"are", "were"}}
HAVE = {"singular": {"has", "had"}, "plural": {"have", "had"}}
DO = {"singular": {"does", "did"}, "plural": {"do", "did"}}


def recogniser(lexicon: Lexicon):
    """Return a function that tells whether a list of words is a sentence of toyglish."""
    categories = defaultdict(set)
    for noun in lexicon.classes["noun"]:
        categories[noun.singular].add(("noun", "singular", noun.animate))
        categories[noun.plural].add(("noun", "plural", noun.animate))
    for frame in VERB_FRAMES:
        for verb in lexicon.classes[frame]:
            for form, name in zip(verb, ("base", "third", "past", "gerund"), strict=True):
                categories[form].add((frame, name))
    for kind in ("adjective", "adverb", "masculine", "feminine", "surname", "place"):
        for word in lexicon.classes[kind]:
            categories[word].add((kind,))
    for word in lexicon.classes["organisation"]:
        categories[word].add(("organisation",))
    return lambda words: _Chart(words, categories).sentence()


def remembered(find):
    """A method's finds as a set, worked out once for each key."""
    return cache(lambda *key: frozenset(find(*key)))


class _Chart:
    """All phrases of one sentence; a method gives the ends of the phrases that begin at `i`."""

    def __init__(self, words, categories):
        self.words = [*words, ""]
        self.categories = [categories.get(word, set()) for word in self.words]
        for name in ("clauses", "noun_phrases", "conjuncts", "verb_phrases", "relatives"):
            setattr(self, name, remembered(getattr(self, f"_{name}")))

    def sentence(self) -> bool:
        end = len(self.words) - 2
        if end < 1 or self.words[end] != ".":
            return False
        return any(
            end in self.clauses(start) for start in (0, *self.fronted(0))
        ) or any(
            self.words[i] == "," and self.words[i + 1] in {"and", "but", "or"}
            and end in self.clauses(i + 2)
            for i in self.clauses(0)
        )  # fmt: skip

    def fronted(self, i) -> Iterator[int]:
        ends = {*self.prepositional(i, VERBAL_PREPOSITIONS, False), *self.adverbial(i)}
        return (j + 1 for j in ends if self.words[j] == ",")

    def has(self, i, *category) -> bool:
        return any(found[: len(category)] == category for found in self.categories[i])

    def _clauses(self, i):
        for j, number, reflexive, negative, _ in self.noun_phrases(i, "subject", False):
            for k in self.verb_phrases(j, number, reflexive, negative, False):
                yield k
                if self.words[k] in {"and", "but", "or"}:
                    yield from self.verb_phrases(k + 1, number, reflexive, negative, False)

    def adverbial(self, i):
        if self.words[i] in {"when", "because", "if", "while", "although"}:
            yield from self.clauses(i + 1)

    def _noun_phrases(self, i, role, licensed):
        """Yield (end, number, reflexive that it binds, negative, animate)."""
        word = self.words[i]
        if role == "subject" and word in SUBJECT_PRONOUNS:
            yield (i + 1, *SUBJECT_PRONOUNS[word], False, False)
        if role == "subject" and word in {"nobody", "nothing"}:
            yield (i + 1, "singular", "", True, False)
        if role != "subject" and word in OBJECT_PRONOUNS:
            yield (i + 1, "", "", False, False)
        if word in INDEFINITES or (licensed and word in {"anybody", "anything"}):
            yield (i + 1, "singular", "", False, False)
        yield from self.conjuncts(i, role, licensed)
        for j, *_ in self.conjuncts(i, "conjunct", False):
            for k in [j, *(m for m, *_ in self.conjuncts(j + 1, "conjunct", False)
                           if self.words[j] == ",")]:  # fmt: skip
                if self.words[k] == "and":
                    for m, *_ in self.conjuncts(k + 1, "conjunct", False):
                        yield (m, "plural", "themselves", False, False)

    def _conjuncts(self, i, role, licensed):
        yield from ((j, "singular", reflexive, False, False) for j, reflexive in self.names(i))
        for j, number, reflexive, negative, animate in self.nouns(i, role, licensed):
            features = (number, reflexive, negative, animate)
            yield (j, *features)
            after_phrase = [*self.prepositional(j, NOMINAL_PREPOSITIONS, False)]
            for k in after_phrase:
                yield (k, *features)
            for k in (j, *after_phrase):
                for m in self.relatives(k, number, reflexive, animate):
                    yield (m, *features)

    def names(self, i):
        for gender, reflexive in (("masculine", "himself"), ("feminine", "herself")):
            if self.has(i, gender):
                yield i + 1, reflexive
                if self.has(i + 1, "surname"):
                    yield i + 2, reflexive
                    if self.has(i + 2, "surname"):
                        yield i + 3, reflexive
        if self.words[i] in {"Lake", "Mount", "Port", "Fort"} and self.has(i + 1, "place"):
            yield i + 2, "itself"
        if self.has(i, "place") or self.has(i, "organisation"):
            yield i + 1, "itself"
        if self.has(i, "place") and self.words[i + 1] in {"Bay", "Valley", "Island", "City"}:
            yield i + 2, "itself"
        named = any(self.has(i, kind) for kind in ("place", "organisation", "surname"))
        if named and self.words[i + 1] in {"Group", "Council", "Bank", "Institute", "Club"}:
            yield i + 2, "itself"

    def nouns(self, i, role, licensed):
        word = self.words[i]
        for number in ("singular", "plural"):
            starts = [i + 1] if word in DETERMINERS[number] else []
            negative_starts = [i + 1] if role == "subject" and word == "no" else []
            starts += [i + 1] if licensed and word == "any" else []
            starts += [i] if number == "plural" else []
            for negative, begins in ((False, starts), (True, negative_starts)):
                for start in begins:
                    for j in (start, *self.adjectives(start)):
                        for category in self.categories[j]:
                            if category[:2] == ("noun", number):
                                reflexive = "themselves" if number == "plural" else "itself"
                                yield j + 1, number, reflexive, negative, category[2]

    def intensified(self, i, kind):
        if self.has(i, kind):
            yield i + 1
        if self.words[i] in INTENSIFIERS and self.has(i + 1, kind):
            yield i + 2

    def adjectives(self, i):
        for j in self.intensified(i, "adjective"):
            yield j
            yield from self.intensified(j, "adjective")
        if self.has(i, "adjective") and self.words[i + 1] == "and" and self.has(i + 2, "adjective"):
            yield i + 3

    def prepositional(self, i, prepositions, licensed):
        if self.words[i] in prepositions:
            yield from (j for j, *_ in self.noun_phrases(i + 1, "oblique", licensed))

    def _relatives(self, i, number, reflexive, animate):
        pronoun = self.words[i] in {"that", "who" if animate else "which"}
        if pronoun:
            yield from self.verb_phrases(i + 1, number, reflexive, False, False)
        for start in (i, i + 1) if pronoun else (i,):
            for j, own_number, own_reflexive, negative, _ in self.noun_phrases(
                start, "subject", False
            ):
                yield from self.verb_phrases(j, own_number, own_reflexive, negative, True)

    def _verb_phrases(self, i, number, reflexive, negative, gap):
        """Yield the ends of finite verb phrases; with `gap`, of those that miss their object."""
        finite = "third" if number == "singular" else "base"
        for j in self.medial(i, negative):
            for form in (finite, "past"):
                yield from self.predicates(j, form, reflexive, negative, gap)
        word = self.words[i]
        for j, negated in [(i + 1, False)] + [(i + 2, True)] * (self.words[i + 1] == "not"):
            if negated and negative:
                continue
            licensed = negated or negative
            for k in self.medial(j, licensed):
                key = (reflexive, licensed, gap)
                if word in MODALS:
                    yield from self.predicates(k, "base", *key)
                    if self.words[k] == "be" and not gap:
                        yield from self.copular(k + 1, licensed)
                if word in HAVE[number]:
                    yield from self.predicates(k, "past", *key)
                    if self.words[k] == "been" and not gap:
                        yield from self.copular(k + 1, licensed)
                if word in BE[number]:
                    yield from self.predicates(k, "gerund", *key)
                    if not gap:
                        yield from self.copular(k, licensed)
                if word in DO[number] and negated:
                    yield from self.predicates(k, "base", *key)

    def medial(self, i, licensed):
        yield i
        yield from self.intensified(i, "adverb")
        if self.words[i] in MEDIAL_ADVERBS or (licensed and self.words[i] == "ever"):
            yield i + 1

    def copular(self, i, licensed):
        for j in self.intensified(i, "adjective"):
            yield from self.adjuncts(j, licensed)

    def predicates(self, i, form, reflexive, licensed, gap):
        """A verb in this form with its complements and adjuncts."""
        objects = cache(lambda j: {k for k, *_ in self.noun_phrases(j, "object", licensed)})
        ends = set()
        if gap:
            ends |= {i + 1} if self.has(i, "transitive", form) else set()
        else:
            if self.has(i, "intransitive", form):
                ends.add(i + 1)
            if self.has(i, "transitive", form):
                ends |= objects(i + 1)
                if reflexive and self.words[i + 1] == reflexive:
                    ends.add(i + 2)
            if self.has(i, "ditransitive", form):
                for j in objects(i + 1):
                    ends |= objects(j) | set(self.prepositional(j, {"to"}, licensed))
            if self.has(i, "clausal", form):
                yield from self.clauses(i + 1)
                if self.words[i + 1] == "that":
                    yield from self.clauses(i + 2)
        for end in ends:
            yield from self.adjuncts(end, licensed)

    def adjuncts(self, i, licensed):
        ends = {i}
        for _ in range(2):
            ends |= {k for j in ends for k in self.prepositional(j, VERBAL_PREPOSITIONS, licensed)}
        ends |= {k for j in ends for k in self.intensified(j, "adverb")}
        yield from ends | {k for j in ends for k in self.adverbial(j)}
