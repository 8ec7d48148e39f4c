"""Clauses: auxiliaries and agreement, verbs and their complements, embedding, coordination."""

from ontogeny.corpora.grammar import function_words as fw
from ontogeny.corpora.grammar import probabilities as p
from ontogeny.corpora.grammar.lexicon import Verb
from ontogeny.corpora.grammar.noun_phrases import (
    NounPhrase,
    adjective_phrase,
    adverb_phrase,
    noun_phrase,
    prepositional_phrase,
)
from ontogeny.corpora.grammar.sampling import Choice, Source
from ontogeny.corpora.grammar.trees import Derivation

_FRAMES = Choice.of(p.FRAMES)
_FLAT_FRAMES = Choice.of({frame: w for frame, w in p.FRAMES.items() if frame != "clausal"})
_ASPECTS = Choice.of(p.ASPECTS)
_MODALS = Choice.of(fw.MODALS)
_MEDIAL_ADVERBS = Choice.of(fw.MEDIAL_ADVERBS)
_PREPOSITIONAL_PHRASES = Choice.of(p.PREPOSITIONAL_PHRASES)
_RELATIVE_CLAUSES = Choice.of(p.RELATIVE_CLAUSES)
_SUBORDINATORS = Choice.of(fw.SUBORDINATORS)
_VERB_CONJUNCTIONS = Choice.of(fw.VERB_CONJUNCTIONS)
_SENTENCE_CONJUNCTIONS = Choice.of(fw.SENTENCE_CONJUNCTIONS)


def sentence(source: Source) -> Derivation:
    """Derive one sentence of any length."""
    d = Derivation()
    top = d.open("S")
    if source.random() < p.COORDINATED_SENTENCE:
        root = _coordinated_sentence(d, source)
    else:
        root = _simple_sentence(d, source)
    d.attach(root, -1, "root")
    d.word(fw.FULL_STOP, "PUNCT", ".", "punct", root)
    d.close(top)
    return d


def _coordinated_sentence(d: Derivation, source: Source) -> int:
    first = _embedded_clause(d, source, depth=1)
    comma = d.word(fw.COMMA, "PUNCT", ",")
    conjunction = d.word(source.pick(_SENTENCE_CONJUNCTIONS), "CCONJ", "CC")
    second = _embedded_clause(d, source, depth=1)
    d.attach(comma, second, "punct")
    d.attach(conjunction, second, "cc")
    d.attach(second, first, "conj")
    return first


def _simple_sentence(d: Derivation, source: Source) -> int:
    """A clause, perhaps with a prepositional phrase or a clause and a comma before it."""
    chance = source.random()
    fronted, comma, relation = -1, -1, "obl"
    if chance < p.FRONTED_PHRASE:
        fronted = prepositional_phrase(d, source, "obl", -1, depth=1)
    elif chance < p.FRONTED_PHRASE + p.FRONTED_CLAUSE:
        fronted, relation = _adverbial_clause(d, source, depth=1), "advcl"
    if fronted >= 0:
        comma = d.word(fw.COMMA, "PUNCT", ",")
    predicate = _clause(d, source, depth=0)
    if fronted >= 0:
        d.attach(fronted, predicate, relation)
        d.attach(comma, predicate, "punct")
    return predicate


def _adverbial_clause(d: Derivation, source: Source, depth: int) -> int:
    phrase = d.open("SBAR")
    mark = d.word(source.pick(_SUBORDINATORS), "SCONJ", "IN")
    predicate = _embedded_clause(d, source, depth)
    d.attach(mark, predicate, "mark")
    d.close(phrase)
    return predicate


def _embedded_clause(d: Derivation, source: Source, depth: int) -> int:
    phrase = d.open("S")
    predicate = _clause(d, source, depth)
    d.close(phrase)
    return predicate


