"""The syntactic attention of a batch, against loops over words, layers and heads."""

import random
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_parses import random_tree

from ontogeny.errors import ConfigError
from ontogeny.measures.attention import attention_between_words
from ontogeny.runs.architectures import configure, initialise
from ontogeny.runs.checkpoints.eager_attention import eager_attention
from ontogeny.runs.pretraining.batches import Batch, causal_batch, gather, with_syntax
from ontogeny.runs.pretraining.parsed_text import NO_HEAD, NO_WORD, encode_parsed
from ontogeny.runs.pretraining.sequences import encode, open_sequences, write_sequences
from ontogeny.runs.pretraining.syntactic_attention import syntactic_attention
from ontogeny.runs.pretraining.tokenizers import train_tokenizer
from ontogeny.runs.regularizers import Stage, read_stages, stage_at

VOCABULARY = ["un", "unlike", "likely", "cats", "it's", "a-b", "zebras", "cat"]
seeds = st.integers(0, 10_000)


def random_sentences(draw, most=5, longest=9, parsed=0.7):
    """Return sentences as pairs of words and heads, the heads None where there is no parse."""
    found = []
    for _ in range(draw.randint(1, most)):
        words = [draw.choice(VOCABULARY) for _ in range(draw.randint(1, longest))]
        found.append((words, random_tree(draw, len(words)) if draw.random() < parsed else None))
    return found


def random_batch(draw):
    """Return the words and heads of the tokens of a batch, and its sentences.

    Each sentence stands between two special tokens. Words have up to three pieces, some none. A
    sentence is a list of words: their tokens, and the places of their heads among the words.
    """
    sentences, number = [], 0
    for _ in range(draw.randint(1, 4)):
        length = draw.randint(1, 7)
        heads = random_tree(draw, length) if draw.random() < 0.7 else [0] * length
        place, pieces = 1, []
        for _ in range(length):
            count = draw.choice([0, 1, 1, 1, 2, 3])
            pieces.append(list(range(place, place + count)))
            place += count
        sentences.append((number, pieces, heads, place + 1))
        number += length
    width = max(tokens for *_, tokens in sentences) + draw.randint(0, 2)
    word = np.full((len(sentences), width), NO_WORD)
    head = np.full((len(sentences), width), NO_HEAD)
    for row, (first, pieces, heads, _) in enumerate(sentences):
        for place, tokens in enumerate(pieces):
            word[row, tokens] = first + place
            if heads[place] and pieces[heads[place] - 1]:
                head[row, tokens] = first + heads[place] - 1
    return torch.from_numpy(word), torch.from_numpy(head), sentences


def random_attentions(draw, word, layers, heads):
    generator = torch.Generator().manual_seed(draw.randrange(2**31))
    shape = (layers, len(word), heads, word.shape[1], word.shape[1])
    return list(torch.randn(shape, generator=generator).softmax(dim=-1))


