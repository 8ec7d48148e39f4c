"""Tokenizers kept as a SentencePiece model alone: found, brought, converted, or refused."""

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_trajectory import STEPS, save_trajectory, trained
from tiny_checkpoints import make
from tiny_checkpoints import save as save_checkpoint
from tiny_sentencepiece import FAMILIES, WORDS, save, train
from tokenizers import normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram
from transformers import DebertaV2Tokenizer, XLMRobertaTokenizer

from ontogeny.audit.trajectory import audit_trajectory
from ontogeny.errors import CheckpointError
from ontogeny.measures.features.pieces import cut_into_pieces
from ontogeny.runs.checkpoints.loading import load_tokenizer
from ontogeny.runs.checkpoints.manifest import check_trajectory, checkpoint_path
from ontogeny.runs.checkpoints.tokenizer_checks import check_conversion, check_loaded
from ontogeny.runs.checkpoints.tokenizer_files import (
    SENTENCEPIECE_FILES,
    TOKENIZER_PARTS,
    check_tokenizer,
)
from ontogeny.runs.hub.locations import Location
from ontogeny.runs.hub.snapshots import cached_snapshot
from ontogeny.runs.local import link_trajectory

ALBERT, DEBERTA, XLMR, CAMEMBERT, T5, LLAMA = FAMILIES


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """For each family its folder, its tokenizer as loaded and its SentencePiece model."""
    folder = tmp_path_factory.mktemp("families")
    models = {family: save(folder / family, family) for family in FAMILIES}
    return {
        family: (folder / family, load_tokenizer(folder / family), model)
        for family, model in models.items()
    }


def published_number(family, model, number):
    """Return the number that a piece of SentencePiece's has in published models.

    fairseq (XLM-RoBERTa, CamemBERT) puts four tokens of its own before the pieces, of which
    XLM-RoBERTa's stand where SentencePiece's own three were.
    """
    if model.is_unknown(number):
        return {XLMR: 3, CAMEMBERT: 3}.get(family, number)
    return number + {XLMR: 1, CAMEMBERT: 4}.get(family, 0)


@pytest.mark.parametrize("family", FAMILIES)
def test_pieces_and_numbers_are_those_of_sentencepiece_and_of_the_published_dictionaries(
    loaded, family
):
    _, tokenizer, model = loaded[family]
    plain = [word for word in WORDS if word.isascii() and word.islower() and word.isalpha()]
    for text in [*plain, " ".join(plain), " ".join([*plain, "\ue000"])]:
        numbers = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert numbers == [published_number(family, model, n) for n in model.encode(text)]
    special = {XLMR: {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3}, CAMEMBERT: {"<pad>": 1}}
    special[XLMR]["<mask>"] = model.get_piece_size() + 1
    special[CAMEMBERT] |= {"<s>": 5, "</s>": 6, "<mask>": model.get_piece_size() + 4}
    for token, number in special.get(family, {}).items():
        assert tokenizer.convert_tokens_to_ids(token) == number


@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_are_mapped_to_words_between_the_special_tokens(loaded, family):
    _, tokenizer, _ = loaded[family]
    encoded = tokenizer(["the", "dogs", "sleeping"], is_split_into_words=True)
    assert {word for word in encoded.word_ids() if word is not None} == {0, 1, 2}
    tokens = tokenizer.convert_ids_to_tokens(encoded["input_ids"])
    around = [token for token, w in zip(tokens, encoded.word_ids(), strict=True) if w is None]
    assert around == list(FAMILIES[family][3])


@pytest.mark.parametrize("family", FAMILIES)
def test_each_word_of_a_sentence_has_the_pieces_that_sentencepiece_cuts_it_into(loaded, family):
    _, tokenizer, model = loaded[family]
    words = ["the", "old", "dogs", "sleeping", "zebra", "a", "nogarden"]
    pieces = cut_into_pieces(tokenizer, [words], None)
    assert pieces.counts.tolist() == [len(model.encode(word)) for word in words]
    assert not pieces.dropped.any()


@pytest.mark.parametrize("family", [T5, XLMR, CAMEMBERT])
@given(st.lists(st.sampled_from([*WORDS, "½", "Ａ", "…", "猫"]), min_size=1))
def test_any_text_is_cut_as_sentencepiece_cuts_it(loaded, family, words):
    _, tokenizer, model = loaded[family]
    text = " ".join(words)
    found = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert found == [published_number(family, model, number) for number in model.encode(text)]