def _clause(d: Derivation, source: Source, depth: int) -> int:
    """Subject and predicate, without a constituent of their own; return the predicate's head."""
    subject = noun_phrase(d, source, "subject", depth)
    if source.random() < p.COORDINATED_VERB_PHRASE * p.DAMPING**depth:
        phrase = d.open("VP")
        predicate = _verb_phrase(d, source, subject, depth + 1)
        conjunction = d.word(source.pick(_VERB_CONJUNCTIONS), "CCONJ", "CC")
        second = _verb_phrase(d, source, subject, depth + 1)
        d.attach(conjunction, second, "cc")
        d.attach(second, predicate, "conj")
        d.close(phrase)
    else:
        predicate = _verb_phrase(d, source, subject, depth)
    d.attach(subject.head, predicate, "nsubj")
    return predicate


def relative_clause(d: Derivation, source: Source, noun: NounPhrase, depth: int) -> None:
    """Write a relative clause on a noun: its subject or its object is the gap.

    Without relative pronoun (`bare`) the gap is the object. The pronoun bears the gap's relation.
    """
    kind = source.pick(_RELATIVE_CLAUSES)
    phrase = d.open("SBAR")
    pronoun = -1
    if kind != "bare":
        own = fw.RELATIVE_ANIMATE if noun.animate else fw.RELATIVE_INANIMATE
        form = fw.RELATIVE_THAT if source.random() < p.RELATIVE_THAT else own
        wh_phrase = d.open("WHNP")
        pronoun = d.word(form, "PRON", "WP" if form == fw.RELATIVE_ANIMATE else "WDT")
        d.close(wh_phrase)
    clause = d.open("S")
    if kind == "subject":
        # The noun's negation ("no ...") licenses nothing inside its own relative clause.
        predicate = _verb_phrase(d, source, noun._replace(negative=False), depth)
        d.attach(pronoun, predicate, "nsubj")
    else:
        subject = noun_phrase(d, source, "subject", depth)
        predicate = _verb_phrase(d, source, subject, depth, gap=True)
        d.attach(subject.head, predicate, "nsubj")
        if pronoun >= 0:
            d.attach(pronoun, predicate, "obj")
    d.close(clause)
    d.attach(predicate, noun.head, "acl:relcl")
    d.close(phrase)


def _verb_phrase(
    d: Derivation, source: Source, subject: NounPhrase, depth: int, gap: bool = False
) -> int:
    """Write a finite verb phrase that agrees with its subject; return the predicate's number.

    With `gap`, the verb is transitive and its object is missing. The first word that bears tense
    is an auxiliary, the copula or the verb itself; an auxiliary takes a VP inside its own.
    """
    if gap:
        frame = "transitive"
    else:
        frame = source.pick(_FRAMES if depth < p.DEEPEST else _FLAT_FRAMES)
    copular = frame == "copular"
    negated = not subject.negative and source.random() < p.NEGATED
    licensed = negated or subject.negative
    outer = d.open("VP")
    dependents, form = _auxiliary(d, source, subject.number, copular, negated)
    if negated:
        dependents.append((d.word(fw.NEGATION, "PART", "RB"), "advmod"))
    dependents += [(word, "advmod") for word in _medial_adverb(d, source, licensed)]
    inner = d.open("VP") if form != "finite" else None
    if copular:
        if form != "finite":
            be, tag = (fw.COPULA_BASE, "VB") if form == "base" else (fw.COPULA_PARTICIPLE, "VBN")
            dependents.append((d.word(be, "AUX", tag), "cop"))
        predicate = adjective_phrase(d, source)
    else:
        predicate = _main_verb(d, source, frame, form, subject.number)
        if not gap:
            _complements(d, source, subject, frame, predicate, depth, licensed)
    for word, relation in dependents:
        d.attach(word, predicate, relation)
    if frame != "clausal":
        _adjuncts(d, source, predicate, depth, licensed)
    if inner is not None:
        d.close(inner)
    d.close(outer)
    return predicate


def _auxiliary(
    d: Derivation, source: Source, number: str, copular: bool, negated: bool
) -> tuple[list[tuple[int, str]], str]:
    """Write the auxiliary, or the finite copula, if there is one.

    Returns it with its relation, and the form that it asks of the next verb: `base`, `past` (the
    participle), `gerund`, or `finite` if the next verb bears tense itself or is not there.
    """
    aspect = source.pick(_ASPECTS)
    if aspect == "modal":
        return [(d.word(source.pick(_MODALS), "AUX", "MD"), "aux")], "base"
    if aspect == "perfect":
        return [(_finite_auxiliary(d, source, "have", number), "aux")], "past"
    if copular:
        return [(_finite_auxiliary(d, source, "be", number), "cop")], "finite"
    if aspect == "progressive":
        return [(_finite_auxiliary(d, source, "be", number), "aux")], "gerund"
    if negated:
        return [(_finite_auxiliary(d, source, "do", number), "aux")], "base"
    return [], "finite"


