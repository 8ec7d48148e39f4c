"""Regression transformers are trained in lockstep, each as if alone."""

import pytest
import torch

from ontogeny.ensemble import random_stream
from ontogeny.errors import ConfigError
from ontogeny.measures.in_context.regression_training import (
    initialised,
    mean_squared_error,
    train_regression,
    triangle,
)
from ontogeny.runs.architectures.regression_transformer.models import RegressionTransformerConfig
from ontogeny.runs.architectures.regression_transformer.tasks import Tasks, bayes_losses

pytestmark = pytest.mark.slow

SMALL = RegressionTransformerConfig(
    dimensions=1, examples=4, hidden_size=16, intermediate_size=16, num_attention_heads=2
)
TASKS = Tasks(dimensions=1, examples=4)


def test_a_seed_is_trained_as_a_plain_loop_with_adam_trains_it():
    both = train_regression(SMALL, TASKS, seeds=[3, 4], steps=[0, 2, 6], batch_size=8)
    model, stream = initialised(SMALL, 4), random_stream(4, "data")
    optimiser = torch.optim.Adam(model.parameters())
    for step in range(6):
        if step in (0, 2):
            compare(both[1][(0, 2).index(step)], model)
        batch = {name: values[0] for name, values in TASKS.draw([stream], 8).items()}
        optimiser.param_groups[0]["lr"] = triangle(step, 6, 0.003)
        optimiser.zero_grad()
        mean_squared_error(model, batch).backward()
        optimiser.step()
    compare(both[1][2], model)


def compare(found, expected):
    for name, values in expected.named_parameters():
        torch.testing.assert_close(found.get_parameter(name), values, rtol=1e-3, atol=1e-4)


def test_the_rate_is_a_triangle():
    rates = [triangle(step, 10, 1.0) for step in range(10)]
    assert rates == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9, 0.9, 0.7, 0.5, 0.3, 0.1])


@pytest.mark.parametrize(
    ("tasks", "steps", "message"),
    [
        (Tasks(dimensions=2, examples=4), [0, 1], "2 dimensions and 4 examples, the model 1 and 4"),
        (TASKS, [0, 3, 2], "expected rising ones"),
        (TASKS, [0], "expected rising ones"),
    ],
)
def test_what_cannot_be_trained_is_refused(tasks, steps, message):
    with pytest.raises(ConfigError, match=message):
        train_regression(SMALL, tasks, seeds=[0], steps=steps)


@pytest.mark.slow
def test_training_comes_near_the_exact_bayes_predictor():
    config = RegressionTransformerConfig(
        dimensions=1, examples=4, hidden_size=32, intermediate_size=32, num_attention_heads=2
    )
    [models] = train_regression(
        config, TASKS, seeds=[0], steps=[0, 1500], batch_size=64, learning_rate=0.01
    )
    contexts = {name: v[0] for name, v in TASKS.draw([random_stream(9, "test")], 4000).items()}
    with torch.no_grad():
        losses = [mean_squared_error(model, contexts).item() for model in models]
    best = bayes_losses(contexts["x"], TASKS.noise_variance).mean().item()
    assert losses[0] > 2 * best
    assert losses[1] < 1.2 * best
