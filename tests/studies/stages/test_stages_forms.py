"""Forms are told with the tokens whose loss they move, and held against random walks."""

import numpy as np
import pytest

from ontogeny.results.tables import check
from ontogeny.studies.stages.forms import Shown, form_rows, forms_by_chance
from ontogeny.studies.stages.tables import FORMS

TOKENS = ["a", "b", "c", "d"]
FEATURES = 6  # of each token
STEPS = np.unique(np.geomspace(1, 3000, 80).round().astype(int))
TIMES = np.log1p(STEPS)
KNOTS = np.linspace(TIMES[0], TIMES[-1], 4)


def trajectory():
    """Outputs that go straight from one function to the next, and turn at each of two corners.

    All differ in what they say of the third token alone.
    """
    rng = np.random.default_rng(7)
    corners = rng.normal(size=(4, 3))
    directions = np.zeros((3, len(TOKENS), FEATURES))
    directions[:, 2] = np.linalg.qr(rng.normal(size=(FEATURES, 3)))[0].T
    path = np.stack([np.interp(TIMES, KNOTS, line) for line in corners.T], axis=1)
    outputs = path @ directions.reshape(3, -1) + rng.normal(size=len(TOKENS) * FEATURES)
    return outputs + 1e-6 * rng.normal(size=outputs.shape)


def squares(outputs):
    return (outputs.reshape(len(TOKENS), FEATURES) ** 2).sum(axis=1)


SHOWN = Shown(squares, TOKENS, ["", "a", "a b", "a b c"])


def rows(bandwidth=0.15):
    return form_rows(STEPS.tolist(), trajectory(), SHOWN, bandwidth, seed=0)


@pytest.mark.slow
def test_the_token_that_a_form_moves_most_is_named():
    found = rows()
    count = found[found["metric"] == "forms"]["value"].item()
    assert count == 2
    first = found[(found["form"] == 1) & found["rank"].notna()].sort_values("rank")
    assert first.iloc[0]["token"] == "c"
    assert first.iloc[0]["before"] == "a b"
    changes = first["value"].abs().to_numpy()
    assert (np.diff(changes) <= 0).all()
    assert changes[0] > 1000 * changes[1:].max()
    whole = found[(found["form"] == 1) & found["rank"].isna()].set_index("metric")["value"]
    assert np.log1p(whole["step"]) == pytest.approx(KNOTS[1], abs=0.15)
    assert whole["loss_change"] == pytest.approx(first["value"].sum() / len(TOKENS))
    check(found.assign(run="run", corpus="text", seed=0), FORMS)


def test_random_walks_have_forms_too_the_same_ones_with_the_same_seed():
    assert forms_by_chance(TIMES, 0.3, seed=0, walks=20) > 0
    assert forms_by_chance(TIMES, 0.3, seed=0, walks=5) == forms_by_chance(TIMES, 0.3, 0, walks=5)
    few = TIMES[::8]
    assert forms_by_chance(few, 0.8, 0, walks=20) < forms_by_chance(TIMES, 0.3, 0, walks=20)
