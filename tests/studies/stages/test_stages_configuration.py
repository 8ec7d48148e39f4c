"""What the study of stages can't be given is refused by name before anything runs."""

import copy

import pytest
import yaml
from tiny_workflow import ROOT, TINY

from ontogeny.errors import ConfigError
from ontogeny.planning.configuration import validate
from ontogeny.studies import STUDIES
from ontogeny.studies.stages import layout


def config(**changes):
    given = copy.deepcopy(TINY)
    own = yaml.safe_load((ROOT / "tests/studies/stages/tiny.yaml").read_text())
    given["runs"] |= own["runs"]
    lstm = {"architecture": "lstm", "corpus": "toyglish", "seeds": [0], "steps": list(range(9))}
    given["runs"]["tiny-lstm"] = {"kind": "pretrain", **lstm}
    given["studies"] = copy.deepcopy(own["studies"])
    given["studies"]["stages"] |= changes
    return given


def test_the_tiny_configuration_is_sound():
    validate(config(), "tiny.yaml", set(), STUDIES)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": [0, 4, 8]}, "tiny-attention has 3 checkpoints to measure; expected at least 8"),
        ({"runs": ["tiny-lstm"]}, "tiny-lstm is lstm; chains sample models with attention"),
        ({"chains": {"draws": 7}}, r"chains\.draws: is 7; expected at least 8"),
        ({"chains": {"step_size": 0}}, r"chains\.step_size"),
        ({"chains": {"preconditioner": "adam"}}, r"chains\.preconditioner"),
        ({"by_run": {"tiny-lstm": {}}}, r"by_run: tiny-lstm isn't one of the study's runs"),
        (
            {"by_run": {"tiny-attention": {"corpora": ["toyglsh"]}}},
            r"by_run\.tiny-attention\.corpora: there is no corpus 'toyglsh'; did you mean",
        ),
        (
            {"by_run": {"tiny-attention": {"chains": {"draws": 7}}}},
            r"by_run\.tiny-attention\.chains\.draws: is 7",
        ),
        ({"by_run": {"tiny-attention": {"chains": {"stepsize": 1}}}}, "stepsize"),
        ({"mask_share": 0}, "mask_share"),
        ({"chains": {"stepsize": 1}}, "stepsize"),
        (
            {"regression": {"seeds": [0], "steps": [0, 1, 2]}},
            r"regression\.steps: are 3; expected at least 8",
        ),
    ],
)
def test_what_cannot_be_measured_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        validate(config(**changes), "tiny.yaml", set(), STUDIES)


def test_what_a_run_has_of_its_own_goes_before_what_the_study_has():
    own = {"corpora": ["other"], "chains": {"draws": 20}, "calibration": {"checkpoints": 3}}
    given = config(runs=["tiny-attention", "tiny-other"], by_run={"tiny-other": own})
    given["runs"]["tiny-other"] = given["runs"]["tiny-attention"] | {"seeds": [0, 1]}
    given["corpora"]["other"] = given["corpora"]["toyglish"]
    given["studies"]["stages"]["regression"]["chains"] = {"burn_in": 5}
    made = validate(given, "tiny.yaml", set(), STUDIES)
    assert layout.studied(made) == [("tiny-attention", "toyglish"), ("tiny-other", "other")]
    shared = layout.sampling(made, "tiny-attention")
    assert (shared["draws"], shared["burn_in"]) == (8, 2)
    assert layout.sampling(made, "tiny-other") == {**shared, "draws": 20}
    assert layout.sampling(made, layout.REGRESSION) == {**shared, "burn_in": 5}
    assert len(layout.swept(made, "tiny-attention")) == 1
    assert len(layout.swept(made, "tiny-other")) == 3 * 2
