"""The templates of the minimal pairs: how a good sentence and its bad twin are made.

Every public function makes one pair of the paradigm that its docstring shows with English words,
good member first, as two lists of words. The good member is in the language of the grammar. The
source has unambiguous content words only, so a bad member has no second reading that saves it.
"""

from ontogeny.corpora.grammar import function_words as fw
from ontogeny.corpora.grammar.lexicon import Noun, Verb
from ontogeny.corpora.grammar.sampling import Choice, Source

Pair = tuple[list[str], list[str]]

# Determiners that fit one number only, and those that a phrase of that number is given. Left out
# are "that", "her" and "" (no determiner), after which a bad sentence might be read another way.
_ONLY = {
    "singular": Choice.of((("this", 3), ("a", 3), ("every", 2), ("each", 1))),
    "plural": Choice.of((("these", 3), ("those", 3), ("many", 2), ("several", 1), ("two", 1))),
}
_DETERMINERS = {
    "singular": Choice.of((("the", 5), ("a", 3), ("this", 1), ("every", 1), ("some", 1))),
    "plural": Choice.of((("the", 5), ("these", 2), ("some", 1), ("many", 1), ("all", 1))),
}
_OTHER = {"singular": "plural", "plural": "singular"}
_REFLEXIVE = {"singular": "itself", "plural": "themselves"}
_PREPOSITIONS = Choice.of((("near", 2), ("behind", 2), ("of", 2), ("with", 1), ("under", 1)))
_PREPOSITIONS_OF_VERBS = Choice.of((("in", 3), ("at", 2), ("during", 1), ("after", 1), ("with", 1)))
_ASPECTS = Choice.of((("simple", 5), ("perfect", 2), ("progressive", 2), ("negated", 1)))
_MODALS = Choice.of(fw.MODALS)
_POSITIVE_ADVERBS = Choice.of((("really", 1), ("probably", 1), ("certainly", 1), ("often", 1)))
_POSITIVE_DETERMINERS = Choice.of((("the", 2), ("this", 1), ("every", 1), ("some", 1)))
_PRONOUNS = Choice.of((("he", 3), ("she", 3), ("they", 2), ("we", 1)))


def _number(source: Source) -> str:
    return "plural" if source.random() < 0.5 else "singular"


def _noun(source: Source, number: str) -> str:
    noun = source.entry("noun")
    assert isinstance(noun, Noun)
    return noun.plural if number == "plural" else noun.singular


def _phrase(source: Source, number: str, determiner: str = "") -> list[str]:
    """Determiner, in a quarter of the cases an adjective, and noun."""
    words = [determiner or source.pick(_DETERMINERS[number])]
    if source.random() < 0.25:
        words.append(_adjective(source))
    return [*words, _noun(source, number)]


def _adjective(source: Source) -> str:
    return str(source.entry("adjective"))


def _object(source: Source) -> list[str]:
    return _phrase(source, _number(source))


def _verb(source: Source, frame: str) -> Verb:
    verb = source.entry(frame)
    assert isinstance(verb, Verb)
    return verb


def _past(source: Source, frame: str) -> str:
    return _verb(source, frame).past


def _tail(source: Source) -> list[str]:
    """The end of a sentence: a full stop, perhaps after a prepositional phrase or an adverb."""
    chance = source.random()
    if chance < 0.3:
        return [source.pick(_PREPOSITIONS_OF_VERBS), *_object(source), fw.FULL_STOP]
    return [str(source.entry("adverb")), fw.FULL_STOP] if chance < 0.45 else [fw.FULL_STOP]


def _agreeing(source: Source, frame: str, number: str) -> Pair:
    """A present verb group that agrees with `number`, and the same one with the other number."""
    verb, aspect = _verb(source, frame), source.pick(_ASPECTS)
    forms, rest = (verb.third, verb.base), []
    if aspect == "perfect":
        forms, rest = fw.AUXILIARIES["have"][:2], [verb.past]
    elif aspect == "progressive":
        forms, rest = fw.AUXILIARIES["be"][:2], [verb.gerund]
    elif aspect == "negated":
        forms, rest = fw.AUXILIARIES["do"][:2], [fw.NEGATION, verb.base]
    plural = number == "plural"
    return [forms[plural], *rest], [forms[not plural], *rest]