@pytest.mark.parametrize("name", SENTENCEPIECE_FILES)
def test_each_name_of_a_model_alone_is_a_tokenizer(tmp_path, name):
    with pytest.raises(CheckpointError, match="has no tokenizer; expected one of .*" + name):
        check_tokenizer(tmp_path)
    (tmp_path / name).write_bytes(b"")
    check_tokenizer(tmp_path)


# A T5 is refused whatever its tokenizer: it is an encoder with a decoder.
@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "t5"])
def test_checkpoints_with_a_model_alone_are_linked(tmp_path, family):
    path = save_checkpoint(make("bert"), tmp_path / "mine" / "5", tokens=False)
    save(path, family)
    link_trajectory(f"{tmp_path}/mine/{{step}}", tmp_path / "run", run="r", seed=0, steps=[5])
    check_trajectory(tmp_path / "run")
    load_tokenizer(checkpoint_path(tmp_path / "run", 5))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_alone_stands_in_for_a_linked_checkpoint_without_a_tokenizer(tmp_path, family):
    save_checkpoint(make("bert"), tmp_path / "mine" / "5", tokens=False)
    save(tmp_path / "tokens", family)
    link_trajectory(
        *(f"{tmp_path}/mine/{{step}}", tmp_path / "run"),
        **{"run": "r", "seed": 0, "steps": [5], "tokenizer": tmp_path / "tokens"},
    )
    assert (checkpoint_path(tmp_path / "run", 5) / FAMILIES[family][0]).is_symlink()


@pytest.mark.parametrize("family", [DEBERTA, ALBERT, XLMR])
def test_a_model_alone_is_fetched_from_the_hub_with_its_checkpoint(hub, fetch, tmp_path, family):
    save(save_checkpoint(make("bert"), tmp_path / "a", tokens=False), family)
    hub.publish("a/whole", tmp_path / "a")
    fetch(Location("a/whole", "main"), 1)
    load_tokenizer(checkpoint_path(tmp_path / "run", 1))


@pytest.mark.parametrize("family", [DEBERTA, ALBERT, XLMR])
def test_a_model_alone_stands_in_from_a_repository(hub, fetch, tmp_path, family):
    save_checkpoint(make("bert"), tmp_path / "bare", tokens=False)
    save(tmp_path / "tokens", family)
    hub.publish("a/bare", tmp_path / "bare")
    hub.publish("a/tokens", tmp_path / "tokens")
    fetch(Location("a/bare", "main"), 1, tokenizer="a/tokens")
    assert (checkpoint_path(tmp_path / "run", 1) / FAMILIES[family][0]).is_file()


@pytest.mark.parametrize("name", TOKENIZER_PARTS)
def test_the_cache_knows_a_repository_of_which_it_has_but_one_file_of_a_tokenizer(cache, name):
    commit = "c" * 40
    for place, content in (("refs/main", commit), (f"snapshots/{commit}/{name}", "")):
        file = cache / "models--a--tokens" / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    assert cached_snapshot("a/tokens", "main").names == (name,)


def audited(folder, models):
    """Return the findings on vocabularies where steps have a SentencePiece model alone."""
    save_trajectory(folder, trained())
    for step, model in models.items():
        (checkpoint_path(folder, step) / "vocab.json").unlink()
        (checkpoint_path(folder, step) / "spm.model").write_bytes(model)
    audit = audit_trajectory(folder, run="sim", seed=0, steps=STEPS)
    return [(finding.check, finding.steps) for finding in audit.findings]


def test_the_audit_tells_of_another_model_among_the_same_ones(tmp_path):
    same = dict.fromkeys(STEPS, train())
    assert audited(tmp_path / "same", same) == []
    other = same | {40: train(seed=1)}
    assert audited(tmp_path / "other", other) == [("vocabulary", [40])]


def test_the_audit_holds_models_against_models_and_tokens_against_tokens(tmp_path):
    few = dict.fromkeys(STEPS[:3], train())
    assert audited(tmp_path / "few", few) == []
    other = few | {STEPS[1]: train(seed=1)}
    assert audited(tmp_path / "other", other) == [("vocabulary", [STEPS[1]])]


@pytest.mark.parametrize(
    ("family", "name", "reads"),
    [
        ("bert", "spiece.model", "its BertTokenizer reads tokenizer.json or vocab.txt"),
        ("gpt2", "spm.model", "its GPT2Tokenizer reads tokenizer.json or vocab.json"),
        ("t5", "tokenizer.model", "its T5Tokenizer reads tokenizer.json or spiece.model"),
    ],
)
def test_a_tokenizer_that_transformers_makes_up_is_refused(tmp_path, family, name, reads):
    save(tmp_path, family, name=name)
    with pytest.raises(CheckpointError, match=rf"{name}: transformers .* \({reads}\)\. Load it"):
        load_tokenizer(tmp_path)


