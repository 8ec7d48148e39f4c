"""Minimal pairs: a sentence of the grammar, and one that breaks a single rule of it.

The form is BLiMP's (Warstadt et al. 2020): JSON lines, one file for each paradigm.
"""

import json
import os
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ontogeny.corpora.grammar import function_words as fw
from ontogeny.corpora.grammar import templates
from ontogeny.corpora.grammar.lexicon import Entry, Lexicon, build_lexicon, inflected
from ontogeny.corpora.grammar.sampling import Choice, Source
from ontogeny.corpora.grammar.settings import check_pairs
from ontogeny.errors import ConfigError
from ontogeny.files import atomic_path

# How often a pair may be drawn anew, because it is there already, for each pair that is asked for.
ATTEMPTS = 100


@dataclass(frozen=True)
class Paradigm:
    """A paradigm in BLiMP's terms.

    `lexically_identical`: both sentences have the same lexemes, in another order or inflection.
    `method`: `one_prefix` where the same words precede the two that differ, `two_prefix` where
    the sentences differ before a word that only one of them allows, `simple` where only whole
    sentences can be compared. `critical` is that word of the two-prefix method.
    """

    make: Callable[[Source], templates.Pair]
    field: str
    linguistics_term: str
    lexically_identical: bool
    method: str
    critical: str = ""


_AGREEMENT = ("morphology", "subject_verb_agreement", True, "one_prefix")
_DETERMINER = ("morphology", "determiner_noun_agreement", True, "one_prefix")
_ANAPHOR = ("morphology", "anaphor_agreement", False, "one_prefix")
_POLARITY = ("semantics", "npi_licensing", False, "two_prefix")
_ARGUMENTS = ("syntax", "argument_structure", False, "simple")

PARADIGMS = {
    "subject_verb_agreement": Paradigm(templates.agreement, *_AGREEMENT),
    "agreement_across_prepositional_phrase": Paradigm(
        templates.agreement_across_preposition, *_AGREEMENT
    ),
    "agreement_across_subject_relative": Paradigm(
        templates.agreement_across_subject_relative, *_AGREEMENT
    ),
    "agreement_across_object_relative": Paradigm(
        templates.agreement_across_object_relative, *_AGREEMENT
    ),
    "agreement_in_object_relative": Paradigm(templates.agreement_in_object_relative, *_AGREEMENT),
    "agreement_in_coordinated_verb_phrase": Paradigm(
        templates.agreement_in_coordination, *_AGREEMENT
    ),
    "determiner_noun_agreement": Paradigm(templates.determiner_noun, *_DETERMINER),
    "determiner_noun_agreement_with_adjective": Paradigm(
        templates.determiner_noun_with_adjective, *_DETERMINER
    ),
    "reflexive_number_agreement": Paradigm(templates.reflexive_number, *_ANAPHOR),
    "reflexive_number_across_relative": Paradigm(
        templates.reflexive_across_relative, "syntax_semantics", "binding", False, "one_prefix"
    ),
    "reflexive_gender_agreement": Paradigm(templates.reflexive_gender, *_ANAPHOR),
    "polarity_adverb_licensor_present": Paradigm(
        templates.polarity_adverb, *_POLARITY, fw.POLARITY_ADVERB
    ),
    "polarity_adverb_scope": Paradigm(
        templates.polarity_scope,
        "syntax_semantics",
        "npi_licensing",
        True,
        "two_prefix",
        fw.POLARITY_ADVERB,
    ),
    "polarity_determiner_licensor_present": Paradigm(
        templates.polarity_determiner, *_POLARITY, fw.POLARITY_DETERMINER
    ),
    "pronoun_case": Paradigm(templates.pronoun_case, "morphology", "case", True, "one_prefix"),
    "missing_object": Paradigm(templates.missing_object, *_ARGUMENTS),
    "superfluous_object": Paradigm(templates.superfluous_object, *_ARGUMENTS),
    "clausal_complement": Paradigm(templates.clausal_complement, *_ARGUMENTS),
    "relative_clause_gap": Paradigm(
        templates.relative_gap, "syntax", "filler_gap_dependency", False, "simple"
    ),
    "auxiliary_verb_form": Paradigm(
        templates.auxiliary_form, "morphology", "verb_form", True, "one_prefix"
    ),
}


