"""Names of people, places and organisations, of one to three words.

Surnames and places stand in the names of organisations too ("Talun Bank"), so a word alone does not
settle the type of its entity.
"""

from ontogeny.corpora.grammar import function_words as fw
from ontogeny.corpora.grammar import probabilities as p
from ontogeny.corpora.grammar.lexicon import Entry
from ontogeny.corpora.grammar.sampling import Choice, Source
from ontogeny.corpora.grammar.trees import Derivation

_NAMES = Choice.of(p.NAMES)
_PERSONS = Choice.of(p.PERSONS)
_PLACES = Choice.of(p.PLACES)
_ORGANISATION_BASES = Choice.of(p.ORGANISATION_BASES)
_PLACE_PREFIXES = Choice.of(fw.PLACE_PREFIXES)
_PLACE_SUFFIXES = Choice.of(fw.PLACE_SUFFIXES)
_ORGANISATION_SUFFIXES = Choice.of(fw.ORGANISATION_SUFFIXES)
_ENTITY = {"person": "PER", "place": "LOC", "organisation": "ORG"}


def name(d: Derivation, source: Source) -> tuple[int, str]:
    """Write a name; return the number of its head, the first word, and its reflexive pronoun."""
    kind = source.pick(_NAMES)
    reflexive = "itself"
    words: list[Entry]
    if kind == "person":
        gender = "feminine" if source.random() < 0.5 else "masculine"
        reflexive = "herself" if gender == "feminine" else "himself"
        surnames = source.pick(_PERSONS) - 1
        words = [source.entry(gender), *(source.entry("surname") for _ in range(surnames))]
    elif kind == "place":
        parts = source.pick(_PLACES)
        words = [source.entry("place")]
        if parts == "prefixed":
            words.insert(0, source.pick(_PLACE_PREFIXES))
        elif parts == "suffixed":
            words.append(source.pick(_PLACE_SUFFIXES))
    elif source.random() < p.ORGANISATION_SUFFIX:
        base = source.entry(source.pick(_ORGANISATION_BASES))
        words = [base, source.pick(_ORGANISATION_SUFFIXES)]
    else:
        words = [source.entry("organisation")]
    head = len(d.words)
    for k, form in enumerate(words):
        word = d.word(str(form), "PROPN", "NNP", "flat", head)
        d.entity[word] = f"{'I' if k else 'B'}-{_ENTITY[kind]}"
    return head, reflexive
