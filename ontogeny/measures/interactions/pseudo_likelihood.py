"""The best model of each order of interaction, by fitted pseudo-likelihood."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from ontogeny.corpora.hamiltonian import Hamiltonian, subsets

TOLERANCE = 1e-7


class PseudoLikelihood:
    """The pseudo-likelihood of models with couplings on given sets of sites, on sequences.

    With m_i = sum over sets t that hold i of J_ti prod_{k in t} f(s_k), the conditional probability
    of the sign that stands at i is sigmoid(2 m_i + f(s_i) log(n+ / n-)), with n+ and n- symbols of
    either sign, and within a sign symbols are as likely as each other. (Besag 1975, "Statistical
    analysis of non-lattice data".) Convex in the couplings.

    Those of an energy are one for each set, J_t (`energy`). Conditionals that are learned one by
    one, as a masked model's are, have one for each set and site, and reach a lower loss wherever no
    energy of the order is the truth.
    """

    def __init__(
        self,
        hamiltonian: Hamiltonian,
        sets: Sequence[tuple[int, ...]],
        sequences: np.ndarray,
        weights: np.ndarray | None = None,
        *,
        energy: bool = False,
    ) -> None:
        """Take sequences (count, length), by default of equal `weights`, which sum to 1."""
        signs = hamiltonian.signs[sequences]
        self.products = np.stack([signs[:, list(sites)].prod(axis=1) for sites in sets], axis=1)
        holds = np.zeros((len(sets), hamiltonian.length))
        for row, sites in enumerate(sets):
            holds[row, list(sites)] = 1.0
        self.energy, self.holds = energy, holds
        # Where each coupling stands among (sets, sites).
        self.places = np.nonzero(holds)
        self.number = len(sets) if energy else len(self.places[0])
        plus = (hamiltonian.signs > 0).sum()
        minus = hamiltonian.symbols - plus
        self.offset = signs * np.log(plus / minus)
        self.within = np.where(signs > 0, np.log(plus), np.log(minus))
        self.weights = np.full(len(signs), 1 / len(signs)) if weights is None else weights

    def _margins(self, couplings: np.ndarray) -> np.ndarray:
        if self.energy:
            spread = self.holds * couplings[:, None]
        else:
            spread = np.zeros_like(self.holds)
            spread[self.places] = couplings
        return 2 * self.products @ spread + self.offset

    def losses(self, couplings: np.ndarray) -> np.ndarray:
        """Return -log p of what stands at each site, in nats, (count, length)."""
        return np.logaddexp(0, -self._margins(couplings)) + self.within

    def loss_and_gradient(self, couplings: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the mean loss over sites, weighted over sequences, and its gradient."""
        margins = self._margins(couplings)
        loss = float(self.weights @ (np.logaddexp(0, -margins) + self.within).mean(axis=1))
        slope = -2 * expit(-margins) * self.weights[:, None] / margins.shape[1]
        gradient = self.products.T @ slope * self.holds
        return loss, gradient.sum(axis=1) if self.energy else gradient[self.places]

    def fit(self) -> np.ndarray:
        """Return the couplings of highest pseudo-likelihood, (number,)."""
        found = minimize(
            self.loss_and_gradient, np.zeros(self.number), jac=True, method="L-BFGS-B",
            options={"ftol": 1e-12, "gtol": TOLERANCE, "maxiter": 1000},
        )  # fmt: skip
        return np.asarray(found.x)


def optimum(
    hamiltonian: Hamiltonian,
    order: int,
    training: np.ndarray,
    held_out: np.ndarray,
    *,
    energy: bool = False,
) -> np.ndarray:
    """Return the losses on held-out sequences of the best model of an order, (count, length).

    It has couplings on `hamiltonian.subsets`, fitted to `training` (count, length): those of
    conditionals, or of an `energy`.
    """
    sets = subsets(hamiltonian, order)
    couplings = PseudoLikelihood(hamiltonian, sets, training, energy=energy).fit()
    return PseudoLikelihood(hamiltonian, sets, held_out, energy=energy).losses(couplings)


def true_losses(hamiltonian: Hamiltonian, sequences: np.ndarray) -> np.ndarray:
    """Return -log p of what stands at each site by the Hamiltonian itself, (count, length)."""
    return np.stack(
        [
            -np.take_along_axis(
                hamiltonian.log_conditional(sequences, site), sequences[:, [site]], axis=1
            )[:, 0]
            for site in range(hamiltonian.length)
        ],
        axis=1,
    )