@given(seeds, st.integers(1, 3), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_the_value_is_the_sum_that_a_loop_over_words_layers_and_heads_finds(seed, layers, heads):
    draw = random.Random(seed)
    word, head, sentences = random_batch(draw)
    attentions = random_attentions(draw, word, layers, heads)
    total, edges = 0.0, 0
    for row, (_, pieces, parents, _) in enumerate(sentences):
        for place, tokens in enumerate(pieces):
            parent = pieces[parents[place] - 1] if parents[place] else []
            if not tokens or not parent:
                continue
            edges += 1
            for layer in attentions:
                for attention in layer[row]:
                    for source, target in ((tokens, parent), (parent, tokens)):
                        sums = [sum(float(attention[i, j]) for j in target) for i in source]
                        total += sum(sums) / len(sums)
    assert float(syntactic_attention(attentions, word, head)) == pytest.approx(total, rel=1e-4)
    nothing = np.empty(0, dtype=np.int64)
    tokens = np.zeros_like(word.numpy())
    batch = Batch(tokens, tokens == 0, nothing, nothing, word.numpy(), head.numpy())
    assert batch.edges == edges


@given(seeds, st.integers(1, 3), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_the_greatest_is_the_sum_over_words_of_what_a_loop_finds_in_any_head(seed, layers, heads):
    draw = random.Random(seed)
    word, head, sentences = random_batch(draw)
    attentions = random_attentions(draw, word, layers, heads)
    total = 0.0
    for row, (_, pieces, parents, _) in enumerate(sentences):
        for place, tokens in enumerate(pieces):
            parent = pieces[parents[place] - 1] if parents[place] else []
            if not tokens or not parent:
                continue
            for source, target in ((tokens, parent), (parent, tokens)):
                total += max(
                    sum(float(attention[i, j]) for i in source for j in target) / len(source)
                    for layer in attentions
                    for attention in layer[row]
                )
    found = float(syntactic_attention(attentions, word, head, "max"))
    assert found == pytest.approx(total, rel=1e-4)


def test_of_one_head_in_one_layer_the_greatest_is_the_sum():
    draw = random.Random(5)
    word, head, _ = random_batch(draw)
    attentions = random_attentions(draw, word, 1, 1)
    values = [float(syntactic_attention(attentions, word, head, how)) for how in ("sum", "max")]
    assert values[0] == pytest.approx(values[1], rel=1e-5)


@given(seeds)
@settings(max_examples=40, deadline=None)
def test_the_value_is_that_of_the_measure_of_attention_between_words(seed):
    draw = random.Random(seed)
    word, head, sentences = random_batch(draw)
    attentions = random_attentions(draw, word, 2, 3)
    longest = max(len(pieces) for _, pieces, _, _ in sentences)
    first = torch.tensor([first for first, *_ in sentences])
    weights = attention_between_words(attentions, word, first, longest)
    total = 0.0
    for row, (_, _, parents, _) in enumerate(sentences):
        for place, parent in enumerate(parents):
            if parent:
                total += float(weights[row, :, :, place, parent - 1].sum())
                total += float(weights[row, :, :, parent - 1, place].sum())
    assert float(syntactic_attention(attentions, word, head)) == pytest.approx(total, rel=1e-4)


@pytest.mark.parametrize("architecture", ["bert", "gpt"])
def test_the_gradient_lowers_or_raises_attention_along_edges_by_the_sign_of_the_strength(
    architecture,
):
    draw = random.Random(3)
    word, head, _ = random_batch(draw)
    assert (head != NO_HEAD).any()
    tokens = torch.from_numpy(np.random.default_rng(0).integers(5, 20, word.shape))
    config = configure(
        architecture, 20, layers=2, heads=2, width=16, positions=40, dropout=0.0,
        initial_deviation=0.3,
    )  # fmt: skip
    values = {}
    for strength in (1.0, -1.0):
        model = initialise(config, 0)

        def value(model=model):
            outputs = model(input_ids=tokens, output_attentions=True)
            return syntactic_attention(outputs.attentions, word, head)

        with eager_attention(model):
            before = value()
            (strength * before).backward()
            with torch.no_grad():
                for weights in model.parameters():
                    if weights.grad is not None:
                        weights -= 1e-3 * weights.grad
            values[strength] = float((value() - before).detach())
    assert values[1.0] < -1e-3
    assert values[-1.0] > 1e-3


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_sentences_without_a_parse_have_no_gradient(seed):
    draw = random.Random(seed)
    word, head, _ = random_batch(draw)
    attentions = [a.requires_grad_() for a in random_attentions(draw, word, 2, 2)]
    syntactic_attention(attentions, word, head).backward()
    unparsed = (head == NO_HEAD).all(dim=1)
    for attention in attentions:
        assert not attention.grad[unparsed].any()
        assert attention.grad[~unparsed].flatten(1).any(dim=1).all()


@pytest.mark.parametrize("kind", ["word", "wordpiece", "bpe"])
@pytest.mark.parametrize("objective", ["masked", "causal"])
@given(seeds, st.sampled_from(["sentence", "packed"]), st.integers(4, 40))
@settings(max_examples=30, deadline=None)
def test_each_token_knows_its_word_and_the_head_that_stands_in_the_same_sequence(
    kind, objective, seed, sequences, longest
):
    draw = random.Random(seed)
    sentences = random_sentences(draw)
    size = {"word": None, "wordpiece": 40, "bpe": 264}[kind]
    tokenizer = train_tokenizer([VOCABULARY], kind=kind, objective=objective, vocabulary_size=size)
    parsed = encode_parsed(tokenizer, sentences, sequences=sequences, longest=longest)
    plain = encode(tokenizer, [w for w, _ in sentences], sequences=sequences, longest=longest)
    assert (parsed.tokens == plain.tokens).all()
    assert (parsed.offsets == plain.offsets).all()

    # Word by word: the pieces of each, and the head of each.
    ids, heads, count = {}, {}, 0
    for words, parse in sentences:
        for place, text in enumerate(words):
            ids[count + place] = tokenizer.backend_tokenizer.encode(
                [text], is_pretokenized=True, add_special_tokens=False
            ).ids
            if parse is not None and parse[place]:
                heads[count + place] = count + parse[place] - 1
        count += len(words)
    found = {number: [] for number in ids}
    for start, stop in pairwise(parsed.offsets):
        tokens = parsed.tokens[start:stop].tolist()
        word, head = parsed.word[start:stop].tolist(), parsed.head[start:stop].tolist()
        here = {number: word.count(number) for number in set(word) - {NO_WORD}}
        whole = {number for number, pieces in here.items() if pieces == len(ids[number])}
        for token, number, parent in zip(tokens, word, head, strict=True):
            if number == NO_WORD:
                assert token in tokenizer.all_special_ids
                assert parent == NO_HEAD
                continue
            found[number].append(token)
            together = number in whole and heads.get(number) in whole
            assert parent == (heads[number] if together else NO_HEAD)
    assert found == ids


def test_words_and_heads_are_the_same_after_they_were_written(tmp_path):
    tokenizer = train_tokenizer([VOCABULARY], kind="word", objective="masked")
    text = encode_parsed(
        tokenizer, [(["cats", "un"], [2, 0]), (["a-b"], None)], sequences="sentence", longest=8
    )
    write_sequences(text, tmp_path / "train")
    again = open_sequences(tmp_path / "train")
    assert again.word.tolist() == [-1, 0, 1, -1, -1, 2, -1]
    assert again.head.tolist() == [-2, 1, -2, -2, -2, -2, -2]
    plain = encode(tokenizer, [["cats"]], sequences="sentence", longest=8)
    write_sequences(plain, tmp_path / "plain")
    assert open_sequences(tmp_path / "plain").word is None


@given(seeds, st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_the_mean_over_words_is_the_same_on_any_number_of_devices(seed, devices):
    draw = random.Random(seed)
    tokenizer = train_tokenizer([VOCABULARY], kind="wordpiece", objective="causal",
                                vocabulary_size=40)  # fmt: skip
    text = encode_parsed(
        tokenizer, random_sentences(draw, most=8), sequences="sentence", longest=20
    )
    # Chosen with repetition, as a batch across the end of a pass may have one sentence twice.
    chosen = np.random.default_rng(seed).integers(0, len(text), draw.randint(devices, 12))
    tokens, attended = gather(text, chosen, tokenizer.pad_token_id)
    batch = with_syntax(causal_batch(tokens, attended), text, chosen)
    shares = [batch.share(device, devices) for device in range(devices)]
    assert sum(share.edges for share in shares) == batch.edges
    attentions = random_attentions(draw, torch.from_numpy(tokens), 2, 2)
    parts = [
        syntactic_attention(
            [layer[device::devices] for layer in attentions],
            torch.from_numpy(share.word),
            torch.from_numpy(share.head),
        )
        for device, share in enumerate(shares)
    ]
    whole = syntactic_attention(
        attentions, torch.from_numpy(batch.word), torch.from_numpy(batch.head)
    )
    assert float(sum(parts)) == pytest.approx(float(whole), rel=1e-4)


def test_padding_is_of_no_word_and_has_no_head():
    tokenizer = train_tokenizer([VOCABULARY], kind="word", objective="masked")
    text = encode_parsed(
        tokenizer, [(["cats"], [0]), (["cat", "un"], [2, 0])], sequences="sentence", longest=8
    )
    chosen = np.array([0, 1])
    batch = with_syntax(causal_batch(*gather(text, chosen, 0)), text, chosen)
    assert batch.word.tolist() == [[-1, 0, -1, -1], [-1, 1, 2, -1]]
    assert batch.head.tolist() == [[-2, -2, -2, -2], [-2, 2, -2, -2]]


STAGE = {"kind": "syntactic_attention", "strength": 0.5}


def test_a_stage_lasts_from_the_first_update_to_the_last_unless_it_says_otherwise():
    assert read_stages(None, 10, "r") == ()
    assert read_stages(STAGE, 10, "r") == (Stage("syntactic_attention", 0.5, 0, 10),)
    given_in_full = {**STAGE, "from": 0, "until": 99}
    assert read_stages([given_in_full], 10, "r") == read_stages(STAGE, 10, "r")


def test_stages_are_half_open():
    stages = read_stages(
        [{**STAGE, "from": 2, "until": 4}, {**STAGE, "strength": -1, "from": 4, "until": 5}], 9, "r"
    )
    strengths = [stage.strength if (stage := stage_at(stages, step)) else 0 for step in range(9)]
    assert strengths == [0, 0, 0.5, 0.5, -1, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ("promote", r"r: is 'promote'; expected \{kind"),
        ([], r"r: is \[\]; expected"),
        (["promote"], r"r\.0: is 'promote'; expected"),
        ({**STAGE, "kind": "syntax"}, r"r\.kind: is 'syntax'; expected one of syntactic_attention"),
        ({"kind": "syntactic_attention"}, r"r\.strength: missing"),
        ({"strength": 1}, r"r\.kind: missing"),
        (
            {**STAGE, "untill": 3},
            r"r\.untill: unknown key; known are kind, strength, edges, reduce",
        ),
        ({**STAGE, "strength": "1e-3"}, r"r\.strength: is '1e-3'.*1\.0e-3"),
        ({**STAGE, "strength": float("nan")}, r"r\.strength: is nan; expected a finite number"),
        ({**STAGE, "strength": True}, r"r\.strength: is True"),
        ({**STAGE, "edges": "golden"}, r"r\.edges: is 'golden'; expected one of gold, random"),
        ({**STAGE, "reduce": "mean"}, r"r\.reduce: is 'mean'; expected one of sum, max"),
        ({**STAGE, "from": -1}, r"r\.from: is -1; expected a whole number"),
        ({**STAGE, "from": 10}, r"r\.from: is 10, but the last step is 10"),
        ({**STAGE, "from": 5, "until": 5}, r"r\.until: is 5; expected a step after from \(5\)"),
        ({**STAGE, "until": 0}, r"r\.until: is 0; expected a step after from \(0\)"),
        ([STAGE, {**STAGE, "from": 3}], r"r\.1\.from: is 3, but the stage before it .* until 10"),
        ([{**STAGE, "until": 2}, {**STAGE, "from": 12}], r"r\.1\.from: is 12, but the last"),
    ],
)
def test_a_stage_that_cannot_be_is_refused_by_its_key(stages, message):
    with pytest.raises(ConfigError, match=message):
        read_stages(stages, 10, "r")
