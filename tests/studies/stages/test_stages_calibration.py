"""The study samples chains with the settings that its own sweep chose, or those that were named."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from ontogeny.errors import ConfigError
from ontogeny.measures.learning_coefficient import Examples
from ontogeny.results.tables import check
from ontogeny.studies.stages.calibration import Checkpoint, calibrated
from ontogeny.studies.stages.geometry import Sampling, coefficients
from ontogeny.studies.stages.layout import swept_steps
from ontogeny.studies.stages.tables import CALIBRATION
from ontogeny.studies.stages.trajectory import read_sampling, write_sampling

# A quadratic loss of 40 weights: with n beta h + gamma = a, steps of more than 4 / a diverge.
WEIGHTS, HEAT = 40, 100.0
OPEN = Sampling(
    step_size=None,
    localisation=None,
    inverse_temperature=HEAT,
    preconditioner="none",
    chains=4,
    burn_in=100,
    draws=200,
    batch_size=1,
    checkpoints_at_once=4,
    seed=0,
)
SWEEP = {
    "step_sizes": [1e-6, 1e-3, 3e-3, 0.1],
    "localisations": [1.0, 2.0],
    "inverse_temperatures": [50.0],
}


class Bowl(nn.Module):
    def __init__(self, start=0.0):
        super().__init__()
        self.w = nn.Parameter(torch.full((WEIGHTS,), start))

    def forward(self):
        return self.w.square().sum() / 2


def losses(model, batch):
    ones = torch.ones_like(batch["nothing"])
    return model() * ones, ones


EXAMPLES = Examples({"nothing": torch.zeros(4)})


def swept(sampling, sweep=SWEEP):
    return calibrated(
        [Checkpoint(0, 8, Bowl()), Checkpoint(1, 8, Bowl())], losses, EXAMPLES, sampling, sweep
    )


@pytest.mark.slow
def test_what_is_open_is_taken_from_the_plateau_and_then_gives_the_known_coefficient():
    chosen, rows = swept(OPEN)
    # Steps too short to get anywhere have chains that drift, too long ones diverge.
    assert chosen.step_size in (1e-3, 3e-3)
    assert chosen.localisation in (1.0, 2.0)
    found = coefficients([Bowl()], losses, EXAMPLES, chosen)[0].coefficient.item()
    a = HEAT + chosen.localisation
    # n beta E[L], the chain's variance in each weight being 1 / (a (1 - step a / 4)).
    expected = HEAT * WEIGHTS / 2 / (a * (1 - chosen.step_size * a / 4))
    assert found == pytest.approx(expected, rel=0.1)
    used = rows[(rows["metric"] == "chosen") & (rows["value"] == 1)]
    assert len(used) == 2  # of both seeds, at the one temperature
    assert set(used["inverse_temperature"]) == {HEAT}
    assert set(rows["inverse_temperature"]) == {50.0, HEAT}
    # 4 diverged chains for each localisation, temperature and seed of the longest step.
    diverged = rows[(rows["metric"] == "llc_diverged") & (rows["step_size"] == 0.1)]
    assert (diverged["value"] == 4).sum() == 8
    check(rows.assign(run="run", corpus="text"), CALIBRATION)


def test_what_is_named_stays():
    chosen, rows = swept(replace(OPEN, step_size=2e-3))
    assert chosen.step_size == 2e-3
    assert chosen.localisation in (1.0, 2.0)
    assert not (rows[rows["metric"] == "chosen"]["value"] == 1).any()


@pytest.mark.slow
def test_without_a_sound_plateau_only_what_is_open_is_refused():
    sweep = {**SWEEP, "step_sizes": [0.1, 0.2], "inverse_temperatures": None}
    with pytest.raises(ConfigError, match="smaller step sizes, or more draws"):
        swept(OPEN, sweep)
    named = replace(OPEN, step_size=1e-3, localisation=1.0)
    chosen, rows = swept(named, sweep)
    assert chosen == named
    assert "llc_change" not in set(rows["metric"])


@pytest.mark.slow
def test_preconditioned_chains_find_the_known_coefficient_away_from_a_minimum():
    module = Bowl(0.1)
    chosen = replace(OPEN, preconditioner="rmsprop", step_size=0.005, localisation=100.0, draws=400)
    found = coefficients([module], losses, EXAMPLES, chosen)[0]
    # Half way between the minimum and the centre, of variance 1 / 200.
    expected = HEAT * WEIGHTS / 2 * (0.05**2 + 1 / 200 - 0.1**2)
    assert found.coefficient.item() == pytest.approx(expected, abs=1)
    plain = replace(chosen, preconditioner="none", step_size=0.0005)
    found = coefficients([module], losses, EXAMPLES, plain)[0]
    assert found.coefficient.item() == pytest.approx(expected, abs=1)


def test_swept_checkpoints_are_even_and_end_with_the_last():
    steps = list(range(0, 130, 10))
    assert swept_steps(steps, 1) == [120]
    assert swept_steps(steps, 3) == [40, 80, 120]
    assert swept_steps(steps, 99) == steps[1:]


def test_settings_are_read_as_they_were_written(tmp_path):
    written = replace(OPEN, step_size=1e-4, localisation=30.0)
    write_sampling(written, tmp_path / "sampling.json")
    assert read_sampling(tmp_path / "sampling.json") == written


def test_temperature_is_n_over_log_n_unless_it_is_named():
    assert replace(OPEN, inverse_temperature=None).temperature(100) == 100 / np.log(100)
    assert OPEN.temperature(100) == HEAT
