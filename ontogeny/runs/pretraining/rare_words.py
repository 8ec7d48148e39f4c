"""Text without rare words, as a vocabulary of whole words needs it.

"Training dynamics of neural language models" (Saphra 2021, chapters 4 and 6): sentences with a word
type that comes less than 100 times are left out; what then comes less often still is one unknown
word. So names, each of which comes a few times, are neither learned nor counted.
"""

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from ontogeny.errors import ConfigError
from ontogeny.runs.pretraining.sequences import read_words

Sentences = Callable[[], Iterable[Sequence[str]]]


def frequent_words(sentences: Sentences, least: int, *, lowercase: bool, run: str) -> set[str]:
    """Return the word types that come `least` times or more in a text.

    `sentences` returns the text's sentences, each a sequence of words, anew at each call. With
    `lowercase` types are told apart in lower case, and returned so. Raises `ConfigError`, naming
    the key of the run, if no sentence is left that has no other type.
    """
    counts: Counter[str] = Counter()
    for words in sentences():
        counts.update(_cased(words, lowercase))
    frequent = {word for word, count in counts.items() if count >= least}
    if not any(made_of(frequent, words, lowercase=lowercase) for words in sentences()):
        raise ConfigError(
            f"runs.{run}.least_count: is {least}, and every sentence of the training text has a "
            "word that comes less often; expected less."
        )
    return frequent


def made_of(known: Collection[str], words: Sequence[str], *, lowercase: bool) -> bool:
    """Say whether all words of a sentence are known: those of `frequent_words`."""
    return all(word in known for word in _cased(words, lowercase))


def _cased(words: Sequence[str], lowercase: bool) -> Iterable[str]:
    return (word.lower() for word in words) if lowercase else words


def sentences_trained_on(
    paths: Sequence[str | os.PathLike[str]], least: int | None, *, lowercase: bool, run: str
) -> Iterator[Sequence[str]]:
    """Yield the words of those sentences of training splits that a run is trained on.

    All of them, unless its recipe says a `least_count`. Raises as `frequent_words`, and
    `CorpusError` if a file isn't a corpus split.
    """
    if least is None:
        yield from read_words(paths)
        return
    frequent = frequent_words(lambda: read_words(paths), least, lowercase=lowercase, run=run)
    for words in read_words(paths):
        if made_of(frequent, words, lowercase=lowercase):
            yield words
