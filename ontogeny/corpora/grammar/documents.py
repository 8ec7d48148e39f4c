"""Documents: sentences on one topic; splits: documents of their own."""

import random
from collections.abc import Iterator, Mapping

from ontogeny.corpora.grammar import probabilities
from ontogeny.corpora.grammar.clauses import sentence
from ontogeny.corpora.grammar.lexicon import build_lexicon
from ontogeny.corpora.grammar.sampling import Source, entry_choices
from ontogeny.corpora.grammar.settings import check_documents, check_topics
from ontogeny.corpora.grammar.topics import topic_weights
from ontogeny.corpora.grammar.trees import Derivation


def generate(
    sentences: Mapping[str, int],
    *,
    seed: int = 0,
    word_types: int = 2000,
    zipf_exponent: float = 1.0,
    ambiguous_share: float = 0.1,
    topics: int = 20,
    topic_strength: float = 4.0,
    sentences_per_document: int = 20,
) -> dict[str, list[dict]]:
    """Generate the splits of a toyglish corpus; return rows as `ontogeny.corpora.corpus.SCHEMA`.

    `sentences` maps splits (`train`, `dev`, `test`) to their numbers of sentences. All splits have
    one lexicon and one set of topics; a document lies in one split and has one topic, and all but
    a split's last document have `sentences_per_document` sentences. `word_types`, `zipf_exponent`
    and `ambiguous_share` are as in `build_lexicon`; `topics` is the number of topics, and
    `topic_strength` says by how much (less one) the odds of a content word grow in documents of its
    topic, 0 for no topics at all (`ontogeny.corpora.grammar.topics`).

    Every document has a random stream of its own, so a split's sentences depend neither on the
    size of the other splits nor, up to its end, on its own. Raises `ConfigError`, naming the key,
    if a setting is out of its range.
    """
    check_documents(sentences, sentences_per_document)
    return {
        split: [
            derivation.row(f"{document}-{number:03d}", document)
            for document, number, derivation in derivations(
                split,
                count,
                seed=seed,
                word_types=word_types,
                zipf_exponent=zipf_exponent,
                ambiguous_share=ambiguous_share,
                topics=topics,
                topic_strength=topic_strength,
                sentences_per_document=sentences_per_document,
            )
        ]
        for split, count in sentences.items()
    }


def derivations(
    split: str,
    count: int,
    *,
    seed: int = 0,
    word_types: int = 2000,
    zipf_exponent: float = 1.0,
    ambiguous_share: float = 0.1,
    topics: int = 20,
    topic_strength: float = 4.0,
    sentences_per_document: int = 20,
) -> Iterator[tuple[str, int, Derivation]]:
    """Yield the `count` sentences of a split: document id, number from 1 in it, derivation.

    The arguments, and what is raised, are as in `generate`.
    """
    check_topics(topics, topic_strength)
    lexicon = build_lexicon(
        seed=seed,
        word_types=word_types,
        zipf_exponent=zipf_exponent,
        ambiguous_share=ambiguous_share,
    )
    weights = topic_weights(lexicon, seed=seed, topics=topics, topic_strength=topic_strength)
    choices = [
        entry_choices(lexicon, {name: table[topic].tolist() for name, table in weights.items()})
        for topic in range(topics)
    ]
    for start in range(0, count, sentences_per_document):
        document = f"{split}-{start // sentences_per_document + 1:05d}"
        rng = random.Random(f"{seed}/{document}")
        source = Source(rng, choices[rng.randrange(topics)])
        for number in range(1, min(sentences_per_document, count - start) + 1):
            yield document, number, short_sentence(source)


def short_sentence(source: Source) -> Derivation:
    """Derive a sentence of at most `LONGEST_SENTENCE` words; longer ones are drawn again."""
    while True:
        derivation = sentence(source)
        if len(derivation.words) <= probabilities.LONGEST_SENTENCE:
            return derivation
