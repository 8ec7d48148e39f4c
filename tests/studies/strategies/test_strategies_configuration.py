"""A sweep's configuration is refused before any job, and its files follow from it alone."""

import copy

import pytest

from ontogeny.errors import ConfigError
from ontogeny.planning.configuration import validate
from ontogeny.studies import STUDIES
from ontogeny.studies.strategies import layout
from ontogeny.studies.strategies.protocol import PROTOCOLS
from ontogeny.studies.strategies.study import STRATEGIES

GRID = {"alpha": [0, 1.5], "vocabulary": [100, 400], "ambiguity": [0, 0.1]}
VALID = {
    "tier": "toy",
    "studies": {
        "strategies": {
            "grid": {**GRID, "forgetting": ["none", "active"]},
            "exclude": [{"forgetting": "active", "ambiguity": [0.1]}],
            "seeds": [0, 1],
            "steps": {"spacing": "log", "first": 10, "last": 200, "count": 5},
            "runs_per_job": 8,
        }
    },
}


def checked(**changes):
    config = copy.deepcopy(VALID)
    study = config["studies"]["strategies"]
    for key, value in changes.items():
        if key in study["grid"]:
            study["grid"][key] = value
        else:
            study[key] = value
    return validate(config, "mine.yaml", set(), STUDIES)


def test_a_sweep_needs_no_run_and_no_corpus():
    filled = checked()
    assert filled["runs"] == filled["corpora"] == {}
    assert validate(filled, "mine.yaml", set(), STUDIES) == filled


def test_the_defaults_are_the_published_model():
    study = checked()["studies"]["strategies"]
    sizes = {key: study[key] for key in ("layers", "heads", "width", "feedforward", "batch_size")}
    assert sizes == {"layers": 6, "heads": 1, "width": 64, "feedforward": 128, "batch_size": 128}


def test_a_protocol_is_a_preset_of_keys_each_of_which_can_be_given():
    ours, released = (
        checked(protocol=name, forgetting=["none"], exclude=[])["studies"]["strategies"]
        for name in ("ours", "released")
    )
    differ = {key for key in ours if ours[key] != released[key]} - {"protocol"}
    assert differ == set(PROTOCOLS["ours"]) == set(PROTOCOLS["released"])
    assert ours["forget_deviation"] == ours["initial_deviation"]
    assert ours["temporary_every"] == ours["forget_every"]
    mixed = checked(protocol="released", forgetting=["none"], exclude=[], dropout=0.2)
    assert mixed["studies"]["strategies"] == released | {"dropout": 0.2}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"vocabulary": [101]}, "studies.strategies.grid.vocabulary: is 101, an odd number"),
        ({"vocabulary": [10]}, "leaves 0 types in the tail (the rarest tenth) of a class of 5"),
        ({"vocabulary": [100, 100]}, "studies.strategies.grid.vocabulary: [100, 100] has non-uniq"),
        ({"alpha": [-1]}, "studies.strategies.grid.alpha: is -1; expected 0 (uniform) or"),
        ({"alpha": ["1e0"]}, "grid.alpha.0: is '1e0'; expected number (YAML reads 1e-3 as text"),
        ({"alpha": []}, "studies.strategies.grid.alpha: [] should be non-empty"),
        ({"ambiguity": [1.5]}, "studies.strategies.grid.ambiguity: is 1.5; expected a share"),
        ({"forgetting": ["activ"]}, "is 'activ'; did you mean 'active'?"),
        (
            {"exclude": [{"alpha": [0, 1.5]}]},
            "studies.strategies.exclude: leaves no condition of the grid",
        ),
        ({"exclude": [{"alhpa": 0}]}, "unknown key 'alhpa'; did you mean 'alpha'?"),
        ({"exclude": [{"alpha": 3}]}, "studies.strategies.exclude.0.alpha: 3 is not in the grid"),
        ({"steps": {"spacing": "log", "last": 3, "count": 9}}, "studies.strategies.steps.count"),
        ({"steps": [4, 2]}, "studies.strategies.steps: 2 comes after 4"),
        ({"steps": [20, 60]}, "studies.strategies.forget_every: is 100, so nothing would be"),
        ({"heads": 3}, "studies.strategies.width: is 64; expected a multiple of heads (3)"),
        ({"switching": "type"}, "studies.strategies.switching: is 'type'; did you mean 'types'?"),
        ({"lerning_rate": 1}, "unknown key 'lerning_rate'; did you mean 'learning_rate'?"),
        ({"held_out": 3}, "studies.strategies.held_out: 3 is less than the minimum of 4."),
        ({"held_out": 0.03}, "held_out: is 0.03, 3 tokens with vocabulary 100; expected 4 or more"),
        ({"protocol": "relased"}, "strategies.protocol: is 'relased'; did you mean 'released'?"),
        (
            {
                "protocol": "released",
                "forgetting": ["temporary"],
                "exclude": [],
                "forget_until": 9,
            },
            "studies.strategies.forget_until: is 9, before the first forgetting at 10",
        ),
    ],
)
def test_a_wrong_key_is_named_with_what_was_found_and_expected(changes, expected):
    with pytest.raises(ConfigError) as error:
        checked(**changes)
    assert expected in str(error.value)
    assert "mine.yaml: " in str(error.value)


def test_jobs_have_a_file_of_each_kind_and_hold_every_member_once():
    config = checked()
    everyone = layout.members(config)
    assert len(everyone) == 2 * 2 * 3 * 2
    files = layout.measurements(config, "measurements")
    assert len(files) == 4  # twelve members of either vocabulary, eight in a job
    found = [layout.members(config, job) for job in range(len(files))]
    assert [member for job in found for member in job] == everyone
    assert [len(job) for job in found] == [8, 4, 8, 4]


def test_figures_of_a_vocabulary_are_drawn_for_each():
    files = STRATEGIES.figure_files(checked())
    of_each = [
        f"{name}.{size}" for name in ("curves", "probes", "embeddings") for size in (100, 400)
    ]
    assert files == [
        f"results/figures/strategies/{name}.svg" for name in (*of_each, "switch", "unseen")
    ]


def test_what_a_job_measures_depends_on_no_other_condition():
    one, other = checked(), checked(seeds=[0, 1, 2], alpha=[0, 1.5, 1.2])
    assert layout.sweep_settings(one) == layout.sweep_settings(other)
    assert layout.sweep_settings(one)["steps"] == [0, 10, 27, 74, 200]
    assert layout.sweep_settings(one) != layout.sweep_settings(checked(learning_rate=0.1))
