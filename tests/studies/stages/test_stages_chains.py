"""Coefficients of layers alone are the known ones; traces are what coefficients are made of."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from ontogeny.errors import ConfigError
from ontogeny.measures.learning_coefficient import Examples
from ontogeny.results.tables import check
from ontogeny.studies.stages.geometry import Sampling, chains
from ontogeny.studies.stages.refined import refined_rows
from ontogeny.studies.stages.tables import STAGES, TRACES

# Quadratic losses: with n beta h + gamma = a, steps of more than 4 / a diverge.
HEAT, PULL, STEP = 100.0, 20.0, 2e-3
SAMPLING = Sampling(
    step_size=STEP,
    localisation=PULL,
    inverse_temperature=HEAT,
    preconditioner="none",
    chains=4,
    burn_in=100,
    draws=200,
    batch_size=2,
    checkpoints_at_once=2,
    seed=0,
)
EXAMPLES = Examples({"harder": torch.tensor([0.0, 1.0, 2.0, 5.0])})
SIZES = (40, 80, 20)
STEPS = [0, 1, 2, 4]


class Bowls(nn.Module):
    """A bowl in each layer's weights, of which the loss is the sum: they don't interact."""

    def __init__(self, height=0.0):
        super().__init__()
        self.embedding = nn.Parameter(torch.full((30,), height))
        self.layers = nn.ModuleList(nn.Linear(size, 1, bias=False) for size in SIZES)
        for layer in self.layers:
            nn.init.zeros_(layer.weight)

    def forward(self):
        bowls = [self.embedding.square().sum()]
        bowls += [layer.weight.square().sum() for layer in self.layers]
        return torch.stack(bowls).sum() / 2


def losses(model, batch):
    """Examples differ in how hard they are, which isn't due to the weights."""
    return model() + batch["harder"], torch.ones_like(batch["harder"])


def known(weights):
    """n beta E[L], the chain's variance in each weight being 1 / (a (1 - step a / 4))."""
    a = HEAT + PULL
    return HEAT * weights / 2 / (a * (1 - STEP * a / 4))


def test_chains_in_one_layer_find_the_coefficient_of_its_weights_alone():
    checkpoints = {8: Bowls(), 16: Bowls(1.0)}  # what isn't moved may lie anywhere
    rows = refined_rows(checkpoints, losses, EXAMPLES, SAMPLING, ["layers"])
    found = rows[rows["metric"] == "llc_refined"].set_index(["step", "layer"])["value"]
    assert len(found) == 6
    errors = rows[rows["metric"] == "llc_refined_se"].set_index(["step", "layer"])["value"]
    for step in checkpoints:
        for layer, weights in enumerate(SIZES, start=1):
            assert abs(found[step, layer] - known(weights)) < 4 * errors[step, layer]
            assert found[step, layer] == pytest.approx(known(weights), rel=0.15)
    assert (rows[rows["metric"] == "llc_refined_diverged"]["value"] == 0).all()
    whole = rows.astype({"layer": "Int64", "head": "Int64"})
    check(whole.assign(run="run", corpus="text", seed=0), STAGES)


def test_nothing_is_refined_unless_it_is_asked_for_and_there():
    assert refined_rows({8: Bowls()}, losses, EXAMPLES, SAMPLING, []).empty
    bare = nn.Module()
    bare.w = nn.Parameter(torch.zeros(3))
    with pytest.raises(
        ConfigError, match=r"tell of no layers\. Leave layers out of refined\.parts"
    ):
        refined_rows({8: bare}, losses, EXAMPLES, SAMPLING, ["layers"])


def test_traces_give_the_estimate_back_and_begin_at_the_checkpoint():
    modules = [Bowls(height / 10) for height in range(4)]
    found = chains(STEPS, modules, losses, EXAMPLES, SAMPLING)
    traces = found["traces"]
    check(traces.assign(run="run", corpus="text", seed=0), TRACES)
    assert sorted(traces["step"].unique()) == [0, 2, 4]
    keys = ["step", "chain", "draw"]
    wide = traces.pivot(index=keys, columns="metric", values="value").reset_index()
    assert wide["draw"].agg(["min", "max"]).tolist() == [-99, 200]
    excess = wide["loss"] - wide["baseline"]
    # What makes a batch hard is taken off, in the burn-in too: before the first step nothing else.
    np.testing.assert_allclose(excess[wide["draw"] == -99], 0, atol=1e-6)
    assert wide.loc[wide["draw"] == -99, "loss"].nunique() > 1
    means = HEAT * excess[wide["draw"] > 0].groupby([wide["step"], wide["chain"]]).mean()
    own = found["chains"].set_index(["step", "chain"])["value"]
    for step, chain in means.index:
        assert means[step, chain] == pytest.approx(own[step, chain - 1])
    assert set(traces["use"]) == {"kept"}


def test_without_a_burn_in_traces_are_of_draws_alone():
    own = replace(SAMPLING, burn_in=0, draws=10)
    traces = chains(STEPS, [Bowls()] * 4, losses, EXAMPLES, own)["traces"]
    assert traces.groupby("metric")["draw"].agg(["min", "max"]).to_numpy().tolist() == [[1, 10]] * 2


def test_traces_of_chains_that_diverge_say_so_as_long_as_they_are_numbers():
    diverging = replace(SAMPLING, step_size=0.1)
    with np.errstate(all="ignore"):
        traces = chains(STEPS, [Bowls(0.1)] * 4, losses, EXAMPLES, diverging)["traces"]
    assert set(traces["use"]) == {"left out"}
    assert np.isfinite(traces["value"]).all()