def _disagreement(source: Source, subject: list[str], number: str) -> Pair:
    """A subject with an intransitive verb group that agrees with it, and with one that doesn't."""
    (good, bad), tail = _agreeing(source, "intransitive", number), _tail(source)
    return [*subject, *good, *tail], [*subject, *bad, *tail]


def agreement(source: Source) -> Pair:
    """Return: the dax sleeps / the dax sleep."""
    number = _number(source)
    return _disagreement(source, _phrase(source, number), number)


def agreement_across_preposition(source: Source) -> Pair:
    """Return: the dax near the wugs sleeps / sleep."""
    number = _number(source)
    attractor = [source.pick(_PREPOSITIONS), *_phrase(source, _OTHER[number])]
    return _disagreement(source, _phrase(source, number) + attractor, number)


def _subject_relative(source: Source, number: str) -> list[str]:
    """A noun phrase with a relative clause that ends in an object of the other number."""
    noun = _phrase(source, number)
    return [*noun, "that", _past(source, "transitive"), *_phrase(source, _OTHER[number])]


def agreement_across_subject_relative(source: Source) -> Pair:
    """Return: the dax that saw the wugs sleeps / sleep."""
    number = _number(source)
    return _disagreement(source, _subject_relative(source, number), number)


def agreement_across_object_relative(source: Source) -> Pair:
    """Return: the dax that the wugs saw sleeps / sleep."""
    number = _number(source)
    relative = ["that", *_phrase(source, _OTHER[number]), _past(source, "transitive")]
    return _disagreement(source, _phrase(source, number) + relative, number)


def agreement_in_object_relative(source: Source) -> Pair:
    """Return: the dax that the wugs see slept / the dax that the wugs sees slept."""
    number = _number(source)
    start = [*_phrase(source, _OTHER[number]), "that", *_phrase(source, number)]
    good, bad = _agreeing(source, "transitive", number)
    end = [_past(source, "intransitive"), *_tail(source)]
    return [*start, *good, *end], [*start, *bad, *end]


def agreement_in_coordination(source: Source) -> Pair:
    """Return: the dax saw the wugs and sleeps / sleep."""
    number = _number(source)
    first = [_past(source, "transitive"), *_phrase(source, _OTHER[number]), "and"]
    return _disagreement(source, _phrase(source, number) + first, number)


def _determiner_noun(source: Source, adjectives: int) -> Pair:
    number = _number(source)
    start = [*_object(source), _past(source, "transitive"), source.pick(_ONLY[number])]
    start += [_adjective(source) for _ in range(adjectives)]
    noun = source.entry("noun")
    assert isinstance(noun, Noun)
    forms = {"singular": noun.singular, "plural": noun.plural}
    tail = _tail(source)
    return [*start, forms[number], *tail], [*start, forms[_OTHER[number]], *tail]


def determiner_noun(source: Source) -> Pair:
    """Return: the dax saw this wug / this wugs."""
    return _determiner_noun(source, adjectives=0)


def determiner_noun_with_adjective(source: Source) -> Pair:
    """Return: the dax saw this big wug / this big wugs."""
    return _determiner_noun(source, adjectives=1)


def _reflexive(source: Source, subject: list[str], good: str, bad: str) -> Pair:
    start, tail = [*subject, _past(source, "transitive")], _tail(source)
    return [*start, good, *tail], [*start, bad, *tail]


def reflexive_number(source: Source) -> Pair:
    """Return: the dax saw itself / themselves."""
    number = _number(source)
    subject = _phrase(source, number)
    return _reflexive(source, subject, _REFLEXIVE[number], _REFLEXIVE[_OTHER[number]])


def reflexive_across_relative(source: Source) -> Pair:
    """Return: the dax that saw the wugs hurt itself / themselves."""
    number = _number(source)
    subject = _subject_relative(source, number)
    return _reflexive(source, subject, _REFLEXIVE[number], _REFLEXIVE[_OTHER[number]])


