"""Encoders and decoders load with and without heads, tied to the embeddings or of their own."""

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_checkpoints import MODELS, make, save

from ontogeny.errors import CheckpointError
from ontogeny.runs.checkpoints.loading import load_language_model, load_model, objective

TOKENS = torch.tensor([[2, 5, 7, 3]])


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Every kind of checkpoint, saved as safetensors."""
    folder = tmp_path_factory.mktemp("saved")
    return {name: save(make(name), folder / name, tokens=False) for name in MODELS}


@pytest.mark.parametrize("name", MODELS)
def test_a_head_has_the_weights_that_were_saved(saved, name):
    original, loaded = make(name), load_language_model(saved[name], device="cpu")
    assert objective(saved[name]) == ("masked" if name.startswith("bert") else "causal")
    output = loaded.get_output_embeddings().weight
    assert torch.equal(output, original.get_output_embeddings().weight)
    tied = output.data_ptr() == loaded.get_input_embeddings().weight.data_ptr()
    assert tied == MODELS[name][2]


@pytest.mark.parametrize("name", MODELS)
def test_the_states_are_those_of_the_model_that_was_saved(saved, name):
    arguments = {"input_ids": TOKENS, "output_hidden_states": True}
    with torch.inference_mode():
        expected = make(name).base_model(**arguments).hidden_states
        found = load_model(saved[name], device="cpu")(**arguments).hidden_states
        coarse = load_model(saved[name], "cpu", torch.bfloat16)(**arguments).hidden_states
    for wanted, state, rounded in zip(expected, found, coarse, strict=True):
        assert torch.equal(state, wanted)
        assert rounded.dtype == torch.bfloat16
        torch.testing.assert_close(rounded.float(), wanted, rtol=0.1, atol=0.1)


@pytest.mark.parametrize("name", [name for name in MODELS if not MODELS[name][2]])
def test_a_head_of_its_own_that_is_missing_is_not_made_up(saved, tmp_path, name):
    folder = save(make(name), tmp_path / name, tokens=False)
    weights = load_file(folder / "model.safetensors")
    heads = ("lm_head.weight", "embed_out.weight", "cls.predictions.decoder.weight")
    (head,) = [entry for entry in weights if entry in heads]
    del weights[head]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match="lacks 1 of the weights that its config calls for"):
        load_language_model(folder, device="cpu")
    load_model(folder, device="cpu")
