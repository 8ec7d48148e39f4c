"""Regression in context: the exact Bayes predictor has the known loss; collapses are told."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm
from slow_stacks import assert_is_a_loop_over_models

from ontogeny.measures.in_context.regression import (
    effective_rank,
    error_over_prior,
    prediction_norm,
    regression_in_context_score,
    share_near_zero,
)
from ontogeny.runs.architectures.regression_transformer.models import (
    RegressionTransformer,
    RegressionTransformerConfig,
)
from ontogeny.runs.architectures.regression_transformer.tasks import (
    Tasks,
    bayes_losses,
    bayes_predictions,
)


def drawn(tasks, contexts, seed=0):
    found = tasks.draw([torch.Generator().manual_seed(seed)], contexts)
    return found["x"][0], found["y"][0]


@pytest.mark.parametrize("dimensions", [1, 4])
def test_the_bayes_predictor_has_the_known_loss_at_each_position(dimensions):
    tasks = Tasks(dimensions=dimensions)
    x, y = drawn(tasks, 40_000)
    errors = (bayes_predictions(x, y, 0.125) - y).square()
    expected = bayes_losses(x, 0.125).mean(0)
    deviation = errors.std(0) / 40_000**0.5
    assert ((errors.mean(0) - expected).abs() < 4 * deviation).all()
    assert expected[0].item() == pytest.approx(dimensions + 0.125, rel=0.03)
    assert (expected.diff() < 0).all()


def test_in_one_dimension_the_loss_after_one_example_is_an_integral():
    x, _ = drawn(Tasks(dimensions=1), 200_000)
    variance = 0.125
    left = quad(lambda u: norm.pdf(u) * variance / (variance + u**2), -10, 10, points=[0])[0]
    found = bayes_losses(x, variance).mean(0)
    assert found[1].item() == pytest.approx(variance + left, rel=0.02)


def test_the_bayes_predictor_is_ridge_regression_on_what_came_before():
    x, y = drawn(Tasks(dimensions=3, examples=5), 2)
    found = bayes_predictions(x, y, 0.125)
    for context in range(2):
        for k in range(5):
            before, targets = x[context, :k].numpy(), y[context, :k].numpy()
            gram = before.T @ before + 0.125 * np.eye(3)
            expected = x[context, k].numpy() @ np.linalg.solve(gram, before.T @ targets)
            assert found[context, k].item() == pytest.approx(expected, abs=1e-4)


def test_a_member_draws_its_own_tasks_and_gain_scales_the_inputs():
    generators = [torch.Generator().manual_seed(seed) for seed in (0, 1)]
    both = Tasks(gain=9.0).draw(generators, 500)
    x, y = drawn(Tasks(gain=9.0), 500, seed=1)
    assert torch.equal(both["x"][1], x)
    assert torch.equal(both["y"][1], y)
    assert both["x"].square().mean().item() == pytest.approx(9, rel=0.1)


def small(**sizes):
    torch.manual_seed(0)
    return RegressionTransformer(RegressionTransformerConfig(**sizes)).eval()


def test_the_published_sizes_have_about_50_000_parameters():
    assert sum(values.numel() for values in small().parameters()) == pytest.approx(50_000, rel=0.05)


def test_a_prediction_depends_on_its_x_and_what_came_before_alone():
    model = small(initializer_range=0.5)
    x, y = drawn(Tasks(), 3)
    before = model(x, y)
    for k in range(8):
        changed_x, changed_y = x.clone(), y.clone()
        changed_x[:, k] += 1
        changed_y[:, k] += 1
        by_x, by_y = model(changed_x, y), model(x, changed_y)
        torch.testing.assert_close(by_x[:, :k], before[:, :k])
        torch.testing.assert_close(by_y[:, : k + 1], before[:, : k + 1])
        assert not torch.isclose(by_x[:, k], before[:, k]).all()
        if k < 7:
            assert not torch.isclose(by_y[:, k + 1], before[:, k + 1]).all()


def test_it_is_saved_and_loaded_as_any_checkpoint(tmp_path):
    from transformers import AutoModel

    from ontogeny.runs.architectures import register_own_models

    register_own_models()
    model = small()
    model.save_pretrained(tmp_path)
    loaded = AutoModel.from_pretrained(tmp_path)
    x, y = drawn(Tasks(), 3)
    assert torch.equal(loaded(x, y), model(x, y))


def test_many_are_trained_in_lockstep():
    models = []
    for seed in range(3):
        torch.manual_seed(seed)
        models.append(RegressionTransformer(RegressionTransformerConfig()).eval())

    def loss(model, batch):
        return (model(batch["x"], batch["y"]) - batch["y"]).square().mean()

    batch = Tasks().draw([torch.Generator().manual_seed(s) for s in range(3)], 5)
    assert_is_a_loop_over_models(models, loss, batch)


def test_scores_of_predictors_that_are_known():
    x, y = drawn(Tasks(), 20_000)
    nothing = torch.zeros_like(y)
    assert prediction_norm(nothing) == 0
    assert error_over_prior(nothing, y) == 1
    assert regression_in_context_score(nothing, y).item() == pytest.approx(0, abs=0.3)
    best = bayes_predictions(x, y, 0.125)
    expected = bayes_losses(x, 0.125).mean(0)
    score = regression_in_context_score(best, y).item()
    assert score == pytest.approx((expected[-1] - expected[0]).item(), rel=0.05)
    assert prediction_norm(y).item() == pytest.approx(4.125**0.5, rel=0.02)


@pytest.mark.parametrize("rank", [1, 3, 6])
def test_effective_rank_counts_equal_singular_values(rank):
    generator = torch.Generator().manual_seed(0)
    left = torch.linalg.qr(torch.randn(16, rank, generator=generator))[0]
    right = torch.linalg.qr(torch.randn(40, rank, generator=generator))[0]
    assert effective_rank(3 * left @ right.T).item() == pytest.approx(rank, rel=1e-4)


def test_the_share_near_zero_is_counted():
    assert share_near_zero(torch.tensor([1.0, 0.05, -0.02, -0.5])) == 0.5
