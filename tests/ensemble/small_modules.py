"""Small modules of several kinds, and their losses, for tests of ensembles."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from transformers import (
    BertConfig,
    BertForMaskedLM,
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
)

from ontogeny.ensemble import additive_mask
from ontogeny.runs.recurrence import lstm_layer

VOCABULARY, TOKENS = 11, 7
SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "max_position_embeddings": 9,
    "initializer_range": 0.3,
}
GPT2_SIZES = {
    "vocab_size": VOCABULARY,
    "n_embd": 8,
    "n_layer": 2,
    "n_head": 2,
    "n_positions": 9,
    "initializer_range": 0.3,
    "bos_token_id": None,
    "eos_token_id": None,
}


class SmallLSTM(nn.Module):
    """Two recurrent layers, dropout before each and after, output tied to the embeddings."""

    def __init__(self, width=6, dropout=0.3):
        super().__init__()
        self.words = nn.Embedding(VOCABULARY, width)
        self.layers = nn.ModuleList()
        for _ in range(2):
            self.layers.append(nn.ParameterList(nn.LSTM(width, width).parameters()))
        self.output = nn.Linear(width, VOCABULARY)
        self.output.weight = self.words.weight
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens, hidden=None, cell=None):
        """Logits of (batch, tokens), and states (layers, batch, width)."""
        vectors, states = self.dropout(self.words(tokens)), []
        for number, layer in enumerate(self.layers):
            zero = vectors.new_zeros(len(tokens), vectors.shape[-1])
            state = (zero, zero) if hidden is None else (hidden[number], cell[number])
            vectors, state = lstm_layer(vectors, state, *layer)
            vectors = self.dropout(vectors)
            states.append(state)
        hidden, cell = (torch.stack(values) for values in zip(*states, strict=True))
        return self.output(vectors), hidden, cell


class SmallPerceptron(nn.Sequential):
    """One hidden layer, which sees a word at a time."""

    def __init__(self, width=6):
        super().__init__(
            nn.Embedding(VOCABULARY, width),
            nn.Linear(width, 2 * width),
            nn.ReLU(),
            nn.Linear(2 * width, VOCABULARY),
        )


KINDS = {
    "mlp": SmallPerceptron,
    "gpt2": lambda: GPT2LMHeadModel(GPT2Config(**GPT2_SIZES)),
    "gpt2 with padding": lambda: GPT2LMHeadModel(GPT2Config(**GPT2_SIZES, pad_token_id=0)),
    "gpt_neox": lambda: GPTNeoXForCausalLM(GPTNeoXConfig(**SIZES)),
    "bert": lambda: BertForMaskedLM(BertConfig(**SIZES)),
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**SIZES, num_key_value_heads=1)),
    "lstm": SmallLSTM,
}


def build(kind, seeds):
    """Modules of a kind in evaluation mode, each from its seed."""
    built = []
    for seed in seeds:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            built.append(KINDS[kind]().eval())
    return built


def random_tokens(members, seed, sequences=3):
    """Token ids, labels of which some don't count, and a mask of padding at the ends."""
    generator = torch.Generator().manual_seed(seed)
    shape = members, sequences, TOKENS
    tokens, labels = torch.randint(0, VOCABULARY, (2, *shape), generator=generator)
    labels[torch.rand(shape, generator=generator) < 0.1] = -100
    lengths = torch.randint(2, TOKENS + 1, (*shape[:2], 1), generator=generator)
    attended = (torch.arange(TOKENS) < lengths).long()
    return {"tokens": tokens, "labels": labels, "attended": attended}


def loss(model, batch):
    """The mean cross-entropy of the labels, of any kind's model."""
    if "additive" in batch:
        mask = additive_mask(batch["additive"])
        logits = model(input_ids=batch["tokens"], attention_mask=mask).logits
    elif "attended" in batch:
        logits = model(input_ids=batch["tokens"], attention_mask=batch["attended"]).logits
    else:
        output = model(batch["tokens"])
        logits = output if isinstance(output, torch.Tensor) else output[0]
    return cross_entropy(logits.flatten(0, -2), batch["labels"].flatten())


def batch_for(kind, members, seed, **sizes):
    """A batch of `random_tokens` such as a kind reads."""
    batch = random_tokens(members, seed, **sizes)
    attended = batch.pop("attended")
    if kind in ("lstm", "mlp"):
        return batch
    return {**batch, "additive" if kind == "bert" else "attended": attended}


def of_member(batch, member):
    """A member's own batch."""
    return {key: values[member] for key, values in batch.items()}
