"""What the study of stages can't be given is refused by name before anything runs."""

import copy

import pytest
import yaml
from tiny_workflow import ROOT, TINY

from ontogeny.errors import ConfigError
from ontogeny.planning.configuration import validate
from ontogeny.studies import STUDIES
from ontogeny.studies.stages import layout, resources


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
        ({"refined": {"parts": ["neurons"]}}, r"refined\.parts"),
        ({"refined": {"checkpoints": 0}}, r"refined\.checkpoints"),
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


def test_parts_are_refined_at_so_many_checkpoints_where_they_are_asked_for():
    given = config(
        refined={"parts": []}, by_run={"tiny-attention": {"refined": {"parts": ["heads"]}}}
    )
    made = validate(given, "tiny.yaml", set(), STUDIES)
    every = [0, 1, 2, 4, 8, 12, 16, 24, 32]
    assert layout.refined(made, "tiny-attention") == {"parts": ["heads"], "steps": every}
    assert layout.refined(made, layout.REGRESSION) == {"parts": [], "steps": []}
    assert layout.refined_pairs(made) == [("tiny-attention", "toyglish")]
    both = {"parts": ["layers", "heads"], "checkpoints": 2}
    made = validate(config(refined=both), "tiny.yaml", set(), STUDIES)
    assert layout.refined(made, "tiny-attention") == {
        "parts": ["layers", "heads"],
        "steps": [8, 32],
    }
    assert layout.refined(made, layout.REGRESSION)["steps"] == [6, 20]
    assert len(layout.refined_pairs(made)) == 2
    made = validate(config(refined=both, regression=None), "tiny.yaml", set(), STUDIES)
    assert layout.refined(made, layout.REGRESSION) == {"parts": [], "steps": []}


def test_jobs_that_refine_ask_for_the_time_of_their_chains():
    plain, refined = (
        validate(
            config(refined={"parts": parts, "checkpoints": 2}, sequence_length=10**4),
            "tiny.yaml",
            set(),
            STUDIES,
        )
        for parts in ([], ["layers", "heads"])
    )
    # 9 checkpoints, and 2 of them around each of 2 layers and their 2 heads.
    times = [resources.chains_runtime(own, "tiny-attention") - 39 for own in (plain, refined)]
    assert times[1] / times[0] == pytest.approx((9 + 2 * 2 * (1 + 2)) / 9, rel=0.01)
