"""What is measured of models that are trained on a Hamiltonian's sequences."""

import numpy as np
import pytest

from ontogeny.corpora.hamiltonian import draw_hamiltonian, sample
from ontogeny.errors import TrainingError
from ontogeny.results.tables import check
from ontogeny.studies.clones.hamiltonian import learn
from ontogeny.studies.clones.rows import as_rows
from ontogeny.studies.clones.tables import CLONES

COUPLINGS = [{"order": 2, "count": 2, "strength": 0.6}, {"order": 3, "count": 1, "strength": 0.8}]
HAMILTONIAN = draw_hamiltonian(4, 4, COUPLINGS, 0)
SETTINGS = {
    "layers": [1, 2], "seeds": [0, 1], "steps": [0, 1, 4], "heads": 2, "width": 4,
    "initial_deviation": 0.2, "batch_size": 16, "learning_rate": 0.1,
}  # fmt: skip


def learned(**changes):
    training, held_out = sample(HAMILTONIAN, 400, 0), sample(HAMILTONIAN, 41, 1)
    return learn(HAMILTONIAN, training, held_out, SETTINGS | changes)


def test_rows_hold_what_claims_are_made_of():
    found = learned()
    check(as_rows(found.rows, run="hamiltonian", corpus="spins"), CLONES)
    rows = found.rows
    last = rows[(rows["metric"] == "loss") & (rows["step"] == 4)].set_index(["layers", "seed"])
    for number, depth in enumerate(found.layers):
        for place, seed in enumerate(found.seeds):
            expected = found.losses[number, place].mean()
            assert last.loc[(depth, seed), "value"] == pytest.approx(expected)
    optima = rows[rows["metric"] == "optimum_loss"].set_index("order")["value"]
    assert sorted(optima.index) == [1, 2, 3]
    for order, losses in found.optima.items():
        assert losses.shape == (41,)
        assert optima[order] == pytest.approx(losses.mean())


def test_layers_have_moved_nowhere_at_first_and_then_each_on_its_own():
    moved = learned().displacement
    assert moved.shape == (2, 3, 2)  # seeds, steps, layers of the deepest
    assert (moved[:, 0] == 0).all()
    assert (moved[:, 1:] > 0).all()
    assert (moved[:, 2, 0] != moved[:, 2, 1]).all()


def test_truth_is_asked_at_the_places_that_the_models_are():
    """Place n mod length of sequence n."""
    found, held_out = learned(), sample(HAMILTONIAN, 41, 1)
    for number in (0, 5, 40):
        site = number % 4
        log_p = HAMILTONIAN.log_conditional(held_out[number], site)
        assert found.truth[number] == pytest.approx(-log_p[held_out[number, site]])
    assert np.isfinite(found.losses).all()


def test_a_depth_of_which_a_model_diverges_is_named():
    with pytest.raises(TrainingError, match="diverged"):
        learned(initial_deviation=50.0, learning_rate=1e4, steps=[0, 20])