def test_so_is_one_that_it_makes_up_beside_a_vocabulary_of_another_kind(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    (tmp_path / "vocab.json").write_text(json.dumps({"[UNK]": 0, "the": 1}))
    with pytest.raises(CheckpointError, match=r"vocab\.json: .*BertTokenizer reads .*vocab\.txt\)"):
        load_tokenizer(tmp_path)


def test_a_model_that_transformers_has_no_rules_for_is_refused_and_the_remedy_helps(tmp_path):
    save(tmp_path, "modernbert", name="spm.model", **FAMILIES[DEBERTA][1])
    with pytest.raises(CheckpointError) as raised:
        load_tokenizer(tmp_path)
    message = str(raised.value)
    assert message.startswith(f"{tmp_path / 'spm.model'}: transformers ")
    assert "save it there with a tokenizer.json" in message
    assert "\n" not in message
    assert "install" not in message
    DebertaV2Tokenizer.from_pretrained(tmp_path).save_pretrained(tmp_path)
    assert (tmp_path / "tokenizer.json").is_file()
    assert load_tokenizer(tmp_path).tokenize("the dogs") == ["▁the", "▁dogs"]


def test_a_slow_tokenizer_is_refused(tmp_path):
    save(tmp_path, "bert-generation", name="spiece.model")
    with pytest.raises(
        CheckpointError, match=r"BertGenerationTokenizer.* can't map tokens to words"
    ):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize("family", [DEBERTA, ALBERT, XLMR, LLAMA])
@pytest.mark.parametrize("content", [b"", b"not a model", None])
def test_a_damaged_model_is_refused_by_its_name(tmp_path, family, content):
    save(tmp_path, family)
    file = tmp_path / FAMILIES[family][0]
    file.write_bytes(file.read_bytes()[:-50] if content is None else content)
    with pytest.raises(CheckpointError, match=f"{file}: can't be read as a SentencePiece model"):
        load_tokenizer(tmp_path)


@pytest.fixture
def own(tmp_path):
    """An XLM-RoBERTa's folder, and its tokenizer as transformers makes it."""
    save(tmp_path, XLMR)
    return tmp_path / "sentencepiece.bpe.model", XLMRobertaTokenizer.from_pretrained(tmp_path)


def refused(file, tokenizer, fault):
    with pytest.raises(CheckpointError, match=f"{file}: .*its XLMRobertaTokenizer {fault}"):
        check_conversion(tokenizer, file)


def test_a_tokenizer_as_it_should_be_passes(own, caplog):
    check_conversion(own[1], own[0])
    check_loaded(own[1], own[0].parent)
    assert not caplog.records


def test_words_that_begin_otherwise_are_told(own):
    file, tokenizer = own
    backend = tokenizer.backend_tokenizer
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    refused(file, tokenizer, "cuts '.*' into '[^▁]+.*, and the model into '▁")


def test_words_that_are_told_apart_otherwise_in_running_text_are_told(own):
    file, tokenizer = own
    backend = tokenizer.backend_tokenizer
    backend.normalizer = normalizers.Sequence([normalizers.Replace(" ", "")])
    refused(file, tokenizer, "cuts '.*' into ")


def test_pieces_in_another_order_are_told(own):
    file, tokenizer = own
    number = tokenizer.backend_tokenizer.token_to_id
    pieces = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["vocab"]
    first, second = number("▁the"), number("▁dogs")
    pieces[first], pieces[second] = pieces[second], pieces[first]
    tokenizer.backend_tokenizer.model = Unigram([tuple(piece) for piece in pieces], 3, False)
    refused(file, tokenizer, "numbers the model's pieces in another order")


def test_a_wrong_token_for_unknown_words_is_told(own):
    file, tokenizer = own
    pieces = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["vocab"]
    tokenizer.backend_tokenizer.model = Unigram([tuple(piece) for piece in pieces], 2, False)
    refused(file, tokenizer, r"cuts '\\ue000' into .*'</s>', and the model into .*'<unk>'")


def test_a_beginning_that_is_not_put_is_told(own):
    file, tokenizer = own
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(single="$A")
    refused(file, tokenizer, "puts no <s> to a text")


def test_a_normalisation_that_transformers_leaves_out_is_in_the_log(own, caplog):
    file, tokenizer = own
    tokenizer.backend_tokenizer.normalizer = normalizers.NFC()
    with caplog.at_level(logging.WARNING, "ontogeny"):
        check_conversion(tokenizer, file)
    (record,) = caplog.records
    assert "leaves characters as they are (such as ﬁ Ａ … ½)" in record.getMessage()
    assert str(file) in record.getMessage()
