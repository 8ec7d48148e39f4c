"""The probabilities of the grammar's rules; the package's docstring explains each."""

# Sentences.
COORDINATED_SENTENCE = 0.06
FRONTED_PHRASE = 0.07
FRONTED_CLAUSE = 0.03
FINAL_CLAUSE = 0.03

# Verb phrases.
COORDINATED_VERB_PHRASE = 0.07
FRAMES = {
    "intransitive": 0.25,
    "transitive": 0.41,
    "ditransitive": 0.09,
    "clausal": 0.12,
    "copular": 0.13,
}
PAST = 0.5
NEGATED = 0.12
ASPECTS = {"simple": 0.62, "modal": 0.16, "perfect": 0.11, "progressive": 0.11}
POLARITY_ADVERB = 0.2
MEDIAL_ADVERB = 0.08
MEDIAL_ADVERB_OPEN = 0.4
REFLEXIVE = 0.1
DOUBLE_OBJECT = 0.5
COMPLEMENTISER = 0.65
PREPOSITIONAL_PHRASES = {0: 0.64, 1: 0.31, 2: 0.05}
FINAL_ADVERB = 0.07

# Noun phrases: the kind by what the phrase is to the verb; the rest are common nouns.
COORDINATED_NOUN_PHRASE = 0.05
THIRD_CONJUNCT = 0.25
KINDS = {
    "subject": {"pronoun": 0.22, "indefinite": 0.03, "name": 0.18, "common": 0.57},
    "object": {"pronoun": 0.12, "indefinite": 0.03, "name": 0.13, "common": 0.72},
    "oblique": {"pronoun": 0.03, "indefinite": 0.01, "name": 0.24, "common": 0.72},
    "conjunct": {"name": 0.35, "common": 0.65},
}
NEGATIVE_SUBJECT = 0.04
NEGATIVE_INDEFINITE = 0.3
POLARITY_DETERMINER = 0.4
PLURAL = 0.38
ADJECTIVES = {"none": 0.68, "one": 0.25, "two": 0.05, "coordinated": 0.02}
INTENSIFIED = 0.08
NOUN_PREPOSITIONAL_PHRASE = 0.14
RELATIVE_CLAUSE = 0.09
RELATIVE_CLAUSES = {"subject": 0.5, "object": 0.3, "bare": 0.2}
RELATIVE_THAT = 0.5

# Names.
NAMES = {"person": 0.5, "place": 0.28, "organisation": 0.22}
PERSONS = {1: 0.5, 2: 0.42, 3: 0.08}
PLACES = {"plain": 0.5, "prefixed": 0.25, "suffixed": 0.25}
ORGANISATION_SUFFIX = 0.7
ORGANISATION_BASES = {"organisation": 0.5, "place": 0.25, "surname": 0.25}

# Every embedding multiplies the probabilities of further embedding by this; below the last level
# there is none.
DAMPING = 0.5
DEEPEST = 3
LONGEST_SENTENCE = 40
