"""The loss curve shows the table of losses."""

import numpy as np
import pandas as pd
import pytest

from ontogeny.errors import TableError
from ontogeny.runs.figures import loss_curve

STEPS = (0, 1, 10, 100, 1000)


def losses(seeds=(0, 1, 2)):
    generator = np.random.default_rng(0)
    return pd.DataFrame(
        [
            {"run": "toy", "seed": seed, "step": step, "metric": metric, "value": value}
            for seed in seeds
            for step, value in zip(STEPS, generator.uniform(1, 7, len(STEPS)), strict=True)
            for metric in ("train_loss", "dev_loss")
            if step or metric == "dev_loss"
        ]
    )


def test_axes_bear_labels_with_units():
    (axes,) = loss_curve(losses()).axes
    assert axes.get_xlabel() == "step (updates, log)"
    assert axes.get_ylabel() == "loss (nats per predicted token)"
    assert axes.get_ylim()[0] == 0


def test_lines_are_means_and_bands_the_range_over_seeds():
    table = losses()
    (axes,) = loss_curve(table).axes
    lines = {line.get_gid(): line for line in axes.lines}
    bands = {found.get_gid(): found.get_paths()[0].vertices for found in axes.collections}
    for metric in ("train_loss", "dev_loss"):
        rows = table[table["metric"] == metric].pivot(index="step", columns="seed", values="value")
        np.testing.assert_array_equal(lines[metric].get_xdata(), rows.index)
        np.testing.assert_allclose(lines[metric].get_ydata(), rows.mean(axis=1))
        for step, values in rows.iterrows():
            heights = bands[f"band:{metric}"][bands[f"band:{metric}"][:, 0] == step, 1]
            assert (heights.min(), heights.max()) == (values.min(), values.max())


def test_one_seed_has_no_band():
    figure = loss_curve(losses(seeds=(0,)))
    assert not figure.axes[0].collections
    assert "one seed, hence no band" in [t.get_text() for t in figure.legends[0].get_texts()]


def test_two_runs_are_refused():
    both = pd.concat([losses(), losses().assign(run="other")])
    with pytest.raises(TableError, match="shows one run, the table holds other, toy"):
        loss_curve(both)


def test_a_run_without_losses_says_so():
    assert "No loss was recorded" in loss_curve(losses().iloc[:0]).texts[0].get_text()


def test_rescalings_of_the_learning_rate_are_vertical_lines():
    rescaled = [
        {"run": "toy", "seed": seed, "step": step, "metric": "learning_rate", "value": 5.0}
        for seed, step in ((0, 50), (1, 50), (1, 700))
    ]
    plain = losses(seeds=(0, 1))
    (axes,) = loss_curve(pd.concat([plain, pd.DataFrame(rescaled)], ignore_index=True)).axes
    lines = {line.get_gid(): line for line in axes.lines if "rescaling" in str(line.get_gid())}
    assert {gid: line.get_xdata()[0] for gid, line in lines.items()} == {
        "rescaling:50": 50,
        "rescaling:700": 700,
    }
    assert lines["rescaling:50"].get_linewidth() > lines["rescaling:700"].get_linewidth()
    assert len(loss_curve(plain).axes[0].lines) == len(axes.lines) - 2
