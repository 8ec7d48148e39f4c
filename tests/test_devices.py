"""Without a device named, work goes to the GPU where there is one: in every place that asks."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import BertConfig, BertModel

from ontogeny import devices
from ontogeny.measures.features import extraction
from ontogeny.measures.probes import logistic, structural
from ontogeny.runs.checkpoints.loading import load_model


@pytest.mark.parametrize(("available", "expected"), [(True, "cuda"), (False, "cpu")])
def test_the_default_is_the_gpu_where_there_is_one(monkeypatch, available, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    assert devices.default_device() == torch.device(expected)


class AskedForDefaultError(Exception):
    """Raised in place of an answer by whoever is asked for the default device."""


def extract(folder, device):
    nothing: Any = None
    extraction.extract(nothing, nothing, pd.DataFrame({"words": [["a"]]}), device=device)


def fit_logistic(folder, device):
    features, labels = torch.randn(1, 4, 2), torch.tensor([[0, 1, 0, 1]])
    logistic.fit(features, labels, features, labels, device=device)


def fit_structural(folder, device):
    words = structural.TreeVectors(torch.randn(1, 2, 3), [np.arange(2)], [np.arange(2)])
    structural.fit_probes(words, words, epochs=1, device=device)


def load(folder, device):
    config = BertConfig(
        vocab_size=9,
        hidden_size=4,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=4,
    )
    BertModel(config).save_pretrained(folder)
    load_model(folder, device)


@pytest.mark.parametrize("work", [extract, fit_logistic, fit_structural, load])
def test_whoever_works_on_tensors_asks_for_the_default_unless_told(monkeypatch, tmp_path, work):
    def ask():
        raise AskedForDefaultError

    for module in (devices, extraction, logistic, structural):
        monkeypatch.setattr(module, "default_device", ask)
    with pytest.raises(AskedForDefaultError):
        work(tmp_path, None)
    if work is not extract:  # which would need a model
        work(tmp_path, "cpu")


@pytest.mark.parametrize(
    ("precision", "device", "bfloat16", "expected"),
    [
        ("auto", "cuda", True, torch.bfloat16),
        ("auto", "cuda", False, torch.float16),
        ("float32", "cuda", True, None),
        ("auto", "cpu", True, None),
        ("float32", "cpu", False, None),
    ],
)
def test_products_are_taken_in_16_bits_on_a_gpu_alone(
    monkeypatch, precision, device, bfloat16, expected
):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: bfloat16)
    assert devices.mixed_precision(precision, device) is expected


def test_a_precision_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="expected 'auto' or 'float32'"):
        devices.mixed_precision("float64", "cpu")
