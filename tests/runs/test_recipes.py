import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ontogeny.errors import ConfigError, TableError
from ontogeny.results.tables import check, read_table, write_table
from ontogeny.runs.architectures import ARCHITECTURES, configure, initialise
from ontogeny.runs.recipes import completed_settings, read_recipe
from ontogeny.runs.tables import LOSS, join_losses, write_losses

LEAST = {"architecture": "bert", "steps": [0, 10]}


def test_what_settings_leave_out_has_its_default():
    recipe = read_recipe({**LEAST, "steps": {"spacing": "log", "last": 8, "count": 5}}, "toy")
    assert recipe.steps == (0, 1, 2, 4, 8)
    assert (recipe.layers, recipe.batch_size, recipe.mask_share) == (4, 32, 0.15)
    assert recipe.objective == "masked"
    assert read_recipe({**LEAST, "architecture": "gpt"}, "toy").objective == "causal"


def test_the_fingerprint_tells_of_all_that_shapes_the_weights_and_of_nothing_else():
    recipe = read_recipe(LEAST, "toy")
    assert read_recipe({**LEAST, "state_every": 7}, "toy").fingerprint == recipe.fingerprint
    assert read_recipe({**LEAST, "layers": 4}, "toy").fingerprint == recipe.fingerprint
    for change in (
        {"layers": 2}, {"dropout": 0.0}, {"steps": [0, 11]}, {"lowercase": True},
        {"initial_seed": 0},
    ):  # fmt: skip
        assert read_recipe({**LEAST, **change}, "toy").fingerprint != recipe.fingerprint


def test_a_run_without_an_initial_seed_is_as_when_there_was_no_such_key():
    without = completed_settings(LEAST, "toy")
    assert "initial_seed" not in without
    assert completed_settings({**LEAST, "initial_seed": None}, "toy") == without
    absent, given = ({**LEAST, **key} for key in ({}, {"initial_seed": None}))
    assert read_recipe(given, "toy").fingerprint == read_recipe(absent, "toy").fingerprint
    assert completed_settings({**LEAST, "initial_seed": 0}, "toy")["initial_seed"] == 0


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"layer": 2}, "layer: unknown key"),
        ({"architecture": "lstn"}, "architecture"),
        ({"tokenizer": "letters"}, "tokenizer"),
        ({"tokenizer": "bpe"}, "vocabulary_size: missing"),
        ({"sequences": "paragraph"}, "sequences"),
        ({"decay": "cosine"}, "decay"),
        ({"precision": "int8"}, "precision"),
        ({"layers": 0}, "layers"),
        ({"batch_size": 1.5}, "batch_size"),
        ({"width": 10, "heads": 4}, "width"),
        ({"feedforward": 0}, "feedforward"),
        ({"dropout": 1.0}, "dropout"),
        ({"warmup": 1000}, "warmup"),
        ({"mask_share": -0.1}, "mask_share"),
        ({"learning_rate": "1e-3"}, r"learning_rate.*1\.0e-3"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"lowercase": "yes"}, "lowercase"),
        ({"steps": [0]}, "steps"),
        ({"steps": {"spacing": "log", "last": 3, "count": 12}}, r"steps\.count"),
        ({"sequences": "stream"}, "sequences: is stream, but bert has no state to carry"),
        ({"steps": {"spacing": "epochs", "updates": 9, "epochs": 2}}, r"steps\.spacing: is epochs"),
        ({"decay": "plateau"}, "dev_every: missing"),
        ({"dev_every": 5}, "dev_every: means nothing to the decay linear"),
        ({"momentum": 0.5}, "momentum: means nothing to the optimizer adamw"),
        ({"optimizer": "sgd", "beta1": 0.5}, "beta1: means nothing to the optimizer sgd"),
        ({"optimizer": "adam"}, "optimizer"),
        ({"least_count": 0}, "least_count"),
        ({"initial_seed": -1}, "initial_seed"),
        ({"initial_seed": True}, "initial_seed"),
        (
            {"tokenizer": "bpe", "vocabulary_size": 300, "least_count": 2},
            "least_count: means nothing to the tokenizer bpe",
        ),
        ({"architecture": "lstm", "heads": 2}, "heads: means nothing to the architecture lstm"),
        ({"architecture": "lstm", "mask_share": 0.2}, "mask_share: means nothing to lstm, which"),
        (
            {"architecture": "lstm", "regularizer": {"kind": "syntactic_attention", "strength": 1}},
            "regularizer: means nothing to lstm, which has no attention",
        ),
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_its_key(change, key):
    with pytest.raises(ConfigError, match=rf"runs\.toy\.{key}"):
        read_recipe({**LEAST, **change}, "toy")


