"""Small checkpoints of the kinds that are published: encoders and decoders, in both forms."""

import json
import shutil

import torch
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForPreTraining,
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
)

from ontogeny.runs.pretraining.tokenizers import train_tokenizer

WORDS = [["cats", "sleep", "here", "."], ["dogs", "run", "there", "."]]
SIZE = {
    "vocab_size": 32,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 64,
}
GPT2 = {"vocab_size": 32, "n_embd": 8, "n_layer": 2, "n_head": 2, "n_positions": 64}

# name: (class, configuration, whether its output layer is its embeddings)
MODELS = {
    "bert-for-pretraining": (BertForPreTraining, BertConfig(**SIZE), True),
    "bert": (BertForMaskedLM, BertConfig(**SIZE), True),
    "bert-untied": (BertForMaskedLM, BertConfig(**SIZE, tie_word_embeddings=False), False),
    "gpt-neox": (GPTNeoXForCausalLM, GPTNeoXConfig(**SIZE, tie_word_embeddings=False), False),
    "gpt-neox-tied": (GPTNeoXForCausalLM, GPTNeoXConfig(**SIZE, tie_word_embeddings=True), True),
    "gpt2": (GPT2LMHeadModel, GPT2Config(**GPT2), True),
    "gpt2-untied": (GPT2LMHeadModel, GPT2Config(**GPT2, tie_word_embeddings=False), False),
    "llama": (LlamaForCausalLM, LlamaConfig(**SIZE, tie_word_embeddings=False), False),
    "llama-tied": (LlamaForCausalLM, LlamaConfig(**SIZE, tie_word_embeddings=True), True),
}


def make(name, seed=0):
    """Return a model of a kind with random weights, its biases and norms random too."""
    architecture, config, _ = MODELS[name]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = architecture(config).eval()
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    return model


def tokenizer(objective="masked"):
    return train_tokenizer(WORDS, kind="word", objective=objective)


def save(model, folder, *, pickled=False, old_names=False, objective="masked", tokens=True):
    """Save a checkpoint as it is published: as safetensors, or pickled with all names it has.

    With `old_names` they are those of the published pickles: gamma and beta for a normalisation's
    two vectors (BERT), embed_out for the output layer, and constants among the weights (Pythia).
    """
    model.save_pretrained(folder)
    if pickled:
        weights = model.state_dict()  # tied names share their memory in it
        if old_names:
            weights = {_old_name(name, model): tensor for name, tensor in weights.items()}
        if old_names and model.config.model_type == "gpt_neox":
            for layer in range(model.config.num_hidden_layers):
                of_layer = f"gpt_neox.layers.{layer}.attention"
                weights[f"{of_layer}.bias"] = torch.ones(1, 1, 64, 64, dtype=torch.bool).tril()
                weights[f"{of_layer}.masked_bias"] = torch.tensor(-1e9)
                weights[f"{of_layer}.rotary_emb.inv_freq"] = torch.ones(2)
        torch.save(weights, folder / "pytorch_model.bin")
        (folder / "model.safetensors").unlink()
    if tokens:
        tokenizer(objective).save_pretrained(folder)
    return folder


def _old_name(name, model):
    if model.config.model_type == "bert":
        name = name.replace("LayerNorm.weight", "LayerNorm.gamma")
        return name.replace("LayerNorm.bias", "LayerNorm.beta")
    return name.replace("lm_head.weight", "embed_out.weight")


def shard(folder, count=2):
    """Spread the pickled weights of a checkpoint over several files, with an index."""
    weights = torch.load(folder / "pytorch_model.bin", weights_only=True)
    names = sorted(weights)
    files = [f"pytorch_model-{n:05d}-of-{count:05d}.bin" for n in range(1, count + 1)]
    weight_map = {name: files[place * count // len(names)] for place, name in enumerate(names)}
    for file in files:
        held = {n: weights[n].clone() for n in names if weight_map[n] == file}
        torch.save(held, folder / file)
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    (folder / "pytorch_model.bin").unlink()


def copied(source, target):
    return shutil.copytree(source, target)
