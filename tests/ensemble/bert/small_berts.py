"""Small models of transformers, and what they say, for tests of ensembles."""

import torch
from torch.nn.functional import cross_entropy
from transformers import BertConfig, BertForMaskedLM

from ontogeny.ensemble import NO_LABEL, Batch


def small_bert(vocabulary, seed, *, layers=2, heads=1, width=8, positions=9, padding_token=None):
    """A model without dropout whose every parameter, biases and gains too, is random."""
    config = BertConfig(
        vocab_size=vocabulary,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        hidden_size=width,
        intermediate_size=12,
        max_position_embeddings=positions,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        initializer_range=0.3,
        pad_token_id=padding_token,
    )
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = BertForMaskedLM(config)
    with torch.no_grad():
        for values in model.parameters():
            values.add_(0.1 * torch.randn(values.shape, generator=generator))
    return model.train()


def random_batch(
    members, vocabulary, seed, *, sequences=4, tokens=7, targets=3, shared=True, padded=False
):
    """A batch of which a tenth of the labels don't count."""
    generator = torch.Generator().manual_seed(seed)

    def draw(high, *shape):
        return torch.randint(0, high, shape, generator=generator)

    inputs = draw(vocabulary, members, sequences, tokens)
    labels = draw(vocabulary, members, sequences, targets)
    labels[draw(10, *labels.shape) == 0] = NO_LABEL
    labels[:, 0, 0] = 0
    positions = draw(tokens, targets) if shared else draw(tokens, *labels.shape)
    visible = None
    if padded:
        visible = draw(3, *inputs.shape) > 0
        visible[..., 0] = True
    return Batch(inputs, positions, labels, visible)


def transformers_output(model, batch, member):
    """Logits (sequences, targets, vocabulary), loss, and hidden states of one member's model."""
    inputs = batch.inputs[member]
    positions = batch.positions if batch.positions.ndim == 1 else batch.positions[member]
    visible = None if batch.visible is None else batch.visible[member].long()
    output = model(input_ids=inputs, attention_mask=visible, output_hidden_states=True)
    rows = torch.arange(len(inputs))[:, None]
    logits = output.logits[rows, positions.expand(len(inputs), -1)]
    loss = cross_entropy(logits.flatten(0, 1), batch.labels[member].flatten())
    return logits, loss, torch.stack(output.hidden_states)
