"""What a checkpoint predicts is told from what is certain, held against the model, or refused."""

import json
import re

import pandas as pd
import pytest
from model_zoo import save
from tiny_language_models import byte_level
from transformers import AutoConfig, ElectraConfig, ElectraForPreTraining

from ontogeny.errors import CheckpointError
from ontogeny.measures.attention import word_attention
from ontogeny.measures.complexity import fisher_trace
from ontogeny.measures.features import extract
from ontogeny.measures.likelihood import held_out_loss, log_likelihood, pseudo_log_likelihood
from ontogeny.runs.checkpoints.loading import (
    load_language_model,
    load_model,
    load_tokenizer,
    objective,
)
from ontogeny.runs.checkpoints.model_configs import (
    ENCODER_DECODERS,
    UNMEASURABLE,
    WITHOUT_ATTENTION,
    check_family,
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Checkpoints by name of their family, made when they are first asked for."""
    folder = tmp_path_factory.mktemp("whole")

    def checkpoint(name):
        path = folder / name
        return path if path.exists() else save(name, path)

    return checkpoint


@pytest.fixture
def changed(whole, tmp_path):
    """A function that copies a checkpoint and changes its config; None takes a key away."""

    def change(name, mask=True, **keys):
        folder = tmp_path / "checkpoint"
        folder.mkdir()
        for file in whole(name).iterdir():
            (folder / file.name).symlink_to(file)
        config = json.loads((folder / "config.json").read_text()) | keys
        (folder / "config.json").unlink()
        kept = {key: value for key, value in config.items() if value is not None}
        (folder / "config.json").write_text(json.dumps(kept))
        if not mask:
            for file in ("tokenizer.json", "tokenizer_config.json"):
                (folder / file).unlink()
            byte_level().save_pretrained(folder)
        return folder

    return change


# As converters write them: none, an empty list, a name, one without a head of a language model.
SILENT = [None, [], "", ["BertModel"], ["BertForSequenceClassification"], ["MyOwnModel"]]


@pytest.mark.parametrize("architectures", SILENT)
@pytest.mark.parametrize("name", ["bert", "roberta", "xlm-roberta"])
def test_a_masked_model_without_its_class_is_known_by_its_mask_and_gets_the_same_numbers(
    changed, whole, name, architectures
):
    path = changed(name, architectures=architectures)
    assert objective(path) == "masked"
    texts = ["the cat sat .", "a dogs mind"]
    found, expected = (
        pseudo_log_likelihood(load_language_model(p, "cpu"), load_tokenizer(p), texts, device="cpu")
        for p in (path, whole(name))
    )
    assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("name", ["albert", "modernbert", "deberta-v2", "distilbert"])
def test_a_family_that_is_always_masked_needs_no_class(changed, name):
    path = changed(name, mask=False, architectures=None)
    assert objective(path) == "masked"


@pytest.mark.parametrize("name", ["gpt2", "gpt-neox", "llama", "opt", "bloom", "mamba"])
def test_a_family_that_is_always_causal_needs_no_class(changed, name):
    path = changed(name, architectures=None)
    assert objective(path) == "causal"
    held_out_loss(
        load_language_model(path, "cpu"), load_tokenizer(path), [["cat"]], objective="causal"
    )


def test_a_decoder_of_an_encoders_family_is_known_by_its_key(changed):
    path = changed("bert, a decoder", architectures=None)
    assert objective(path) == "causal"
    load_language_model(path, device="cpu")


@pytest.mark.parametrize(("name", "expected"), [("xlm", "masked"), ("xlm, causal", "causal")])
def test_a_class_of_both_kinds_is_told_apart_by_the_key_of_its_family(whole, name, expected):
    assert objective(whole(name)) == expected
    load_language_model(whole(name), device="cpu")


def test_a_derived_class_is_known_by_the_ending_of_its_name(changed):
    assert objective(changed("bert", mask=False, architectures=["MineForMaskedLM"])) == "masked"


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({"architectures": None}, r"model \(model_type bert\)"),
        ({"architectures": ["BertModel"], "is_decoder": False}, r"BertModel \(model_type bert\)"),
        ({"architectures": None, "model_type": "abacus"}, r"model \(model_type abacus\)"),
        ({"architectures": None, "model_type": None}, r"model \(model_type None\)"),
    ],
)
def test_what_nothing_tells_is_refused_with_the_key_to_set(changed, keys, named):
    path = changed("bert", mask=False, **keys)
    with pytest.raises(CheckpointError, match=rf"config\.json: .*{named}.*`architectures`: \["):
        objective(path)
    with pytest.raises(CheckpointError):
        load_language_model(path, device="cpu")


def test_a_mask_that_the_model_has_no_embedding_of_tells_nothing(changed):
    path = changed("bert", architectures=None, vocab_size=4)
    with pytest.raises(CheckpointError, match="no mask token"):
        objective(path)


@pytest.mark.parametrize(
    ("name", "keys", "message"),
    [
        ("bert", {"architectures": ["BertLMHeadModel"]}, r"says causal \(BertLMHeadModel .*later"),
        ("bert", {"is_decoder": True}, r"says masked \(BertForMaskedLM .*`is_decoder`"),
        ("roberta", {"architectures": ["RobertaForCausalLM"]}, "says causal .*`is_decoder: true`"),
        ("bert, a decoder", {"is_decoder": False}, "says causal .*`architectures`"),
    ],
)
def test_a_model_that_does_not_do_what_its_config_says_is_refused(changed, name, keys, message):
    path = changed(name, **keys)
    with pytest.raises(CheckpointError, match=message):
        load_language_model(path, device="cpu")
    load_model(path, device="cpu")  # its layers are what they are


def test_a_discriminator_is_no_language_model_and_told_as_what_it_was_saved(tmp_path):
    config = ElectraConfig(vocab_size=80, embedding_size=8, hidden_size=8, num_hidden_layers=1)
    config.num_attention_heads, config.intermediate_size = 2, 8
    ElectraForPreTraining(config).save_pretrained(tmp_path)
    message = r"of ElectraForMaskedLM; it was saved as ElectraForPreTraining \(model_type electra\)"
    with pytest.raises(CheckpointError, match=message):
        load_language_model(tmp_path, device="cpu")
    load_model(tmp_path, device="cpu")


def test_a_class_that_transformers_has_not_is_refused_in_a_line(changed):
    path = changed("albert", architectures=["AlbertForCausalLM"])
    with pytest.raises(CheckpointError, match="its model can't be loaded") as error:
        load_language_model(path, device="cpu")
    assert len(str(error.value)) < len(str(path)) + 300


@pytest.mark.parametrize("name", ["bert", "roberta", "gpt2", "llama"])
def test_a_token_for_padding_that_the_model_has_no_embedding_of_is_not_needed(changed, whole, name):
    size = json.loads((whole(name) / "config.json").read_text())["vocab_size"]
    # RoBERTa's counts positions, so that a config can't have another.
    path = changed(name, **({} if name == "roberta" else {"pad_token_id": size}))
    padded = load_tokenizer(path)
    padded.add_special_tokens({"pad_token": "<added>"})
    assert padded.pad_token_id >= size
    sentences = [["cat"], ["the", "dogs", "sat", "unhappily"]]
    texts, frame = [" ".join(words) for words in sentences], pd.DataFrame({"words": sentences})
    score = log_likelihood if objective(path) == "causal" else pseudo_log_likelihood
    found, expected = (
        (
            score(load_language_model(checkpoint, "cpu"), tokenizer, texts, device="cpu").tolist(),
            extract(load_model(checkpoint, "cpu"), tokenizer, frame, device="cpu").vectors.tolist(),
        )
        for checkpoint, tokenizer in ((path, padded), (whole(name), load_tokenizer(whole(name))))
    )
    assert found == expected


def test_another_token_that_the_model_has_no_embedding_of_is_refused_by_name(whole):
    model, tokenizer = load_language_model(whole("bert"), "cpu"), load_tokenizer(whole("bert"))
    tokenizer.add_tokens("zebra")
    message = r"gives 'zebra' the number 80, but the model has embeddings of 80 tokens"
    sentences = [["the", "zebra"]]
    for measure in (
        lambda: pseudo_log_likelihood(model, tokenizer, ["the zebra"], device="cpu"),
        lambda: held_out_loss(model, tokenizer, sentences, objective="masked", device="cpu"),
        lambda: fisher_trace(model, tokenizer, sentences, objective="masked", device="cpu"),
        lambda: extract(model, tokenizer, pd.DataFrame({"words": sentences}), device="cpu"),
        lambda: next(word_attention(model, tokenizer, sentences, device="cpu")),
    ):
        with pytest.raises(CheckpointError, match=message):
            measure()
    tokenizer.add_special_tokens({"mask_token": "<hidden>"})
    with pytest.raises(CheckpointError, match="gives '<hidden>' the number 81"):
        pseudo_log_likelihood(model, tokenizer, ["the cat"], device="cpu")


def test_families_are_known_by_the_names_that_transformers_has_for_them():
    for family in ENCODER_DECODERS - {"encoder-decoder"}:
        assert AutoConfig.for_model(family).is_encoder_decoder
    for family in (*UNMEASURABLE, *WITHOUT_ATTENTION):
        assert AutoConfig.for_model(family).model_type == family


@pytest.mark.parametrize("family", UNMEASURABLE)
def test_other_families_that_cannot_be_measured_are_refused_with_the_reason(family):
    with pytest.raises(CheckpointError, match=re.escape(UNMEASURABLE[family])):
        check_family({"model_type": family}, "mine")


def test_an_encoder_decoder_is_known_by_its_family_where_its_config_does_not_say():
    with pytest.raises(
        CheckpointError, match=r"mine: its model, model \(model_type t5\), is an enc"
    ):
        check_family({"model_type": "t5"}, "mine")
    check_family({"model_type": "bart", "is_encoder_decoder": False}, "mine")
    with pytest.raises(CheckpointError, match=r"Abacus \(model_type abacus\), is an encoder-dec"):
        check_family(
            {"model_type": "abacus", "architectures": ["Abacus"], "is_encoder_decoder": True},
            "mine",
        )
