"""What jobs ask for follows from the size of the model, the words and the attempt."""

import copy
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ontogeny.planning import resources
from ontogeny.planning.configuration import validate
from ontogeny.runs.architectures import configure, initialise
from ontogeny.studies import STUDIES
from ontogeny.studies.pushdown import resources as pushdown_resources

ROOT = Path(__file__).parents[2]
TOY = yaml.safe_load((ROOT / "config/config.yaml").read_text())


MINE = {"kind": "local", "path": "mine/{step}", "seeds": [0], "steps": list(range(14))}
BOTH = {"runs": ["toy-bert", "mine"], "corpora": TOY["studies"]["pushdown"]["corpora"]}
CHECKED = validate(
    TOY
    | {"runs": {**TOY["runs"], "mine": MINE}}
    | {"studies": {"pushdown": TOY["studies"]["pushdown"] | BOTH}},
    "config.yaml",
    set(),
    STUDIES,
)


def config(gpus=0, chunk=6, parameters=None, words=None, **recipe):
    """Return the toy configuration with changes, and a run `mine` that is not trained here."""
    changed = copy.deepcopy(CHECKED) | {"gpus": gpus, "chunk": chunk}
    changed["runs"]["toy-bert"] |= recipe
    if parameters is not None:
        changed["runs"]["mine"]["parameters"] = parameters
    if words is not None:
        changed["studies"]["pushdown"]["words"] = words
    return changed


def asked(checked, run, attempt=1):
    """Return all amounts that a run's jobs ask for, by the function that gives them."""
    chunk = 0
    amounts = {
        "features_memory": resources.features_memory(checked, "pushdown", run, attempt),
        "features_runtime": resources.features_runtime(checked, "pushdown", run, chunk, attempt),
        "probes_memory": pushdown_resources.probes_memory(checked, run, attempt),
        "probes_runtime": pushdown_resources.probes_runtime(checked, run, chunk, attempt),
    }
    if checked["runs"][run]["kind"] != "pretrain":
        amounts["fetching_memory"] = resources.fetching_memory(checked, run, attempt)
        amounts["fetching_runtime"] = resources.fetching_runtime(checked, run, attempt)
    if checked["runs"][run]["kind"] == "pretrain":
        amounts["pretraining_memory"] = resources.pretraining_memory(checked, run, attempt)
        amounts["pretraining_runtime"] = resources.pretraining_runtime(checked, run, attempt)
    return amounts


@pytest.mark.parametrize("architecture", ["bert", "gpt"])
@pytest.mark.parametrize(
    ("layers", "width", "feedforward", "vocabulary", "positions"),
    [(4, 64, None, 2000, 64), (6, 96, None, 6000, 128), (2, 256, 300, 500, 32), (3, 128, 64, 9, 8)],
)
def test_the_parameters_of_a_recipe_are_those_of_its_model_but_for_small_ones(
    architecture, layers, width, feedforward, vocabulary, positions
):
    model = initialise(
        configure(
            architecture,
            vocabulary,
            layers=layers,
            heads=4,
            width=width,
            positions=positions,
            feedforward=feedforward,
        ),
        seed=0,
    )
    run = config(
        architecture=architecture,
        layers=layers,
        width=width,
        feedforward=feedforward,
        tokenizer="wordpiece",
        vocabulary_size=max(vocabulary, 10),
        sequence_length=positions,
    )["runs"]["toy-bert"]
    # Biases, normalisations and a masked model's head are left out.
    exact = sum(parameter.numel() for parameter in model.parameters())
    assert 0.85 * exact < resources.parameters(run) < 1.01 * exact


# Published sizes: parameters, layers, width.
PUBLISHED = {
    "bert-base": (110e6, 12, 768),
    "bert-large": (335e6, 24, 1024),
    "gpt2": (124e6, 12, 768),
    "gpt2-xl": (1558e6, 48, 1600),
    "pythia-70m": (70.4e6, 6, 512),
    "pythia-160m": (162e6, 12, 768),
    "pythia-410m": (405e6, 24, 1024),
    "pythia-1b": (1012e6, 16, 2048),
    "pythia-6.9b": (6857e6, 32, 4096),
}


@pytest.mark.parametrize("model", PUBLISHED)
def test_the_size_of_features_is_bounded_by_the_parameters_of_published_models(model):
    parameters, layers, width = PUBLISHED[model]
    run = config(parameters=int(parameters))["runs"]["mine"]
    exact = (layers + 1) * width
    assert exact <= resources.values_per_word(run) < 3 * exact


def test_the_size_of_features_is_exact_for_a_recipe():
    run = config(layers=5, width=48)["runs"]["toy-bert"]
    assert resources.values_per_word(run) == 6 * 48


