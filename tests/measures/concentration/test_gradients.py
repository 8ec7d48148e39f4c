import pytest
import torch
from torch.nn.functional import cross_entropy

from ontogeny.measures.concentration import Texts, concentration_by_token, read
from ontogeny.measures.concentration.by_token import Measured
from ontogeny.measures.concentration.indices import concentration, norms
from ontogeny.runs.architectures import configure, initialise
from ontogeny.runs.pretraining.tokenizers import train_tokenizer

WORDS = [["a", "b", "a", "c"], ["b", "d", "c", "a", "b"], ["c", "a"]] * 6
TRANSFORMER = {"layers": 2, "heads": 2, "width": 8}
SIZES = {"bert": TRANSFORMER, "gpt": TRANSFORMER, "lstm": {"layers": 3, "width": 7}}


def model_of(architecture, vocabulary=9, seed=0, **special):
    config = configure(
        architecture, vocabulary, positions=16, dropout=0.0, **SIZES[architecture], **special
    )
    return initialise(config, seed).eval()


def tokens_of(model, batch=3, length=5, seed=0):
    draw = torch.Generator().manual_seed(seed)
    tokens = torch.randint(3, 9, (batch, length), generator=draw)
    positions = torch.arange(batch * length)
    targets = torch.randint(3, 9, (batch * length,), generator=draw)
    return tokens, torch.ones_like(tokens), positions, targets


def test_gradients_of_an_lstm_are_those_of_what_each_layer_hands_upward_one_position_at_a_time():
    model = model_of("lstm")
    tokens, attended, positions, targets = tokens_of(model)
    draw = torch.Generator().manual_seed(1)
    before = tuple(torch.randn(3, 3, 7, generator=draw) for _ in range(2))
    found = read(model, tokens, attended, positions, targets, before)
    cells = [torch.nn.LSTMCell(7, 7) for _ in range(3)]
    for layer, cell in enumerate(cells):
        for name, values in zip(
            ("weight_ih", "weight_hh", "bias_ih", "bias_hh"),
            model.lstm.recurrence.weights(layer),
            strict=True,
        ):
            setattr(cell, name, values)
    for layer in range(4):
        for place in range(5):
            added = torch.zeros(3, 7, requires_grad=True)
            hidden, memory = ([part[i] for i in range(3)] for part in before)
            loss = torch.zeros(())
            for step in range(5):
                upward = model.get_input_embeddings()(tokens[:, step])
                for level in range(4):
                    if level:
                        hidden[level - 1], memory[level - 1] = cells[level - 1](
                            upward, (hidden[level - 1], memory[level - 1])
                        )
                        upward = hidden[level - 1]
                    if (level, step) == (layer, place):
                        upward = upward + added
                logits = model.get_output_embeddings()(upward)
                loss = loss + cross_entropy(logits, targets.view(3, 5)[:, step], reduction="sum")
            (expected,) = torch.autograd.grad(loss, added)
            torch.testing.assert_close(found.gradients[layer, :, place], expected)


def test_at_the_top_of_an_lstm_a_gradient_is_the_outputs_weights_times_p_minus_onehot():
    model = model_of("lstm")
    tokens, attended, positions, targets = tokens_of(model)
    found = read(model, tokens, attended, positions, targets)
    logits = model(input_ids=tokens).logits.flatten(0, 1)
    error = logits.softmax(-1) - torch.nn.functional.one_hot(targets, 9)
    expected = error @ model.get_output_embeddings().weight
    torch.testing.assert_close(found.gradients[-1].flatten(0, 1), expected)