def reflexive_gender(source: Source) -> Pair:
    """Return: Robin saw herself / himself."""
    forms = {"feminine": "herself", "masculine": "himself"}
    gender = "feminine" if source.random() < 0.5 else "masculine"
    subject = [str(source.entry(gender))]
    if source.random() < 0.5:
        subject.append(str(source.entry("surname")))
    other = "masculine" if gender == "feminine" else "feminine"
    return _reflexive(source, subject, forms[gender], forms[other])


def polarity_adverb(source: Source) -> Pair:
    """Return: the dax has not ever slept / the dax has really ever slept."""
    number = _number(source)
    have = fw.AUXILIARIES["have"][2 * (source.random() < 0.5) + (number == "plural")]
    start = [*_phrase(source, number), have]
    end = [fw.POLARITY_ADVERB, _past(source, "intransitive"), *_tail(source)]
    return [*start, fw.NEGATION, *end], [*start, source.pick(_POSITIVE_ADVERBS), *end]


def polarity_scope(source: Source) -> Pair:
    """Return: the dax that had seen it had not ever slept / that had not seen it had ever slept."""
    start = [*_object(source), "that", "had"]
    middle = [_past(source, "transitive"), *_object(source), "had"]
    end = [fw.POLARITY_ADVERB, _past(source, "intransitive"), *_tail(source)]
    return [*start, *middle, fw.NEGATION, *end], [*start, fw.NEGATION, *middle, *end]


def polarity_determiner(source: Source) -> Pair:
    """Return: no dax saw any wugs / the dax saw any wugs."""
    end = [_noun(source, "singular"), _past(source, "transitive"), fw.POLARITY_DETERMINER]
    end += [_noun(source, _number(source)), *_tail(source)]
    return [fw.NEGATIVE_DETERMINER, *end], [source.pick(_POSITIVE_DETERMINERS), *end]


def pronoun_case(source: Source) -> Pair:
    """Return: the dax saw them / the dax saw they."""
    start, pronoun = [*_object(source), _past(source, "transitive")], source.pick(_PRONOUNS)
    tail = _tail(source)
    return [*start, fw.PRONOUNS[pronoun][0], *tail], [*start, pronoun, *tail]


def missing_object(source: Source) -> Pair:
    """Return: the dax slept / the dax saw."""
    start, tail = _object(source), _tail(source)
    good, bad = _past(source, "intransitive"), _past(source, "transitive")
    return [*start, good, *tail], [*start, bad, *tail]


def superfluous_object(source: Source) -> Pair:
    """Return: the dax saw the wug / the dax slept the wug."""
    start, end = _object(source), [*_object(source), *_tail(source)]
    good, bad = _past(source, "transitive"), _past(source, "intransitive")
    return [*start, good, *end], [*start, bad, *end]


def clausal_complement(source: Source) -> Pair:
    """Return: the dax said that the wug slept / the dax saw that the wug slept."""
    start = _object(source)
    end = ["that", *_object(source), _past(source, "intransitive"), *_tail(source)]
    good, bad = _past(source, "clausal"), _past(source, "transitive")
    return [*start, good, *end], [*start, bad, *end]


def relative_gap(source: Source) -> Pair:
    """Return: the dax that the wug saw slept / the dax that the wug saw the fep slept."""
    start = [*_object(source), "that", *_object(source), _past(source, "transitive")]
    filled, end = _object(source), [_past(source, "intransitive"), *_tail(source)]
    return [*start, *end], [*start, *filled, *end]


def auxiliary_form(source: Source) -> Pair:
    """Return: the dax will sleep / the dax will sleeps."""
    verb, aspect = _verb(source, "intransitive"), source.pick(_ASPECTS)
    number = _number(source)
    plural = number == "plural"
    start, tail = _phrase(source, number), _tail(source)
    if aspect == "perfect":
        start, good, bad = [*start, fw.AUXILIARIES["have"][plural]], verb.past, verb.base
    elif aspect == "progressive":
        start, good, bad = [*start, fw.AUXILIARIES["be"][plural]], verb.gerund, verb.base
    else:
        start, good, bad = [*start, source.pick(_MODALS)], verb.base, verb.third
    return [*start, good, *tail], [*start, bad, *tail]
