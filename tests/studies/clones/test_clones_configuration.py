"""What the study of clones can't be given is refused by name before anything runs."""

import copy

import pytest
import yaml
from tiny_workflow import ROOT, TINY

from ontogeny.errors import ConfigError
from ontogeny.planning.configuration import validate
from ontogeny.studies import STUDIES


def config(**changes):
    given = copy.deepcopy(TINY)
    own = yaml.safe_load((ROOT / "tests/studies/clones/tiny.yaml").read_text())
    given["runs"] |= own["runs"]
    given["runs"]["tiny"]["steps"] = [0, 4, 8, 16, 24, 32]
    given["runs"]["lstm"] = {
        "kind": "pretrain", "architecture": "lstm", "corpus": "toyglish", "seeds": [0],
        "steps": [0, 4],
    }  # fmt: skip
    given["corpora"] |= own["corpora"]
    given["studies"] = copy.deepcopy(own["studies"])
    given["studies"]["clones"] |= changes.pop("clones", {})
    given["studies"]["clones"]["hamiltonian"] |= changes.pop("hamiltonian", {})
    given["corpora"]["three-body"] |= changes
    return given


def test_the_tiny_configuration_is_sound():
    validate(config(), "tiny.yaml", set(), STUDIES)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"length": 2}, r"corpora\.three-body\.couplings: order 3 is above the length, 2"),
        ({"temperature": 0}, r"temperature"),
        ({"clones": {"temperature": 0}}, r"studies\.clones\.temperature"),
        ({"clones": {"samplers": ["lstm"]}}, "lstm is of the architecture lstm, which predicts"),
        ({"clones": {"samplers": ["nobody"]}}, "there is no run 'nobody'"),
        ({"clones": {"longest": 31}}, "sentences of 31 words and 2 special tokens don't fit"),
        ({"clones": {"runs": ["lstm"]}}, "lstm has fewer than 5 checkpoints"),
        ({"clones": {"sweeps": [0]}}, r"sweeps"),
        ({"hamiltonian": {"corpus": "toyglish"}}, "toyglish is of kind grammar; expected one"),
        ({"hamiltonian": {"corpus": "none"}}, "there is no corpus 'none'"),
        ({"hamiltonian": {"heads": 3}}, r"hamiltonian\.width"),
        ({"hamiltonian": {"steps": [0, 5]}}, r"hamiltonian\.steps: fewer than 5"),
    ],
)
def test_what_cannot_be_measured_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        validate(config(**changes), "tiny.yaml", set(), STUDIES)
