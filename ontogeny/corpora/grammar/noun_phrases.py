"""Noun phrases: pronouns, names, common nouns with their modifiers, coordination."""

from typing import NamedTuple

from ontogeny.corpora.grammar import function_words as fw
from ontogeny.corpora.grammar import probabilities as p
from ontogeny.corpora.grammar.lexicon import Noun
from ontogeny.corpora.grammar.names import name
from ontogeny.corpora.grammar.sampling import Choice, Source
from ontogeny.corpora.grammar.trees import Derivation

_KINDS = {role: Choice.of(kinds) for role, kinds in p.KINDS.items()}
_PRONOUNS = Choice.of(fw.PRONOUN_WEIGHTS)
_INDEFINITES = Choice.of(fw.INDEFINITES)
_NEGATIVE_INDEFINITES = Choice.of(fw.NEGATIVE_INDEFINITES)
_POLARITY_INDEFINITES = Choice.of(fw.POLARITY_INDEFINITES)
_DETERMINERS = {
    "singular": Choice.of(fw.SINGULAR_DETERMINERS),
    "plural": Choice.of(fw.PLURAL_DETERMINERS),
}
_ADJECTIVES = Choice.of(p.ADJECTIVES)
_INTENSIFIERS = Choice.of(fw.INTENSIFIERS)
_PREPOSITIONS = {
    "nmod": Choice.of(fw.NOMINAL_PREPOSITIONS),
    "obl": Choice.of(fw.VERBAL_PREPOSITIONS),
}


class NounPhrase(NamedTuple):
    """What the rest of the clause needs to know of a noun phrase.

    `head` is the number of its head word; `reflexive` the reflexive pronoun that it can bind, ""
    if none; `negative` whether it licenses polarity items in the verb phrase whose subject it is.
    """

    head: int
    number: str
    reflexive: str
    negative: bool = False
    animate: bool = False


def noun_phrase(
    d: Derivation, source: Source, role: str, depth: int, licensed: bool = False
) -> NounPhrase:
    """Write a noun phrase.

    `role` is `subject`, `object`, `oblique` or `conjunct`; `depth` counts the embeddings so far;
    `licensed` says whether a negation of the clause licenses polarity items here.
    """
    if role != "conjunct" and source.random() < p.COORDINATED_NOUN_PHRASE * p.DAMPING**depth:
        return _coordinated(d, source, depth)
    kind = source.pick(_KINDS[role])
    if kind == "common":
        return _common(d, source, role, depth, licensed)
    phrase = d.open("NP")
    if kind == "name":
        head, reflexive = name(d, source)
        result = NounPhrase(head, "singular", reflexive)
    elif kind == "pronoun":
        result = _pronoun(d, source, role)
    else:
        result = _indefinite(d, source, role, licensed)
    d.close(phrase)
    return result


def _pronoun(d: Derivation, source: Source, role: str) -> NounPhrase:
    subject = source.pick(_PRONOUNS)
    other, number, reflexive = fw.PRONOUNS[subject]
    form = subject if role == "subject" else other
    return NounPhrase(d.word(form, "PRON", "PRP"), number, reflexive)


def _indefinite(d: Derivation, source: Source, role: str, licensed: bool) -> NounPhrase:
    negative = role == "subject" and source.random() < p.NEGATIVE_INDEFINITE
    if negative:
        form = source.pick(_NEGATIVE_INDEFINITES)
    else:
        form = source.pick(_POLARITY_INDEFINITES if licensed else _INDEFINITES)
    return NounPhrase(d.word(form, "PRON", "NN"), "singular", "", negative)


def _coordinated(d: Derivation, source: Source, depth: int) -> NounPhrase:
    """A and B, or A, B and C: the conjuncts hang on the first one, as UD has it."""
    phrase = d.open("NP")
    first = noun_phrase(d, source, "conjunct", depth + 1).head
    if source.random() < p.THIRD_CONJUNCT:
        comma = d.word(fw.COMMA, "PUNCT", ",")
        second = noun_phrase(d, source, "conjunct", depth + 1).head
        d.attach(comma, second, "punct")
        d.attach(second, first, "conj")
    conjunction = d.word(fw.NOUN_CONJUNCTION, "CCONJ", "CC")
    last = noun_phrase(d, source, "conjunct", depth + 1).head
    d.attach(conjunction, last, "cc")
    d.attach(last, first, "conj")
    d.close(phrase)
    return NounPhrase(first, "plural", "themselves")


