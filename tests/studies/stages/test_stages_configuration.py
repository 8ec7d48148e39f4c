"""What the study of stages can't be given is refused by name before anything runs."""

import copy

import pytest
import yaml
from tiny_workflow import ROOT, TINY

from ontogeny.errors import ConfigError
from ontogeny.planning.configuration import validate
from ontogeny.studies import STUDIES


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
