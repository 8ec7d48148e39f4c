"""Tokenizers, trained on a run's own training text."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ontogeny.errors import ConfigError, CorpusError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

KINDS = ("word", "wordpiece", "bpe")
BYTES = 256  # what byte-level BPE starts from

PAD, UNKNOWN, CLASSIFY, SEPARATE, MASK, BEGIN = (
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "[BOS]",
)


@dataclass(frozen=True)
class SpecialTokens:
    """Special tokens by their name in transformers, and how they stand around a text (`$A`)."""

    named: dict[str, str]
    single: str
    pair: str


MASKED = SpecialTokens(
    {
        "pad_token": PAD,
        "unk_token": UNKNOWN,
        "cls_token": CLASSIFY,
        "sep_token": SEPARATE,
        "mask_token": MASK,
    },
    single=f"{CLASSIFY} $A {SEPARATE}",
    pair=f"{CLASSIFY} $A {SEPARATE} $B:1 {SEPARATE}:1",
)
# As in GPT-2, one token both begins and ends a text.
CAUSAL = SpecialTokens(
    {"pad_token": PAD, "unk_token": UNKNOWN, "bos_token": BEGIN, "eos_token": BEGIN},
    single=f"{BEGIN} $A",
    pair=f"{BEGIN} $A {BEGIN}:1 $B:1",
)
SPECIAL_TOKENS = {"masked": MASKED, "causal": CAUSAL}


def train_tokenizer(
    sentences: Iterable[Sequence[str]],
    *,
    kind: str,
    objective: str,
    vocabulary_size: int | None = None,
    lowercase: bool = False,
    longest: int | None = None,
    least_count: int | None = None,
) -> "PreTrainedTokenizerFast":
    """Return a tokenizer trained on sentences, each a sequence of words.

    `kind` is `word` (a token for each word type; the `vocabulary_size` most frequent or all),
    `wordpiece` (as BERT's: Devlin et al. 2019) or `bpe` (byte-level, as GPT-2's: Radford et al.
    2019); for the latter two the vocabulary size, special tokens included, must be given.
    `objective` is `masked` (special tokens `[PAD] [UNK] [CLS] [SEP] [MASK]`, a text stands between
    [CLS] and [SEP]) or `causal` (`[PAD] [UNK] [BOS]`, a text stands after [BOS]). `longest` is the
    number of tokens that the model can take. Word types that come less often than `least_count`
    have no token of their own (`word` alone). Text may be given as strings or, with
    `is_split_into_words=True`, as words; both give the same tokens. The same sentences always give
    the same tokenizer. Raises `ConfigError` on an impossible setting, `CorpusError` if there is no
    word.
    """
    if kind not in KINDS:
        raise ConfigError(f"tokenizer: is {kind!r}; expected one of {', '.join(KINDS)}.")
    special = SPECIAL_TOKENS[objective]
    tokens = list(dict.fromkeys(special.named.values()))
    _check_vocabulary_size(kind, vocabulary_size, len(tokens))
    counts: Counter[str] = Counter()
    for words in sentences:
        counts.update(words)
    if not counts:
        raise CorpusError("tokenizer: no word to train it on; expected sentences with words.")
    if lowercase:
        lowered: Counter[str] = Counter()
        for word, count in counts.items():
            lowered[word.lower()] += count
        counts = lowered
    if least_count is not None:
        counts = Counter({word: count for word, count in counts.items() if count >= least_count})
    builders: dict[str, Callable[..., Any]] = {"word": _word, "wordpiece": _wordpiece, "bpe": _bpe}
    backend = builders[kind](counts, tokens, vocabulary_size, lowercase)
    return _wrap(backend, special, longest)


def _check_vocabulary_size(kind: str, size: int | None, special: int) -> None:
    lowest = special + (BYTES if kind == "bpe" else 1)
    if size is None and kind == "word":
        return
    if isinstance(size, bool) or not isinstance(size, int) or size < lowest:
        raise ConfigError(
            f"vocabulary_size: is {size!r}; tokenizer {kind} needs a whole number of at least "
            f"{lowest}, special tokens included."
        )


def _word(counts: Counter[str], special: list[str], size: int | None, lowercase: bool) -> Any:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    by_frequency = sorted(counts, key=lambda word: (-counts[word], word))
    kept = [word for word in by_frequency if word not in special]
    kept = kept if size is None else kept[: size - len(special)]
    vocabulary = {token: number for number, token in enumerate([*special, *kept])}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    if lowercase:
        backend.normalizer = normalizers.Lowercase()
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return backend


def _wordpiece(counts: Counter[str], special: list[str], size: int, lowercase: bool) -> Any:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    splitter = pre_tokenizers.BertPreTokenizer()
    # The trainer numbers the characters that continue a word in the order of a hash table, which
    # differs from call to call, and breaks ties by these numbers. Named beforehand, they have
    # the same numbers always.
    continuing = {
        "##" + character
        for word in counts
        for piece, _ in splitter.pre_tokenize_str(normalizer.normalize_str(word))
        for character in piece[1:]
    }
    trainer = trainers.WordPieceTrainer(
        vocab_size=size, special_tokens=[*special, *sorted(continuing)], show_progress=False
    )
    trained = Tokenizer(models.WordPiece(unk_token=UNKNOWN))
    trained.normalizer, trained.pre_tokenizer = normalizer, splitter
    trained.train_from_iterator(_texts(counts), trainer)
    # Built anew from the vocabulary, because those characters are no special tokens.
    backend = Tokenizer(models.WordPiece(trained.get_vocab(), unk_token=UNKNOWN))
    backend.normalizer, backend.pre_tokenizer = normalizer, splitter
    backend.decoder = decoders.WordPiece(prefix="##")
    return backend


def _bpe(counts: Counter[str], special: list[str], size: int, lowercase: bool) -> Any:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    backend = Tokenizer(models.BPE())
    if lowercase:
        backend.normalizer = normalizers.Lowercase()
    # A space before the first word too, so that a word has the same tokens wherever it stands.
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=special,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    backend.train_from_iterator(_texts(counts), trainer)
    return backend


def _texts(counts: Counter[str]) -> Iterable[str]:
    """Yield each word type as often as it occurs: order and neighbours don't matter to a trainer.

    A type's occurrences stand in lines of up to 1,000, so that frequent ones stay cheap.
    """
    for word in sorted(counts):
        whole, rest = divmod(counts[word], 1000)
        yield from [" ".join([word] * 1000)] * whole
        if rest:
            yield " ".join([word] * rest)


def _wrap(backend: Any, special: SpecialTokens, longest: int | None) -> "PreTrainedTokenizerFast":
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast

    placed = {piece.split(":")[0] for piece in special.pair.split()} - {"$A", "$B"}
    backend.post_processor = processors.TemplateProcessing(
        single=special.single,
        pair=special.pair,
        special_tokens=[(token, backend.token_to_id(token)) for token in sorted(placed)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        padding_side="right",
        clean_up_tokenization_spaces=False,
        **special.named,
        **({} if longest is None else {"model_max_length": longest}),
    )
