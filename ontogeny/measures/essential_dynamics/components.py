"""Principal components of outputs over checkpoints, by the Gram matrix."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ontogeny.errors import TrajectoryError


@dataclass(frozen=True)
class Components:
    """Principal components of a trajectory of outputs.

    - `scores` (checkpoints, components): where each checkpoint lies, in the unit of the outputs.
      The sign of each is such that the last checkpoint lies above the first.
    - `explained` (components,): the share of the variance that each explains.
    - `weights` (checkpoints, components): each component's direction in the space of outputs is
      the sum of the centred outputs by these weights (`lift`).
    """

    scores: np.ndarray
    explained: np.ndarray
    weights: np.ndarray


def gram_matrix(parts: Iterable[np.ndarray]) -> np.ndarray:
    """Return the inner products of all checkpoints' outputs, (checkpoints, checkpoints).

    `parts` are outputs (checkpoints, features), some features after the others, so that not all
    have to be there at once.
    """
    total: np.ndarray | float = 0.0
    for part in parts:
        values = np.asarray(part, dtype=np.float64)
        total = total + values @ values.T
    return np.asarray(total)


def principal_components(gram: np.ndarray, count: int = 3) -> Components:
    """Return the first principal components of outputs of which the Gram matrix is known.

    With X the outputs (checkpoints, features) less their mean over checkpoints, the eigenvectors u
    of X X^T with eigenvalues s^2 give scores u s and directions X^T u / s: the same as those of the
    covariance of features, of which there are far more than checkpoints. Raises
    `TrajectoryError` with fewer checkpoints than `count` + 1, if a number is none, or if outputs
    span fewer dimensions.
    """
    size = len(gram)
    if size < count + 1:
        raise TrajectoryError(
            f"essential dynamics: {size} checkpoints; expected at least {count + 1} for {count} "
            "components."
        )
    if not np.isfinite(gram).all():
        raise TrajectoryError(
            "essential dynamics: an output isn't a number. See which checkpoint diverged."
        )
    centring = np.eye(size) - 1 / size
    values, vectors = np.linalg.eigh(centring @ gram @ centring)
    values, vectors = values[::-1][:count], vectors[:, ::-1][:, :count]
    total = np.trace(centring @ gram @ centring)
    if values[-1] <= size * np.finfo(float).eps * max(total, np.trace(gram) / size):
        raise TrajectoryError(
            f"essential dynamics: outputs span fewer than {count} dimensions over {size} "
            "checkpoints; expected checkpoints that differ."
        )
    deviations = np.sqrt(values)
    signs = np.where(vectors[-1] < vectors[0], -1.0, 1.0)
    vectors = vectors * signs
    return Components(vectors * deviations, values / total, centring @ vectors / deviations)


def lift(components: Components, point: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Return the point in the space of outputs, (features,), that has given scores.

    `point` (components,) are the scores; `outputs` (checkpoints, features) those that components
    were made of, or some of their features. In directions that no component takes, the point lies
    at the mean of checkpoints.
    """
    values = np.asarray(outputs, dtype=np.float64)
    lifted: np.ndarray = values.mean(axis=0) + (components.weights @ point) @ values
    return lifted
