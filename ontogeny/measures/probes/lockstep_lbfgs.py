"""L-BFGS for many logistic regressions at once, in their features' eigenbasis.

All layers are a batch dimension and the classes of all tasks stand side by side as columns, so that
an iteration costs two large matrix products a layer, whatever the number of tasks. Shapes use
`layers`, `words`, `width`, `tasks`, and `columns`, the classes of all tasks together; where a bias
goes with the weights, it comes last and the size is `width + 1`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ontogeny.measures.probes.softmax_regression import Tasks, cross_entropy

MEMORY = 10  # pairs of steps and gradient changes that L-BFGS keeps
SUFFICIENT_DECREASE = 1e-4  # Armijo's constant: Nocedal and Wright 2006, section 3.1
LEAST_HESSIAN = 1e-12  # of a feature that doesn't vary, where nothing is penalised
LEAST_CURVATURE = 1e-7  # below it a class is as good as settled, and float32 has nothing to say


@dataclass(frozen=True)
class State:
    """Where the search for each (layer, task) stands.

    `parameters`, `gradient` (of the cross-entropy alone), and the steps and changes of gradient in
    `history` have the shape (layers, columns, width + 1); `logits` (layers, columns, words);
    `curvature` (layers, columns); `loss`, and the inverse products in `history`, (layers, tasks).
    """

    parameters: Tensor
    logits: Tensor
    gradient: Tensor
    curvature: Tensor
    loss: Tensor
    history: tuple[tuple[Tensor, Tensor, Tensor], ...] = ()

    def split(self, sizes: Sequence[int]) -> list["State"]:
        """Return a state for each task."""
        states = []
        first = 0
        for task, size in enumerate(sizes):
            columns, one = slice(first, first + size), slice(task, task + 1)
            history = tuple((s[:, columns], y[:, columns], r[:, one]) for s, y, r in self.history)
            states.append(
                State(
                    self.parameters[:, columns],
                    self.logits[:, columns],
                    self.gradient[:, columns],
                    self.curvature[:, columns],
                    self.loss[:, one],
                    history,
                )
            )
            first += size
        return states

    @staticmethod
    def join(states: Sequence["State"]) -> "State":
        """Return the state of several tasks from the state of each.

        Of the history it keeps as much as all of them have, the latest.
        """
        length = min(len(state.history) for state in states)
        recent = [state.history[len(state.history) - length :] for state in states]
        history = []
        for pairs in zip(*recent, strict=True):
            steps, changes, inverses = zip(*pairs, strict=True)
            history.append((torch.cat(steps, 1), torch.cat(changes, 1), torch.cat(inverses, 1)))
        return State(
            torch.cat([state.parameters for state in states], 1),
            torch.cat([state.logits for state in states], 1),
            torch.cat([state.gradient for state in states], 1),
            torch.cat([state.curvature for state in states], 1),
            torch.cat([state.loss for state in states], 1),
            tuple(history),
        )


@dataclass(frozen=True)
class Regression:
    """The features, (layers, words, width), in their eigenbasis, and what is asked of them.

    `variance` (layers, width + 1) are the features' variances, and a one for the bias. Centred and
    uncorrelated features let a diagonal stand for the inverse of the Hessian (see `solve`). Without
    `bias` that of all classes stays where the search begins.
    """

    features: Tensor
    variance: Tensor
    tasks: Tasks
    bias: bool = True

    def start(self, parameters: Tensor) -> State:
        """Return the state at some parameters, with no history."""
        logits = self.logits(parameters)
        loss, residual, curvature = cross_entropy(logits, self.tasks)
        return State(parameters, logits, self.gradient(residual), curvature, loss)

    def logits(self, parameters: Tensor) -> Tensor:
        """Return the logits, (layers, columns, words), or their change along a direction."""
        # The bias is no feature of its own: an odd width slows the matrix product by a quarter.
        weight, bias = parameters[..., :-1].contiguous(), parameters[..., -1:]
        return torch.baddbmm(bias, weight, self.features.mT)

    def gradient(self, residual: Tensor) -> Tensor:
        """Return the derivative by the parameters from that by the logits."""
        by_bias = (
            residual.sum(-1, keepdim=True) if self.bias else torch.zeros_like(residual[..., :1])
        )
        return torch.cat([residual @ self.features, by_bias], -1)

    def penalty(self, l2: float) -> Tensor:
        """Return the weight of each parameter's square, which is zero for the bias."""
        penalty = self.features.new_full((self.features.shape[-1] + 1,), l2)
        penalty[-1] = 0
        return penalty


def change_l2(state: State, tasks: Tasks, difference: Tensor) -> State:
    """Carry the history over to another penalty: each change of gradient moves by a known term."""
    history = []
    for step, change, inverse in state.history:
        change = change + difference * step
        product = _products(step, change, tasks.membership)
        history.append((step, change, torch.where(inverse > 0, 1 / product.clamp_min(1e-30), 0)))
    return replace(state, history=tuple(history))