@pytest.mark.parametrize("architecture", ["bert", "gpt", "lstm"])
def test_gradients_are_those_of_autograd_and_the_model_is_left_as_it_was(architecture):
    model = model_of(architecture)
    tokens, attended, positions, targets = tokens_of(model)
    chosen = positions[::2]
    output = model(input_ids=tokens, output_hidden_states=True)
    loss = cross_entropy(output.logits.flatten(0, 1)[chosen], targets[chosen], reduction="sum")
    expected = torch.autograd.grad(loss, output.hidden_states)
    attention = architecture != "lstm"
    found = read(model, tokens, attended, chosen, targets[chosen], attention=attention)
    torch.testing.assert_close(found.gradients, torch.stack(expected), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(found.states, torch.stack(output.hidden_states))
    assert len(found.attentions) == (2 if attention else 0)
    assert all(weights.requires_grad for weights in model.parameters())
    again = model(input_ids=tokens).logits
    torch.testing.assert_close(again, output.logits)


def mean_by_token(rows, vocabulary):
    """Means of (token, value) pairs, slowly."""
    found = [[value for token, value in rows if token == number] for number in range(vocabulary)]
    return [sum(values) / len(values) if values else float("nan") for values in found]


def tokenizer_of(objective):
    return train_tokenizer(WORDS, kind="word", objective=objective, longest=16)


@pytest.mark.parametrize("architecture", ["gpt", "lstm"])
def test_means_by_word_are_those_of_a_loop_over_positions(architecture):
    tokenizer = tokenizer_of("causal")
    model = model_of(architecture, len(tokenizer), pad_token_id=0)
    # One stream that one piece reads whole, or sentences, each behind its mark.
    texts = Texts(streams=1, length=10_000)
    found = concentration_by_token(model, tokenizer, WORDS, "causal", texts)
    mark = tokenizer.bos_token_id
    sentences = [[mark, *tokenizer.convert_tokens_to_ids(words)] for words in WORDS]
    if architecture == "lstm":
        sentences = [[token for sentence in sentences for token in sentence]]
    roles = {"input": [], "target": []}
    for ids in sentences:
        tokens, targets = torch.tensor([ids[:-1]]), torch.tensor(ids[1:])
        embedded = model.get_input_embeddings()(tokens).detach().requires_grad_()
        output = model(inputs_embeds=embedded, output_hidden_states=True)
        loss = cross_entropy(output.logits[0], targets, reduction="sum")
        for layer, gradient in enumerate(torch.autograd.grad(loss, output.hidden_states)):
            values = concentration(norms(gradient[0])).tolist()
            for place, value in enumerate(values):
                if ids[place] != mark:
                    roles["input"].append((layer, ids[place], value))
                if ids[place + 1] != mark:
                    roles["target"].append((layer, ids[place + 1], value))
    layers = SIZES[architecture]["layers"]
    named = "recurrent" if architecture == "lstm" else "residual"
    for layer in range(layers + 1):
        key = Measured(named if layer else "embedding", layer, "gradient", "chi")
        for role, rows in enumerate(roles.values()):
            own = [(token, value) for at, token, value in rows if at == layer]
            expected = torch.tensor(mean_by_token(own, len(tokenizer)), dtype=torch.float64)
            torch.testing.assert_close(
                torch.from_numpy(found.means[key][role]), expected, equal_nan=True, rtol=1e-4,
                atol=1e-6,
            )  # fmt: skip
            assert found.counts[role].sum() == len(own)


def test_a_masked_model_predicts_each_word_once_and_reads_it_in_the_other_copies():
    tokenizer = tokenizer_of("masked")
    model = model_of("bert", len(tokenizer), pad_token_id=0)
    texts = Texts(hidden=0.25)
    batches = list(texts.batches(model, tokenizer, WORDS, "masked"))
    words = [word for sentence in WORDS for word in sentence]
    targets = tokenizer.convert_ids_to_tokens(torch.cat([b.targets for b in batches]).tolist())
    assert sorted(targets) == sorted(words)
    assert sum(int(b.counted.sum()) for b in batches) == len(words)
    assert sum(len(b.inputs) for b in batches) == 3 * len(words)
    for batch in batches:
        flat = batch.tokens.flatten()
        assert (flat[batch.positions] == tokenizer.mask_token_id).all()
        assert not torch.isin(flat[batch.inputs], torch.tensor(tokenizer.all_special_ids)).any()
    found = concentration_by_token(model, tokenizer, WORDS, "masked", texts)
    entropy = found.means[Measured("attention", 1, "activation", "entropy")]
    known = entropy[~torch.from_numpy(entropy).isnan().numpy()]
    assert ((known > 0) & (known <= 1 + 1e-6)).all()
    logits = found.means[Measured("logits", None, "gradient", "chi")]
    assert torch.from_numpy(logits[0]).isnan().all()


def test_words_that_are_split_or_unknown_are_no_input_and_no_target():
    tokenizer = train_tokenizer(WORDS[:1], kind="word", objective="causal")
    model = model_of("lstm", len(tokenizer), pad_token_id=0)
    found = concentration_by_token(model, tokenizer, WORDS, "causal", Texts(streams=2, length=4))
    assert found.counts[:, tokenizer.unk_token_id].tolist() == [0, 0]
    assert found.counts[:, tokenizer.bos_token_id].tolist() == [0, 0]
    assert set(tokenizer.convert_ids_to_tokens(found.counts[0].nonzero()[0])) == {"a", "b", "c"}