def test_an_lstm_is_trained_as_published_unless_its_settings_say_otherwise():
    recipe = read_recipe({"architecture": "lstm", "steps": [10]}, "toy")
    assert (recipe.layers, recipe.width, recipe.dropout, recipe.heads) == (2, 200, 0.2, None)
    assert (recipe.optimizer, recipe.learning_rate, recipe.momentum) == ("sgd", 20.0, 0.0)
    assert (recipe.decay, recipe.decay_factor, recipe.warmup) == ("plateau", 0.25, 0.0)
    assert (recipe.sequences, recipe.batch_size, recipe.sequence_length) == ("stream", 40, 35)
    assert (recipe.max_gradient_norm, recipe.weight_decay) == (0.25, 0.0)
    packed = {"architecture": "lstm", "steps": [10], "sequences": "packed", "decay": "constant"}
    assert read_recipe(packed, "toy").sequences == "packed"


def test_a_recipe_completed_is_the_same_recipe():
    for settings_ in (LEAST, {"architecture": "lstm", "steps": [10], "least_count": 3}):
        completed = completed_settings(settings_, "toy")
        assert read_recipe(completed, "toy") == read_recipe(settings_, "toy")
        assert completed_settings(completed, "toy") == completed


@pytest.mark.parametrize("name", ["architecture", "steps"])
def test_a_recipe_needs_an_architecture_and_steps(name):
    with pytest.raises(ConfigError, match=rf"runs\.toy\.{name}: missing"):
        read_recipe({key: value for key, value in LEAST.items() if key != name}, "toy")


@given(
    st.sampled_from(sorted(ARCHITECTURES)),
    st.integers(0, 3),
    st.integers(1, 3),
    st.integers(1, 4),
    st.integers(6, 40),
)
@settings(max_examples=8, deadline=None)
def test_a_model_has_the_sizes_asked_for_and_weights_that_depend_on_the_seed_alone(
    architecture, seed, layers, heads, vocabulary
):
    shared = {"heads": heads} if ARCHITECTURES[architecture].attention else {}
    config = configure(
        architecture, vocabulary, layers=layers, width=8 * heads, positions=12, **shared
    )
    torch.manual_seed(seed + 100)
    before = torch.random.get_rng_state()
    model = initialise(config, seed)
    assert torch.equal(before, torch.random.get_rng_state())
    torch.manual_seed(seed + 200)
    again, other = initialise(config, seed), initialise(config, seed + 1)
    weights, same, different = (m.state_dict() for m in (model, again, other))
    assert all(torch.equal(weights[name], same[name]) for name in weights)
    assert any(not torch.equal(weights[name], different[name]) for name in weights)
    output = model(input_ids=torch.full((2, 12), 5), output_hidden_states=True)
    assert output.logits.shape == (2, 12, vocabulary)
    assert len(output.hidden_states) == layers + 1
    assert output.hidden_states[0].shape == (2, 12, 8 * heads)


@pytest.mark.parametrize(
    ("architecture", "sizes", "key"),
    [
        ("lstn", {}, "architecture: is 'lstn'"),
        ("bert", {"width": 10, "heads": 4}, "width: is 10"),
        ("bert", {"layers": 0}, "layers: is 0"),
        ("gpt", {"dropout": 1.5}, "dropout: is 1.5"),
        ("lstm", {}, "heads: means nothing to lstm; its sizes are layers, width, dropout"),
    ],
)
def test_a_model_that_cannot_be_is_refused(architecture, sizes, key):
    sizes = {"layers": 1, "heads": 1, "width": 8, "positions": 4, **sizes}
    with pytest.raises(ConfigError, match=key):
        configure(architecture, 10, **sizes)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=6))
@settings(deadline=None, max_examples=10)
def test_losses_are_the_same_after_they_were_written_and_joined(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("losses")
    paths = {}
    for seed in (1, 0):
        rows = [
            {"step": step, "metric": "dev_loss", "value": value + seed}
            for step, value in enumerate(values)
        ]
        write_losses(rows[::-1], folder / str(seed))
        paths["toy", seed] = folder / str(seed) / "loss.tsv"
    write_table(join_losses(paths), LOSS, folder / "loss.parquet")
    joined = read_table(folder / "loss.parquet", LOSS)
    assert joined["value"].tolist() == [value + seed for seed in (0, 1) for value in values]
    assert joined["step"].tolist() == [*range(len(values))] * 2


def test_no_trajectories_give_an_empty_table_and_a_bad_file_is_named(tmp_path):
    check(join_losses({}), LOSS)
    path = tmp_path / "loss.tsv"
    with pytest.raises(TableError, match=r"loss\.tsv: not a readable table"):
        join_losses({("toy", 0): path})
    path.write_text("step\tloss\n0\t1\n")
    with pytest.raises(TableError, match=r"loss\.tsv: its columns are step, loss"):
        join_losses({("toy", 0): path})