def solve(
    regression: Regression, state: State, l2: float, *, tolerance: float, max_iterations: int
) -> tuple[State, Tensor, Tensor]:
    """Minimise mean cross-entropy plus l2 / 2 times the squared weights, for all layers and tasks.

    Returns the last state, the objective (layers, tasks), and whether each got there in
    `max_iterations`. A (layer, task) is done once the decrease that its quadratic model promises is
    less than `tolerance` times its objective; then it rests, and a task that is done in every layer
    leaves the matrix products.

    The method is L-BFGS (Nocedal and Wright 2006, algorithm 7.4) with a diagonal that is close to
    the inverse Hessian to begin with. For class k the Hessian's own block is the mean over words of
    p_k (1 - p_k) x x'; taking the two factors for independent gives c_k V + l2, with c_k the mean
    curvature at the present parameters and V diagonal in the features' eigenbasis. (Boehning 1992
    bounds c_k by 1/2 for all classes, which is safe but far off for the rare ones.)
    """
    penalty = regression.penalty(l2)
    done: dict[int, State] = {}
    names = list(range(len(regression.tasks.sizes)))
    objective = torch.zeros_like(state.loss)
    converged = torch.zeros_like(state.loss, dtype=torch.bool)
    active = torch.ones_like(converged)
    for iteration in range(max_iterations + 1):
        tasks = regression.tasks
        value = state.loss + _penalties(state.parameters, penalty, tasks)
        objective[:, names] = value
        gradient = state.gradient + penalty * state.parameters
        direction = _direction(state, gradient, regression, penalty)
        slope = _products(gradient, direction, tasks.membership).double()
        active &= -slope / 2 > tolerance * value
        converged[:, names] = ~active
        if iteration == max_iterations or not active.any():
            break
        running = active.any(0).tolist()
        if not all(running):
            parts = state.split(tasks.sizes)
            done |= {
                name: part
                for name, part, runs in zip(names, parts, running, strict=True)
                if not runs
            }
            kept = [i for i, runs in enumerate(running) if runs]
            columns = torch.tensor(running, device=active.device)[tasks.column_task]
            state = State.join([parts[i] for i in kept])
            names = [names[i] for i in kept]
            regression = replace(regression, tasks=tasks.take(kept))
            gradient, direction = gradient[:, columns], direction[:, columns]
            active, slope, value = active[:, kept], slope[:, kept], value[:, kept]
        direction = direction * active[:, regression.tasks.column_task, None]
        state = _search(state, regression, penalty, direction, gradient, value, slope * active)
    done |= dict(zip(names, state.split(regression.tasks.sizes), strict=True))
    return State.join([done[i] for i in range(len(done))]), objective, converged


def _direction(state: State, gradient: Tensor, regression: Regression, penalty: Tensor) -> Tensor:
    """Return minus the approximate inverse Hessian times the gradient (the two-loop recursion)."""
    tasks = regression.tasks
    column_task, membership = tasks.column_task, tasks.membership
    curvature = state.curvature.clamp_min(LEAST_CURVATURE)
    hessian = curvature[..., None] * regression.variance[:, None] + penalty
    diagonal = 1 / hessian.clamp_min(LEAST_HESSIAN)
    rest = gradient
    shares = []
    for step, change, inverse in reversed(state.history):
        share = (inverse * _products(step, rest, membership))[:, column_task, None]
        shares.append(share)
        rest = rest - share * change
    result = diagonal * rest
    if state.history:
        step, change, _ = state.history[-1]
        product = _products(step, change, membership)
        norm = _products(change, diagonal * change, membership)
        ratio = torch.where(product > 0, product / norm.clamp_min(1e-30), 1)
        result = ratio[:, column_task, None] * result
    for (step, change, inverse), share in zip(state.history, reversed(shares), strict=True):
        again = (inverse * _products(change, result, membership))[:, column_task, None]
        result = result + (share - again) * step
    return -result


def _search(
    state: State,
    regression: Regression,
    penalty: Tensor,
    direction: Tensor,
    gradient: Tensor,
    value: Tensor,
    slope: Tensor,
) -> State:
    """Go along the direction, each (layer, task) as far as it has to for a sufficient decrease.

    Logits are linear in the parameters, so trying another length costs no matrix product.
    """
    tasks = regression.tasks
    ahead = regression.logits(direction)
    length = torch.ones_like(value)
    for _ in range(20):
        factor = length.to(direction.dtype)[:, tasks.column_task, None]
        parameters = state.parameters + factor * direction
        logits = torch.addcmul(state.logits, factor, ahead)
        loss, residual, curvature = cross_entropy(logits, tasks)
        gain = loss + _penalties(parameters, penalty, tasks) - value
        # The slack is float32's: near the optimum a true decrease drowns in rounding.
        too_far = ~(gain <= SUFFICIENT_DECREASE * length * slope + 1e-6 * value)
        if not too_far.any():
            break
        # The minimum of the parabola through the value and the slope here and the value there.
        parabola = -slope * length.square() / (2 * (gain - slope * length))
        shorter = torch.clamp(parabola.nan_to_num(0), 0.1 * length, 0.5 * length)
        length = torch.where(too_far, shorter, length)
    new = State(parameters, logits, regression.gradient(residual), curvature, loss)
    step = parameters - state.parameters
    change = new.gradient + penalty * parameters - gradient
    product = _products(step, change, tasks.membership)
    inverse = torch.where(product > 1e-12, 1 / product.clamp_min(1e-30), 0)
    history = (*state.history, (step, change, inverse))[-MEMORY:]
    return replace(new, history=history)


def _products(first: Tensor, second: Tensor, membership: Tensor) -> Tensor:
    """Return the inner products, for each (layer, task), of two tensors of parameters."""
    return torch.einsum("lcw,lcw->lc", first, second) @ membership


def _penalties(parameters: Tensor, penalty: Tensor, tasks: Tasks) -> Tensor:
    return _products(parameters, penalty * parameters, tasks.membership).double() / 2
