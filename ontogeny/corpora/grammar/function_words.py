"""The closed classes of toyglish: plain English function words, with their weights.

A pair (form, weight) stands for a word and its share among the words that may stand in its place;
the weights of one table need not sum to one.
"""

Weighted = tuple[tuple[str, float], ...]

# Determiners by the number of the noun. "no" is drawn for subjects only, "any" only where a
# negation licenses it; "" is a plural without determiner.
SINGULAR_DETERMINERS: Weighted = (
    *(("the", 38), ("a", 28), ("this", 7), ("that", 7), ("every", 5), ("each", 3), ("some", 2)),
    *(("his", 2.5), ("her", 2.5), ("its", 1.5), ("our", 1), ("your", 1), ("their", 2.5)),
)
PLURAL_DETERMINERS: Weighted = (
    *(("the", 34), ("these", 7), ("those", 7), ("some", 9), ("many", 6), ("several", 4)),
    *(("all", 4), ("both", 2), ("", 13)),
    *(("two", 3), ("three", 2), ("four", 1), ("five", 0.8), ("six", 0.6), ("seven", 0.4)),
    *(("his", 1.5), ("her", 1.5), ("its", 1), ("our", 1), ("your", 0.7), ("their", 1.5)),
)
NEGATIVE_DETERMINER = "no"
POLARITY_DETERMINER = "any"
POSSESSIVES = frozenset(("his", "her", "its", "our", "your", "their"))
NUMERALS = frozenset(("two", "three", "four", "five", "six", "seven"))
# Quantifiers that the Penn Treebank tags as adjectives when they stand before a noun.
ADJECTIVAL_QUANTIFIERS = frozenset(("many", "several"))

# Personal pronouns: subject form -> (object form, number, reflexive).
PRONOUNS = {
    "he": ("him", "singular", "himself"),
    "she": ("her", "singular", "herself"),
    "it": ("it", "singular", "itself"),
    "they": ("them", "plural", "themselves"),
    "we": ("us", "plural", "ourselves"),
    "you": ("you", "plural", "yourselves"),
}
PRONOUN_WEIGHTS: Weighted = (
    ("he", 26), ("she", 26), ("it", 16), ("they", 18), ("we", 8), ("you", 6),
)  # fmt: skip
INDEFINITES: Weighted = (("somebody", 3), ("something", 3), ("everybody", 2), ("everything", 2))
NEGATIVE_INDEFINITES: Weighted = (("nobody", 3), ("nothing", 1))  # subjects only
POLARITY_INDEFINITES: Weighted = (("anybody", 1), ("anything", 1))  # under negation only

# Prepositions that attach to nouns and to verbs; "of" marks the former, times the latter.
NOMINAL_PREPOSITIONS: Weighted = (
    *(("of", 40), ("in", 14), ("from", 9), ("with", 9), ("near", 8), ("on", 8)),
    *(("behind", 6), ("under", 6)),
)
VERBAL_PREPOSITIONS: Weighted = (
    *(("in", 20), ("with", 13), ("at", 12), ("on", 9), ("from", 8), ("for", 8), ("by", 5)),
    *(("near", 4), ("after", 4), ("during", 4), ("before", 4), ("behind", 3), ("under", 3)),
    *(("through", 3),),
)
RECIPIENT_PREPOSITION = "to"

MODALS: Weighted = (
    ("will", 30), ("can", 20), ("would", 18), ("could", 12), ("may", 8), ("must", 7), ("should", 5),
)  # fmt: skip
# Auxiliaries by lemma: (present singular, present plural, past singular, past plural).
AUXILIARIES = {
    "do": ("does", "do", "did", "did"),
    "have": ("has", "have", "had", "had"),
    "be": ("is", "are", "was", "were"),
}
COPULA_BASE, COPULA_PARTICIPLE = "be", "been"
NEGATION = "not"
POLARITY_ADVERB = "ever"
MEDIAL_ADVERBS: Weighted = (
    ("often", 5), ("always", 4), ("really", 3), ("probably", 3), ("still", 3), ("certainly", 2),
)  # fmt: skip
INTENSIFIERS: Weighted = (("very", 6), ("quite", 3), ("rather", 2), ("too", 2))

COMPLEMENTISER = "that"
# Relative pronouns: "which" for inanimate nouns, "who" for animate ones, "that" for both.
RELATIVE_THAT, RELATIVE_INANIMATE, RELATIVE_ANIMATE = "that", "which", "who"
SUBORDINATORS: Weighted = (("when", 5), ("because", 5), ("if", 4), ("while", 3), ("although", 2))
NOUN_CONJUNCTION = "and"
VERB_CONJUNCTIONS: Weighted = (("and", 7), ("but", 2), ("or", 1))
SENTENCE_CONJUNCTIONS: Weighted = (("and", 6), ("but", 4), ("or", 1))

# What stands before a place's name, after it, and after an organisation's.
PLACE_PREFIXES: Weighted = (("Lake", 3), ("Mount", 3), ("Port", 2), ("Fort", 1))
PLACE_SUFFIXES: Weighted = (("Bay", 3), ("Valley", 3), ("Island", 2), ("City", 2))
ORGANISATION_SUFFIXES: Weighted = (
    ("Group", 4), ("Council", 3), ("Bank", 3), ("Institute", 2), ("Club", 2),
)  # fmt: skip

COMMA, FULL_STOP = ",", "."


def _all_forms() -> frozenset[str]:
    tables = (
        *(SINGULAR_DETERMINERS, PLURAL_DETERMINERS, INDEFINITES, NEGATIVE_INDEFINITES),
        *(POLARITY_INDEFINITES, NOMINAL_PREPOSITIONS, VERBAL_PREPOSITIONS, MODALS),
        *(MEDIAL_ADVERBS, INTENSIFIERS, SUBORDINATORS, VERB_CONJUNCTIONS, SENTENCE_CONJUNCTIONS),
        *(PLACE_PREFIXES, PLACE_SUFFIXES, ORGANISATION_SUFFIXES),
    )
    forms = {form for table in tables for form, _ in table if form}
    for subject, (other, _, reflexive) in PRONOUNS.items():
        forms |= {subject, other, reflexive}
    for auxiliary in AUXILIARIES.values():
        forms |= set(auxiliary)
    return frozenset(forms) | {
        *(NEGATIVE_DETERMINER, POLARITY_DETERMINER, RECIPIENT_PREPOSITION, COPULA_BASE),
        *(
            COPULA_PARTICIPLE,
            NEGATION,
            POLARITY_ADVERB,
            COMPLEMENTISER,
            RELATIVE_INANIMATE,
            RELATIVE_ANIMATE,
        ),
        *(NOUN_CONJUNCTION, COMMA, FULL_STOP),
    }


FORMS = _all_forms()