# Whether jobs keep within what they ask for is measured in tests/workflow/test_end_to_end.py.
def test_the_toy_tier_fits_on_a_laptop():
    amounts = asked(config(), "toy-bert")
    assert all(amounts[name] < 4000 for name in amounts if name.endswith("memory"))
    assert all(amounts[name] < 300 for name in amounts if name.endswith("runtime"))


@settings(deadline=None)
@given(st.floats(0.1, 1e6), st.integers(1, 6))
def test_an_amount_is_whole_and_doubles_at_each_further_attempt(amount, attempt):
    asked_for = resources.doubling(amount)(None, attempt)
    assert isinstance(asked_for, int)
    assert asked_for == resources.per_attempt(amount, attempt)
    assert 0 <= asked_for / 2 ** (attempt - 1) - amount < 1


@pytest.mark.parametrize("run", ["toy-bert", "mine"])
def test_every_job_asks_for_twice_as_much_at_the_second_attempt(run):
    checked = config()
    first, second = asked(checked, run), asked(checked, run, attempt=2)
    assert second == {name: 2 * amount for name, amount in first.items()}
    assert all(isinstance(amount, int) for amount in first.values())


@settings(deadline=None)
@given(st.integers(10**6, 10**11), st.integers(2, 50))
def test_a_larger_model_or_more_words_never_ask_for_less(parameters, factor):
    words = {"train": 1000, "dev": 100, "test": 100}
    more_words = {split: count * factor for split, count in words.items()}
    small = asked(config(parameters=parameters, words=words), "mine")
    for larger in (
        asked(config(parameters=parameters * factor, words=words), "mine"),
        asked(config(parameters=parameters, words=more_words), "mine"),
    ):
        assert all(larger[name] >= amount for name, amount in small.items())
        assert larger != small


def test_the_running_time_grows_with_the_checkpoints_of_a_chunk():
    one, six = config(chunk=1), config(chunk=6)
    for function, arguments in (
        (resources.features_runtime, ("pushdown", "mine", 0)),
        (pushdown_resources.probes_runtime, ("mine", 0)),
    ):
        alone, chunk = (function(checked, *arguments) for checked in (one, six))
        assert chunk - 30 == pytest.approx(6 * (alone - 30), abs=6)
    # The last chunk has two checkpoints.
    last = pushdown_resources.probes_runtime(six, "mine", "2")
    assert last < pushdown_resources.probes_runtime(six, "mine", "1")


def test_weights_gradients_and_moments_take_sixteen_bytes_a_parameter():
    shape = {"layers": 2, "tokenizer": "wordpiece", "vocabulary_size": 100, "batch_size": 1}
    narrow, wide = (config(width=width, **shape) for width in (1024, 2048))
    more_weights = sum(
        sign * resources.parameters(checked["runs"]["toy-bert"])
        for sign, checked in ((1, wide), (-1, narrow))
    )
    # 2 bytes times 34, for each layer, token and unit of width, are the activations.
    more_activations = 2 * 34 * 2 * 64 * 1024
    grown = resources.pretraining_memory(wide, "toy-bert") - resources.pretraining_memory(
        narrow, "toy-bert"
    )
    assert grown == pytest.approx((16 * more_weights + more_activations) / 1e6, abs=1)


def test_no_job_asks_for_more_than_a_week():
    huge = config(layers=96, width=8192, batch_size=4096)
    assert resources.pretraining_runtime(huge, "toy-bert", attempt=3) == 7 * 24 * 60
    assert asked(config(parameters=10**13), "mine")["features_runtime"] == 7 * 24 * 60


def test_no_gpu_is_asked_for_unless_the_configuration_says_so():
    assert resources.gpus(config()) == resources.gpus(config(devices=4), "toy-bert") == 0


def test_a_training_on_several_devices_asks_for_a_gpu_for_each():
    checked = config(gpus=1, devices=4)
    assert resources.gpus(checked) == resources.gpus(checked, "mine") == 1
    assert resources.gpus(checked, "toy-bert") == 4


def test_a_gpu_shortens_the_time_of_a_large_model():
    with_gpu, without = (asked(config(gpus=gpus, parameters=10**9), "mine") for gpus in (1, 0))
    assert with_gpu["features_runtime"] < without["features_runtime"] / 5
    assert with_gpu["features_memory"] == without["features_memory"]


def test_a_checkpoint_may_come_at_five_megabytes_a_second_and_be_held_twice():
    checked = config(parameters=3 * 10**9)
    # 12 GB take 40 minutes; half an hour is added to everything.
    assert resources.fetching_runtime(checked, "mine") == 70
    assert resources.fetching_memory(checked, "mine") == resources.MODEL_JOB + 24_000


def test_a_trajectory_is_read_in_time_by_its_number_of_checkpoints():
    checked = config(parameters=6 * 10**8)
    checked["runs"]["mine"]["steps"] = list(range(100))
    # 240 GB at 40 MB a second are 100 minutes.
    assert resources.reading_runtime(checked, "mine") == 130
