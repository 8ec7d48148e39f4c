"""Toyglish: an embedded corpus from a seeded probabilistic grammar of English-like syntax.

`generate` makes the annotated splits, `minimal_pairs` and `write_minimal_pairs` the pairs that go
with them. Content words and names are invented; function words, and the words that mark a name as
a lake or a bank, are plain English. So a reader sees the structure of a sentence at a glance and
can check it ("the waprep behind the dibrotrors skazuflims"), while nothing that a model, a
tokenizer or a reader knows of English content words helps or misleads.

**Words** (`lexicon`, `function_words`, `topics`). Nouns are inflected for number, verbs for number
and tense, all regularly: -s, -ed (past and past participle), -ing. Adverbs end in -ly. A verb has
one frame. Entries of a class are Zipfian in the class: P(rank) is proportional to
rank ** -zipf_exponent. A share of the stems stands in two classes. Documents have topics, which
reweigh nouns, verbs, adjectives, adverbs and names.

**Rules.** Round brackets hold what may be left out; NP(subject) etc. say what a phrase is to the
verb; each rule's probability is in the table below under the name in capitals.

    S -> Clause .                          a main clause
    S -> PP , Clause .                     FRONTED_PHRASE
    S -> SBAR(adverbial) , Clause .        FRONTED_CLAUSE
    S -> S , CC S .                        COORDINATED_SENTENCE
    Clause -> NP(subject) VP               the finite verb agrees with the subject
    VP -> VP CC VP                         COORDINATED_VERB_PHRASE; both agree
    VP -> (Adv) V Complements Adjuncts     simple ASPECTS, not NEGATED
    VP -> do not (Adv) VP[base]            simple ASPECTS, NEGATED
    VP -> MD (not) (Adv) VP[base]          modal
    VP -> have (not) (Adv) VP[participle]  perfect
    VP -> be (not) (Adv) VP[gerund]        progressive; not with copular predicates
    VP -> be (not) (Adv) ADJP Adjuncts     copular
    Complements ->                         by the verb's frame, FRAMES:
        (nothing)                          intransitive
        NP(object) | reflexive             transitive; REFLEXIVE agrees with the subject
        NP NP | NP to NP                   ditransitive; DOUBLE_OBJECT
        SBAR                               clausal, no adjuncts; (that) S, COMPLEMENTISER
    Adjuncts -> PP* (ADVP) (SBAR)          PREPOSITIONAL_PHRASES, FINAL_ADVERB, FINAL_CLAUSE
    SBAR(adverbial) -> when|because|... S
    NP -> NP (, NP) and NP                 COORDINATED_NOUN_PHRASE, THIRD_CONJUNCT; plural
    NP -> pronoun | indefinite | name | N' KINDS
    N' -> Det Adj* N                       determiner and noun agree in number
    NP -> N' (PP) (SBAR(relative))         NOUN_PREPOSITIONAL_PHRASE, RELATIVE_CLAUSE
    PP -> IN NP(oblique)
    SBAR(relative) -> that|which|who VP    RELATIVE_CLAUSES subject; the VP agrees with the noun
    SBAR(relative) -> that|which|who S/NP  object: the object of S, transitive, is missing
    SBAR(relative) -> S/NP                 bare: the same without pronoun

Polarity items ("ever" after the auxiliary or before the finite verb; "any", "anybody", "anything"
in objects and in PPs of the verb) stand only where "not" precedes them in their own clause's verb
phrase, or where its subject is "no ...", "nobody" or "nothing"; a clause inside starts afresh, and
so does a PP inside a noun phrase. Such subjects, and so "no", exclude "not". Names are flat: given
names with up to two surnames, places (Lake X, X Bay), organisations (X, X Bank; X may be a place
or a surname). Words are lower case but for names. Sentences of more than LONGEST_SENTENCE words
are drawn again.

**Probabilities** (`probabilities`; the weights of single function words are in `function_words`).

    COORDINATED_SENTENCE       0.06
    FRONTED_PHRASE             0.07
    FRONTED_CLAUSE             0.03
    FINAL_CLAUSE               0.03   in main clauses
    COORDINATED_VERB_PHRASE    0.07   not in relative clauses
    FRAMES                     intransitive 0.25, transitive 0.41, ditransitive 0.09, clausal 0.12,
                               copular 0.13; in the deepest clauses no clausal
    PAST                       0.5    of finite forms other than modals
    NEGATED                    0.12   of verb phrases without negative subject
    ASPECTS                    simple 0.62, modal 0.16, perfect 0.11, progressive 0.11
    POLARITY_ADVERB            0.2    "ever", where licensed
    MEDIAL_ADVERB              0.08   another adverb in its place
    MEDIAL_ADVERB_OPEN         0.4    of these: from the open class
    REFLEXIVE                  0.1    of objects of transitive verbs, if the subject can bind one
    DOUBLE_OBJECT              0.5
    COMPLEMENTISER             0.65   "that" is written
    PREPOSITIONAL_PHRASES      0 0.64, 1 0.31, 2 0.05
    FINAL_ADVERB               0.07
    COORDINATED_NOUN_PHRASE    0.05
    THIRD_CONJUNCT             0.25
    KINDS.subject              pronoun 0.22, indefinite 0.03, name 0.18, common 0.57
    KINDS.object               pronoun 0.12, indefinite 0.03, name 0.13, common 0.72
    KINDS.oblique              pronoun 0.03, indefinite 0.01, name 0.24, common 0.72
    KINDS.conjunct             name 0.35, common 0.65
    NEGATIVE_SUBJECT           0.04   "no" for the determiner of a subject
    NEGATIVE_INDEFINITE        0.3    of indefinite subjects: "nobody", "nothing"
    POLARITY_DETERMINER        0.4    "any", where licensed
    PLURAL                     0.38   of common nouns
    ADJECTIVES                 none 0.68, one 0.25, two 0.05, coordinated 0.02
    INTENSIFIED                0.08   "very" and such before an adjective or adverb
    NOUN_PREPOSITIONAL_PHRASE  0.14
    RELATIVE_CLAUSE            0.09
    RELATIVE_CLAUSES           subject 0.5, object 0.3, bare 0.2
    RELATIVE_THAT              0.5    else "who" for animate nouns, "which" for the others
    NAMES                      person 0.5, place 0.28, organisation 0.22
    PERSONS                    1 0.5, 2 0.42, 3 0.08
    PLACES                     plain 0.5, prefixed 0.25, suffixed 0.25
    ORGANISATION_SUFFIX        0.7
    ORGANISATION_BASES         organisation 0.5, place 0.25, surname 0.25
    DAMPING                    0.5    times itself for each clause or noun phrase around: factor on
                               the coordinations of noun and verb phrases and on modifiers of nouns
    DEEPEST                    3      from here on no modifiers of nouns and no clausal complements
    LONGEST_SENTENCE           40

**Annotation.** Both trees come from one derivation. UPOS and relations follow Universal
Dependencies 2: the content word heads (case, mark, aux, cop hang on it), conjuncts hang on the
first one and their conjunction on the conjunct after it, names are flat with the first word as
head. XPOS follow the Penn Treebank, except that "to" before a noun phrase is IN, as in OntoNotes.
Constituents follow the Penn Treebank with traces removed: S, SBAR, NP, VP, PP and WHNP always, ADJP
and ADVP where they branch; a modified noun phrase has an NP inside, an auxiliary a VP beside it. In
every constituent exactly one word has its head outside, so its words form a connected piece of the
dependency tree; a PP or SBAR is moreover the whole subtree of that word. The root, which is not
counted in `phrase_start` and `phrase_end`, is the S that spans the sentence.
"""

from ontogeny.corpora.grammar.documents import generate
from ontogeny.corpora.grammar.minimal_pairs import minimal_pairs, write_minimal_pairs

__all__ = ["generate", "minimal_pairs", "write_minimal_pairs"]
