"""A training that is only simulated: a random walk with drift away from an initialisation."""

import json

import numpy as np
from safetensors.numpy import save_file

from ontogeny.runs.checkpoints.manifest import Entry, checkpoint_path, write_manifest

STEPS = (0, 10, 20, 40, 80, 160, 320)
SHAPES = {
    "embeddings.weight": (60, 32),
    "layer.0.dense.weight": (32, 48),
    "layer.1.dense.weight": (48, 32),
    "layer.2.dense.weight": (64, 64),
}
VECTORS = ("layer.0.dense.bias", "layer.1.dense.bias", "norm.weight", "norm.bias")
CONFIG = {"model_type": "bert", "hidden_size": 32, "initializer_range": 0.02}
VOCABULARY = {"[PAD]": 0, "a": 1, "b": 2}


def initialisation(seed=0):
    """Weights as a BERT begins with: normal draws, a row of zeros for padding, zeros and ones."""
    draw = np.random.default_rng(seed)
    weights = {name: draw.normal(0, 0.02, shape) for name, shape in SHAPES.items()}
    weights["embeddings.weight"][0] = 0
    weights |= {name: np.full(32, float(name == "norm.weight")) for name in VECTORS}
    return weights


def trained(steps=STEPS, seed=0):
    """Weights at each step: drift along rows of differing size, and a random walk on top of it."""
    draw = np.random.default_rng([seed, 1])
    start = initialisation(seed)
    drift = {
        name: draw.normal(0, 1, value.shape)
        * (1 + 4 * draw.random((len(value), *[1] * (value.ndim - 1))))
        for name, value in start.items()
    }
    walk, states, before = dict.fromkeys(start, 0.0), {}, 0
    for step in steps:
        for name, value in start.items():
            walk[name] = walk[name] + draw.normal(0, 1, value.shape) * np.sqrt(step - before)
        states[step] = {
            name: value + 3e-4 * walk[name] + 1e-4 * step**0.9 * drift[name]
            for name, value in start.items()
        }
        before = step
    return states


def save_trajectory(folder, states, *, configs=None, vocabularies=None, dtypes=None):
    """Write the weights at each step as a trajectory; what differs at a step is given by step."""
    for step, weights in states.items():
        path = checkpoint_path(folder, step)
        path.mkdir(parents=True)
        dtype = (dtypes or {}).get(step, np.float32)
        tensors = {
            name: value.astype(dtype) if np.issubdtype(value.dtype, np.floating) else value
            for name, value in weights.items()
        }
        save_file(tensors, path / "model.safetensors", metadata={"step": str(step)})
        config = CONFIG | (configs or {}).get(step, {})
        (path / "config.json").write_text(json.dumps(config))
        tokens = (vocabularies or {}).get(step, VOCABULARY)
        (path / "vocab.json").write_text(json.dumps(tokens))
    write_manifest([Entry(step, "simulated", "", "", 0) for step in states], folder)
    return folder