def _finite_auxiliary(d: Derivation, source: Source, lemma: str, number: str) -> int:
    past, plural = source.random() < p.PAST, number == "plural"
    form = fw.AUXILIARIES[lemma][2 * past + plural]
    return d.word(form, "AUX", "VBD" if past else "VBP" if plural else "VBZ")


def _medial_adverb(d: Derivation, source: Source, licensed: bool) -> list[int]:
    """Write at most one adverb between the auxiliary and the verb; return its number in a list."""
    if licensed and source.random() < p.POLARITY_ADVERB:
        return [d.word(fw.POLARITY_ADVERB, "ADV", "RB")]
    if source.random() >= p.MEDIAL_ADVERB:
        return []
    if source.random() < p.MEDIAL_ADVERB_OPEN:
        return [adverb_phrase(d, source)]
    return [d.word(source.pick(_MEDIAL_ADVERBS), "ADV", "RB")]


def _main_verb(d: Derivation, source: Source, frame: str, form: str, number: str) -> int:
    verb = source.entry(frame)
    assert isinstance(verb, Verb)
    if form == "base":
        return d.word(verb.base, "VERB", "VB")
    if form == "past":
        return d.word(verb.past, "VERB", "VBN")
    if form == "gerund":
        return d.word(verb.gerund, "VERB", "VBG")
    if source.random() < p.PAST:
        return d.word(verb.past, "VERB", "VBD")
    if number == "plural":
        return d.word(verb.base, "VERB", "VBP")
    return d.word(verb.third, "VERB", "VBZ")


def _complements(
    d: Derivation,
    source: Source,
    subject: NounPhrase,
    frame: str,
    verb: int,
    depth: int,
    licensed: bool,
) -> None:
    """Write what the verb's frame asks for."""
    if frame == "transitive":
        if subject.reflexive and source.random() < p.REFLEXIVE:
            phrase = d.open("NP")
            d.word(subject.reflexive, "PRON", "PRP", "obj", verb)
            d.close(phrase)
        else:
            d.attach(noun_phrase(d, source, "object", depth, licensed).head, verb, "obj")
    elif frame == "ditransitive":
        first = noun_phrase(d, source, "object", depth, licensed).head
        if source.random() < p.DOUBLE_OBJECT:
            d.attach(first, verb, "iobj")
            d.attach(noun_phrase(d, source, "object", depth, licensed).head, verb, "obj")
        else:
            d.attach(first, verb, "obj")
            to = fw.RECIPIENT_PREPOSITION
            prepositional_phrase(d, source, "obl", verb, depth, licensed, to)
    elif frame == "clausal":
        phrase = d.open("SBAR")
        mark = -1
        if source.random() < p.COMPLEMENTISER:
            mark = d.word(fw.COMPLEMENTISER, "SCONJ", "IN")
        predicate = _embedded_clause(d, source, depth + 1)
        if mark >= 0:
            d.attach(mark, predicate, "mark")
        d.attach(predicate, verb, "ccomp")
        d.close(phrase)


def _adjuncts(d: Derivation, source: Source, predicate: int, depth: int, licensed: bool) -> None:
    """Write prepositional phrases, an adverb and, in main clauses, an adverbial clause."""
    for _ in range(source.pick(_PREPOSITIONAL_PHRASES)):
        prepositional_phrase(d, source, "obl", predicate, depth, licensed)
    if source.random() < p.FINAL_ADVERB:
        d.attach(adverb_phrase(d, source), predicate, "advmod")
    if depth == 0 and source.random() < p.FINAL_CLAUSE:
        d.attach(_adverbial_clause(d, source, depth=1), predicate, "advcl")
