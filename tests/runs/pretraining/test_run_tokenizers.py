import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ontogeny.errors import CheckpointError, ConfigError, CorpusError
from ontogeny.runs.architectures import configure, initialise
from ontogeny.runs.checkpoints.loading import load_tokenizer
from ontogeny.runs.pretraining.tokenizers import train_tokenizer

LETTERS = "abcdeéfg"
words = st.text(LETTERS, min_size=1, max_size=8)
sentences_of_words = st.lists(st.lists(words, min_size=1, max_size=12), min_size=1, max_size=20)


def corpus(seed, sentences=300, types=200):
    random_source = random.Random(seed)
    pool = [
        "".join(random_source.choices(LETTERS, k=random_source.randint(1, 7))) for _ in range(types)
    ] + ["Don't", "U.S.", "1,000", ",", ".", "Capital"]
    return [random_source.choices(pool, k=random_source.randint(1, 20)) for _ in range(sentences)]


@given(sentences_of_words)
@settings(max_examples=30, deadline=None)
def test_a_word_tokenizer_gives_each_training_word_one_known_token(sentences):
    tokenizer = train_tokenizer(sentences, kind="word", objective="masked")
    encoded = tokenizer(sentences, is_split_into_words=True)
    for row, sentence in enumerate(sentences):
        ids = encoded["input_ids"][row]
        assert tokenizer.convert_ids_to_tokens(ids) == ["[CLS]", *sentence, "[SEP]"]
        assert encoded.word_ids(row) == [None, *range(len(sentence)), None]
    assert len(tokenizer) == 5 + len({word for sentence in sentences for word in sentence})
    assert tokenizer("gggggggggg")["input_ids"][1] == tokenizer.unk_token_id


def test_a_bounded_word_vocabulary_keeps_the_most_frequent_words():
    sentences = [["b"] * 5, ["a"] * 5, ["c"] * 7, ["d"] * 2, ["e"]]
    tokenizer = train_tokenizer(sentences, kind="word", objective="causal", vocabulary_size=6)
    assert sorted(tokenizer.get_vocab()) == sorted(["[PAD]", "[UNK]", "[BOS]", "c", "a", "b"])


@pytest.mark.parametrize("kind", ["word", "wordpiece", "bpe"])
@pytest.mark.parametrize("objective", ["masked", "causal"])
@pytest.mark.parametrize("lowercase", [False, True])
def test_a_tokenizer_is_the_same_each_time_and_after_it_was_saved(
    tmp_path, kind, objective, lowercase
):
    sentences = corpus(1)
    trained = [
        train_tokenizer(
            sentences,
            kind=kind,
            objective=objective,
            vocabulary_size=None if kind == "word" else 380,
            lowercase=lowercase,
            longest=64,
        )
        for _ in range(4)
    ]
    assert len({tokenizer.backend_tokenizer.to_str() for tokenizer in trained}) == 1
    # A config beside it must not make transformers take it for the published model's tokenizer.
    architecture = "bert" if objective == "masked" else "gpt"
    config = configure(
        architecture, len(trained[0]), layers=1, heads=1, width=8, positions=64, dropout=0.0
    )
    initialise(config, 0).save_pretrained(tmp_path)
    trained[0].save_pretrained(tmp_path)
    loaded = load_tokenizer(tmp_path)
    before = trained[0](sentences, is_split_into_words=True)
    after = loaded(sentences, is_split_into_words=True)
    assert before["input_ids"] == after["input_ids"]
    assert after["input_ids"] == loaded([" ".join(words) for words in sentences])["input_ids"]
    for row, sentence in enumerate(sentences):
        present = {word for word in after.word_ids(row) if word is not None}
        assert present == set(range(len(sentence)))
    assert loaded.model_max_length == 64
    assert loaded.pad_token == "[PAD]"


@pytest.mark.parametrize(("objective", "around"), [("masked", (1, 1)), ("causal", (1, 0))])
def test_special_tokens_stand_where_the_architecture_wants_them(objective, around):
    tokenizer = train_tokenizer([["a", "b"]], kind="word", objective=objective)
    tokens = tokenizer.convert_ids_to_tokens(tokenizer("a b")["input_ids"])
    expected = ["[CLS]", "a", "b", "[SEP]"] if objective == "masked" else ["[BOS]", "a", "b"]
    assert tokens == expected
    assert len(tokens) == 2 + sum(around)
    special = tokenizer("a b", return_special_tokens_mask=True)["special_tokens_mask"]
    assert special == [1] * around[0] + [0, 0] + [1] * around[1]


def test_bytes_make_every_word_known_to_bpe():
    tokenizer = train_tokenizer(corpus(2), kind="bpe", objective="causal", vocabulary_size=300)
    assert tokenizer.decode(tokenizer("漢字 ☃")["input_ids"][1:]).strip() == "漢字 ☃"


def test_lowercase_joins_words_that_differ_in_case_alone():
    sentences = [["The", "the", "THE"]]
    tokenizer = train_tokenizer(sentences, kind="word", objective="masked", lowercase=True)
    assert len(tokenizer) == 6
    assert len(set(tokenizer("The the THE")["input_ids"][1:-1])) == 1


@pytest.mark.parametrize(
    ("sentences", "arguments", "error", "message"),
    [
        ([["a"]], {"kind": "letters"}, ConfigError, "tokenizer: is 'letters'"),
        ([["a"]], {"kind": "bpe"}, ConfigError, "vocabulary_size: is None"),
        ([["a"]], {"kind": "bpe", "vocabulary_size": 200}, ConfigError, "at least 261"),
        ([["a"]], {"kind": "word", "vocabulary_size": 5}, ConfigError, "at least 6"),
        ([], {"kind": "word"}, CorpusError, "no word"),
    ],
)
def test_impossible_tokenizers_are_refused(sentences, arguments, error, message):
    with pytest.raises(error, match=message):
        train_tokenizer(sentences, objective="masked", **arguments)


def test_a_folder_without_a_tokenizer_is_refused_rather_than_given_an_empty_one(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(CheckpointError, match="has no tokenizer"):
        load_tokenizer(tmp_path)
