"""What is made of chains: averages of draws alone, diagnostics, and what is left out."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small_losses import Copies, coefficients
from torch import nn

from ontogeny.ensemble.langevin import Langevin
from ontogeny.errors import ConfigError
from ontogeny.measures.learning_coefficient import (
    Condition,
    Estimates,
    Examples,
    Traces,
    calibrate,
    default_inverse_temperature,
    estimate,
    sample,
)
from ontogeny.measures.learning_coefficient.diagnostics import effective_sample_size, split_r_hat


class Regression(nn.Module):
    """A linear map of three inputs."""

    def __init__(self, seed=0):
        super().__init__()
        self.linear = nn.Linear(3, 1)
        with torch.no_grad():
            self.linear.weight.normal_(generator=torch.Generator().manual_seed(seed))
            self.linear.bias.zero_()

    def forward(self, x):
        return self.linear(x)[..., 0]


def squared_errors(model, batch):
    errors = (model(batch["x"]) - batch["y"]).square()
    return errors, torch.ones_like(errors)


def regression_data(size=50, seed=1):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(size, 3, generator=generator)
    return Examples({"x": x, "y": x.sum(1) + torch.randn(size, generator=generator)})


def run(modules, chains=3, seed=0, draws=20, step_size=1e-4, conditions=None, **options):
    return sample(
        modules,
        squared_errors,
        regression_data(),
        conditions or [Condition(step_size, 10.0, 20.0)],
        chains=chains,
        burn_in=4,
        draws=draws,
        batch_size=8,
        seed=seed,
        **options,
    )


def test_lockstep_gives_what_a_loop_over_chains_and_checkpoints_gives():
    """An independent, slow chain, written out, from the same streams of random numbers."""
    from ontogeny.ensemble import random_stream
    from ontogeny.measures.learning_coefficient.examples import draw_rows

    modules, data = [Regression(0), Regression(1)], regression_data()
    conditions = [Condition(1e-3, 10.0, 20.0), Condition(2e-3, 5.0, 40.0)]
    traces = run(modules, chains=2, draws=10, conditions=conditions, whole=True)
    assert traces.burn_in_baselines is not None
    for centre, start in enumerate(modules):
        for place, condition in enumerate(conditions):
            for chain in range(2):
                model = Regression()
                model.load_state_dict(start.state_dict())
                noise = random_stream(0, f"noise of chain {chain}")
                batches = [random_stream(0, f"batches of chain {chain}")]
                losses, baselines = [], []
                for _ in range(14):
                    rows = draw_rows(batches, len(data), 8)[0]
                    batch = data.take(rows)
                    model.zero_grad()
                    loss = squared_errors(model, batch)[0].mean()
                    loss.backward()
                    losses.append(loss.item())
                    baselines.append(squared_errors(start, batch)[0].mean().item())
                    drawn = torch.randn(4, generator=noise)
                    with torch.no_grad():
                        for name, values in model.named_parameters():
                            part = drawn[:3].view(1, 3) if "weight" in name else drawn[3:]
                            distance = values - start.get_parameter(name)
                            drift = (
                                condition.inverse_temperature * values.grad
                                + condition.localisation * distance
                            )
                            values += -condition.step_size / 2 * drift
                            values += condition.step_size**0.5 * part
                own = (slice(None), centre, place, chain)
                np.testing.assert_allclose(traces.burn_in[own], losses[:4], rtol=1e-4)
                np.testing.assert_allclose(traces.losses[own], losses[4:], rtol=1e-4)
                np.testing.assert_allclose(traces.baselines[own], baselines[4:], rtol=1e-4)
                np.testing.assert_allclose(traces.burn_in_baselines[own], baselines[:4], rtol=1e-4)


def test_whole_traces_have_the_same_draws_and_each_centres_own_are_cut_out_of_them():
    both, whole = (run([Regression(0), Regression(1)], whole=whole) for whole in (False, True))
    assert both.burn_in_baselines is None
    np.testing.assert_array_equal(both.losses, whole.losses)
    np.testing.assert_array_equal(both.baselines, whole.baselines)
    second = whole.around(slice(1, 2))
    assert second.burn_in_baselines is not None
    assert second.burn_in_baselines.shape == (4, 1, 1, 3)
    expected = estimate(whole, np.array([20.0]))
    found = estimate(second, np.array([20.0]))
    for name, values in vars(found).items():
        np.testing.assert_array_equal(values, getattr(expected, name)[1:])


def test_a_chain_does_not_depend_on_the_others():
    both, one = run([Regression(0), Regression(1)], chains=3), run([Regression(1)], chains=2)
    np.testing.assert_allclose(both.losses[:, 1:, :, :2], one.losses, rtol=1e-5)


def made_up(losses, baseline=0.0, free=10):
    """Traces of one centre and condition, from losses (draws, chains)."""
    losses = np.asarray(losses, float)[:, None, None]
    shape = losses.shape[1:]
    return Traces(
        losses=losses,
        baselines=np.full(losses.shape, baseline),
        burn_in=np.full((5, *shape), 1e6),
        acceptances=np.full(shape, 0.9),
        sound=np.isfinite(losses).all(axis=0),
        free=np.array([free]),
    )


def test_draws_alone_are_averaged_never_the_burn_in():
    losses = np.random.default_rng(0).uniform(1, 2, (100, 3))
    found = estimate(made_up(losses, baseline=1.0), np.array([4.0]))
    assert found.coefficient.item() == pytest.approx(4 * (losses.mean() - 1))
    assert found.loss.item() == pytest.approx(losses.mean())


def test_the_baselines_error_is_that_of_a_mean_of_independent_batches():
    baseline = np.random.default_rng(3).normal(2, 0.3, (40, 3))
    traces = replace(made_up(np.full((40, 3), 2.5)), baselines=baseline[:, None, None])
    found = estimate(traces, np.array([1.0]))
    assert found.baseline.item() == pytest.approx(baseline.mean())
    assert found.baseline_error.item() == pytest.approx(baseline.std(ddof=1) / 120**0.5)


def test_the_standard_error_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(1)
    missed = 0
    for _ in range(300):
        noise = rng.normal(size=(300, 4))
        chain = np.zeros_like(noise)
        for step in range(1, len(chain)):
            chain[step] = 0.7 * chain[step - 1] + noise[step]
        found = estimate(made_up(chain[100:] + 2), np.array([1.0]))
        missed += abs(found.coefficient.item() - 2) > 1.96 * found.standard_error.item()
    assert 0.02 < missed / 300 < 0.1


def test_diverged_chains_are_left_out_and_counted():
    losses = np.full((20, 4), 2.0) + np.random.default_rng(0).normal(0, 0.1, (20, 4))
    losses[7, 1] = np.nan
    losses[:, 3] = 1e9
    found = estimate(made_up(losses), np.array([1.0]))
    assert found.diverged.item() == 2
    assert found.coefficient.item() == pytest.approx(losses[:, [0, 2]].mean())
    assert np.isnan(found.by_chain[0, 0, [1, 3]]).all()


def test_a_step_size_that_diverges_leaves_no_chain():
    with np.errstate(all="ignore"):
        found = coefficients(
            Copies(lambda w: w[..., 0] ** 2 / 2, torch.zeros(10, 1)),
            [(0.05, 1.0, 100.0), (0.001, 1.0, 100.0)],
            burn_in=100,
            draws=100,
        )
    assert found.diverged.tolist() == [[2, 0]]
    assert np.isnan(found.coefficient[0, 0])
    assert np.isfinite(found.coefficient[0, 1])


def test_the_share_of_negative_estimates_is_that_of_chains():
    losses = np.array([[1.0, 1.0, -1.0, 1.0]]) + np.zeros((10, 4))
    assert estimate(made_up(losses), np.array([1.0])).negative.item() == 0.25


def test_too_few_draws_are_refused():
    with pytest.raises(ConfigError, match="draws: is 7; expected at least 8"):
        estimate(made_up(np.ones((7, 2))), np.array([1.0]))


def test_a_model_without_gradients_is_refused():
    class Rounded(Regression):
        def forward(self, x):
            return super().forward(x).detach()

    with pytest.raises(ConfigError, match="doesn't depend on any parameter"):
        run([Rounded()])


def test_a_model_that_looks_at_its_data_is_refused():
    class Looking(Regression):
        def forward(self, x):
            return super().forward(x) if x.sum() > 0 else -super().forward(x)

    with pytest.raises(ConfigError, match="can't be computed for many models"):
        run([Looking()])


def test_small_steps_are_accepted_and_of_large_ones_half():
    """Unadjusted chains are reversible for a wider Gaussian: their ratio is symmetric around 1."""
    module = Copies(lambda w: w[..., 0] ** 2 / 2, torch.zeros(500, 1))
    found = coefficients(
        module, [(1e-4, 1.0, 100.0), (0.018, 1.0, 100.0)],
        burn_in=50, draws=200, moves_to_a_check=1,
    )  # fmt: skip
    assert found.acceptance[0, 0] > 0.99
    assert found.acceptance[0, 1] == pytest.approx(0.5, abs=0.06)


def test_acceptance_is_the_ratio_of_metropolis_and_hastings():
    """One step of a chain in one dimension, against the densities written out."""
    found = coefficients(
        Copies(lambda w: w[..., 0] ** 4, torch.full((1, 1), 0.3)),
        [(0.02, 3.0, 10.0)],
        chains=1,
        burn_in=0,
        draws=8,
        seed=5,
        moves_to_a_check=1,
    )
    from ontogeny.ensemble import random_stream

    noise = random_stream(5, "noise of chain 0")

    def potential(w):
        return 10 * w**4 + 3 / 2 * (w - 0.3) ** 2

    def target(w):
        return w - 0.01 * (40 * w**3 + 3 * (w - 0.3))

    w, accepted = 0.3, []
    for _ in range(8):
        new = target(w) + 0.02**0.5 * torch.randn(1, generator=noise).item()
        forward, backward = (new - target(w)) ** 2, (w - target(new)) ** 2
        ratio = potential(w) - potential(new) + (forward - backward) / 0.04
        accepted.append(min(1.0, np.exp(ratio)))
        w = new
    assert found.acceptance.item() == pytest.approx(np.mean(accepted), rel=1e-4)


@pytest.mark.parametrize("chains", [1, 2, 5])
def test_one_move_in_so_many_is_checked_of_each_chain_in_turn(chains, monkeypatch):
    checked = []

    def note(self, stack, alone, seen, *rest):
        checked.append((self.updates, seen.member))
        return 1.0

    monkeypatch.setattr(Langevin, "acceptance", note)
    coefficients(
        Copies(lambda w: w[..., 0] ** 2, torch.zeros(1, 1)),
        [(0.01, 1.0, 1.0)],
        chains=chains,
        burn_in=3,
        draws=17,
        moves_to_a_check=4,
    )
    every = {1: 4, 2: 2, 5: 1}[chains]
    steps = range(0, 17, every)
    assert checked == [(4 + step, turn % chains) for turn, step in enumerate(steps)]


def test_split_r_hat_is_the_textbooks():
    draws = np.random.default_rng(0).normal(size=(20, 3)) + np.array([0, 0.5, 1])
    halves = np.concatenate([draws[:10], draws[10:]], axis=1)
    within = halves.var(axis=0, ddof=1).mean()
    between = 10 * halves.mean(axis=0).var(ddof=1)
    expected = np.sqrt((9 / 10 * within + between / 10) / within)
    assert split_r_hat(draws) == pytest.approx(expected)
    assert split_r_hat(np.ones((10, 2))) == 1


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_effective_sample_size_of_an_autoregression_is_the_known_one(rho):
    rng = np.random.default_rng(0)
    chain = np.zeros((20_000, 4))
    for step in range(1, len(chain)):
        chain[step] = rho * chain[step - 1] + rng.normal(size=4)
    expected = chain.size * (1 - rho) / (1 + rho)
    assert effective_sample_size(chain) == pytest.approx(expected, rel=0.1)


def sweep(coefficient, diverged=0, r_hat=1.0):
    """Estimates of one centre that are made up, all else being sound."""
    coefficient = np.asarray(coefficient, float).reshape(1, -1)
    same = np.full(coefficient.shape, 1.0)
    return Estimates(
        coefficient=coefficient,
        standard_error=same,
        baseline=same,
        baseline_error=same,
        loss=same,
        r_hat=same * r_hat,
        effective_size=same,
        acceptance=same,
        negative=0 * same,
        diverged=np.zeros(coefficient.shape) + diverged,
        by_chain=coefficient[..., None],
    )


def test_calibration_finds_the_plateau_and_takes_its_largest_step():
    values = [[1, 1.5, 3], [8, 8.4, 9], [10, 10, 10], [10, 10, 10], [20, 40, 80]]
    chosen = calibrate(sweep(values), np.array([1, 2, 4, 8, 16.0]), np.array([1, 10, 100.0]))
    assert chosen.step_size == 4.0
    bad = np.array([[0, 0, 0], [0, 0, 0], [0, 0, 0], [1, 1, 1], [1, 1, 1]]).reshape(1, -1)
    chosen = calibrate(sweep(values, diverged=bad), np.arange(1, 6.0), np.array([1, 10, 100.0]))
    assert chosen.step_size == 3.0
    assert not chosen.sound[3:].any()


@pytest.mark.parametrize("fault", [{"diverged": 1}, {"r_hat": 1.3}])
def test_calibration_without_a_sound_pair_is_refused(fault):
    with pytest.raises(ConfigError, match="no two neighbouring settings of 4 have sound chains"):
        calibrate(sweep(np.ones((2, 2)), **fault), np.array([1, 2.0]), np.array([1, 2.0]))


def test_n_over_log_n_is_the_default():
    assert default_inverse_temperature(1000) == pytest.approx(1000 / np.log(1000))
    with pytest.raises(ConfigError, match="examples: is 1"):
        default_inverse_temperature(1)