def _common(d: Derivation, source: Source, role: str, depth: int, licensed: bool) -> NounPhrase:
    """Determiner, adjectives and noun, with a prepositional phrase, a relative clause, or both.

    The modifiers stand beside an inner NP, as in the Penn Treebank.
    """
    damping = p.DAMPING**depth if depth < p.DEEPEST else 0.0
    has_preposition = source.random() < p.NOUN_PREPOSITIONAL_PHRASE * damping
    has_relative = source.random() < p.RELATIVE_CLAUSE * damping
    number = "plural" if source.random() < p.PLURAL else "singular"
    negative = role == "subject" and source.random() < p.NEGATIVE_SUBJECT
    modified = has_preposition or has_relative
    outer = d.open("NP") if modified else None
    inner = d.open("NP")
    dependents = _determiner(d, source, number, negative, licensed)
    dependents += [(word, "amod") for word in _adjectives(d, source)]
    noun = source.entry("noun")
    assert isinstance(noun, Noun)
    plural = number == "plural"
    form = noun.plural if plural else noun.singular
    head = d.word(form, "NOUN", "NNS" if plural else "NN")
    for word, relation in dependents:
        d.attach(word, head, relation)
    d.close(inner)
    reflexive = "themselves" if plural else "itself"
    result = NounPhrase(head, number, reflexive, negative, noun.animate)
    if has_preposition:
        prepositional_phrase(d, source, "nmod", head, depth + 1)
    if has_relative:
        # Imported here because a relative clause has noun phrases in it in turn.
        from ontogeny.corpora.grammar.clauses import relative_clause

        relative_clause(d, source, result, depth + 1)
    if outer is not None:
        d.close(outer)
    return result


def _determiner(
    d: Derivation, source: Source, number: str, negative: bool, licensed: bool
) -> list[tuple[int, str]]:
    """Write at most one determiner; return its number and relation in a list."""
    if negative:
        form = fw.NEGATIVE_DETERMINER
    elif licensed and source.random() < p.POLARITY_DETERMINER:
        form = fw.POLARITY_DETERMINER
    else:
        form = source.pick(_DETERMINERS[number])
    if not form:
        return []
    if form in fw.POSSESSIVES:
        return [(d.word(form, "PRON", "PRP$"), "nmod:poss")]
    if form in fw.NUMERALS:
        return [(d.word(form, "NUM", "CD"), "nummod")]
    if form in fw.ADJECTIVAL_QUANTIFIERS:
        return [(d.word(form, "ADJ", "JJ"), "amod")]
    return [(d.word(form, "DET", "DT"), "det")]


def _adjectives(d: Derivation, source: Source) -> list[int]:
    """Write the adjectives before a noun; return the numbers of those that hang on the noun."""
    kind = source.pick(_ADJECTIVES)
    if kind == "none":
        return []
    if kind == "coordinated":
        phrase = d.open("ADJP")
        first = _adjective(d, source)
        conjunction = d.word(fw.NOUN_CONJUNCTION, "CCONJ", "CC")
        second = _adjective(d, source)
        d.attach(conjunction, second, "cc")
        d.attach(second, first, "conj")
        d.close(phrase)
        return [first]
    return [adjective_phrase(d, source) for _ in range(1 if kind == "one" else 2)]


def _adjective(d: Derivation, source: Source) -> int:
    return d.word(str(source.entry("adjective")), "ADJ", "JJ")


def adjective_phrase(d: Derivation, source: Source) -> int:
    """Write an adjective, perhaps intensified; return its number. A bare one is no constituent."""
    if source.random() >= p.INTENSIFIED:
        return _adjective(d, source)
    phrase = d.open("ADJP")
    adverb = d.word(source.pick(_INTENSIFIERS), "ADV", "RB")
    adjective = _adjective(d, source)
    d.attach(adverb, adjective, "advmod")
    d.close(phrase)
    return adjective


def adverb_phrase(d: Derivation, source: Source) -> int:
    """Write an adverb of the open class, perhaps intensified; return its number."""
    if source.random() >= p.INTENSIFIED:
        return d.word(str(source.entry("adverb")), "ADV", "RB")
    phrase = d.open("ADVP")
    intensifier = d.word(source.pick(_INTENSIFIERS), "ADV", "RB")
    adverb = d.word(str(source.entry("adverb")), "ADV", "RB")
    d.attach(intensifier, adverb, "advmod")
    d.close(phrase)
    return adverb


def prepositional_phrase(
    d: Derivation,
    source: Source,
    relation: str,
    head: int,
    depth: int,
    licensed: bool = False,
    preposition: str = "",
) -> int:
    """Write a prepositional phrase that hangs on `head` as `nmod` or `obl`.

    The preposition is drawn unless given. A `head` of -1 is not known yet. Returns the number of
    the phrase's noun, which UD makes its head.
    """
    phrase = d.open("PP")
    case = d.word(preposition or source.pick(_PREPOSITIONS[relation]), "ADP", "IN")
    noun = noun_phrase(d, source, "oblique", depth, licensed).head
    d.attach(case, noun, "case")
    d.attach(noun, head, relation)
    d.close(phrase)
    return noun