def minimal_pairs(
    *,
    pairs_per_paradigm: int = 200,
    seed: int = 0,
    word_types: int = 2000,
    zipf_exponent: float = 1.0,
    ambiguous_share: float = 0.1,
) -> dict[str, list[dict]]:
    """Return `pairs_per_paradigm` minimal pairs for each of `PARADIGMS`, by its name (BLiMP's UID).

    The lexicon is the one that `generate` has with the same settings; content words are drawn
    with its Zipfian weights from those that are not ambiguous. A pair has BLiMP's fields:
    `sentence_good`, `sentence_bad`, `field`, `linguistics_term`, `UID`, `simple_LM_method`,
    `one_prefix_method`, `two_prefix_method`, `lexically_identical`, `pairID` (a string, from "0"),
    and, as there, `one_prefix_prefix`, `one_prefix_word_good` and `one_prefix_word_bad`, or
    `two_prefix_prefix_good`, `two_prefix_prefix_bad` and `two_prefix_word`, where these methods
    apply. Unlike BLiMP's, sentences are words joined by single spaces, the full stop included, and
    begin with a small letter: splitting at spaces gives words as the corpus has them.

    No pair occurs twice in a paradigm, and no sentence is good in one pair and bad in another.
    Raises `ConfigError`, naming the key, if a setting is out of its range, or if the lexicon has
    too few unambiguous words for so many pairs.
    """
    check_pairs(pairs_per_paradigm)
    lexicon = build_lexicon(
        seed=seed,
        word_types=word_types,
        zipf_exponent=zipf_exponent,
        ambiguous_share=ambiguous_share,
    )
    entries = _unambiguous(lexicon, ambiguous_share)
    return {
        uid: _paradigm_pairs(
            uid, Source(random.Random(f"{seed}/pairs/{uid}"), entries), pairs_per_paradigm
        )
        for uid in PARADIGMS
    }


def _unambiguous(lexicon: Lexicon, ambiguous_share: float) -> dict[str, Choice[Entry]]:
    """A choice among the unambiguous entries of each class."""
    choices = {}
    for name, entries in lexicon.classes.items():
        kept = [
            (entry, weight)
            for entry, weight in zip(entries, lexicon.weights[name], strict=True)
            if inflected(entry)[0] not in lexicon.ambiguous
        ]
        if not kept:
            raise ConfigError(
                f"ambiguous_share is {ambiguous_share}: it leaves no unambiguous word in the class "
                f"{name}, and minimal pairs need some. Lower it, or raise word_types."
            )
        choices[name] = Choice.of(kept)
    return choices


def _paradigm_pairs(uid: str, source: Source, count: int) -> list[dict]:
    paradigm = PARADIGMS[uid]
    pairs: dict[tuple[str, str], dict] = {}
    for _ in range(ATTEMPTS * count):
        good, bad = paradigm.make(source)
        key = " ".join(good), " ".join(bad)
        if key not in pairs:
            pairs[key] = _record(uid, paradigm, good, bad, len(pairs))
        if len(pairs) == count:
            return list(pairs.values())
    raise ConfigError(
        f"pairs_per_paradigm is {count}, but only {len(pairs)} different pairs of {uid} turned up "
        f"in {ATTEMPTS * count} draws. Lower it or zipf_exponent, or raise word_types."
    )


def _record(
    uid: str, paradigm: Paradigm, good: Sequence[str], bad: Sequence[str], number: int
) -> dict:
    """One line of a BLiMP file."""
    record: dict = {"sentence_good": " ".join(good), "sentence_bad": " ".join(bad)}
    if paradigm.method == "one_prefix":
        k = next(k for k, words in enumerate(zip(good, bad, strict=False)) if words[0] != words[1])
        record["one_prefix_prefix"] = " ".join(good[:k])
        record["one_prefix_word_good"], record["one_prefix_word_bad"] = good[k], bad[k]
    elif paradigm.method == "two_prefix":
        record["two_prefix_prefix_good"] = " ".join(good[: good.index(paradigm.critical)])
        record["two_prefix_prefix_bad"] = " ".join(bad[: bad.index(paradigm.critical)])
        record["two_prefix_word"] = paradigm.critical
    record |= {
        "field": paradigm.field,
        "linguistics_term": paradigm.linguistics_term,
        "UID": uid,
        "simple_LM_method": True,
        "one_prefix_method": paradigm.method == "one_prefix",
        "two_prefix_method": paradigm.method == "two_prefix",
        "lexically_identical": paradigm.lexically_identical,
        "pairID": str(number),
    }
    return record


def write_minimal_pairs(
    pairs: Mapping[str, Sequence[Mapping[str, object]]], folder: str | os.PathLike[str]
) -> None:
    """Write `{UID}.jsonl` for each paradigm into `folder`, each file whole or not at all."""
    for uid, records in pairs.items():
        lines = "".join(json.dumps(record) + "\n" for record in records)
        with atomic_path(Path(folder) / f"{uid}.jsonl") as scratch:
            scratch.write_text(lines, encoding="utf-8")
