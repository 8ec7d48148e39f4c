"""Chains around checkpoints, many checkpoints and settings in lockstep, and their losses."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ontogeny.ensemble import ModuleStack, Shared, random_stream
from ontogeny.ensemble.langevin import Langevin, RMSProp
from ontogeny.measures.learning_coefficient.examples import Examples, draw_rows

# Takes a model and a batch of examples; returns each example's summed loss and its predictions.
ExampleLosses = Callable[[Any, dict[str, Tensor]], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Condition:
    """What a chain samples at: Langevin's `step_size`, `localisation`, `inverse_temperature`.

    The inverse temperature is that of the mean loss, n beta.
    """

    step_size: float
    localisation: float
    inverse_temperature: float


@dataclass(frozen=True)
class Traces:
    """What chains went through; dimensions (draws, centres, conditions, chains), float64.

    `losses` are those of the draws, `baselines` those of the centres on the same batches, both in
    the unit of the loss. `burn_in` (steps, centres, conditions, chains) are the losses before the
    draws. `acceptances` (centres, conditions, chains) are means of the Metropolis checks, NaN for a
    chain that was never checked. `sound` (centres, conditions, chains) says of which chains all
    losses and parameters are numbers. `free` (centres,) counts the parameters that were sampled.
    """

    losses: np.ndarray
    baselines: np.ndarray
    burn_in: np.ndarray
    acceptances: np.ndarray
    sound: np.ndarray
    free: np.ndarray
    burn_in_baselines: np.ndarray | None = None

    def around(self, centres: slice) -> "Traces":
        """Return the traces of some centres alone."""
        first = {"acceptances", "sound", "free"}  # of which the centres are the first dimension
        return Traces(
            **{
                name: values[centres] if name in first else values[:, centres]
                for name, values in vars(self).items()
                if values is not None
            }
        )


def mean_loss(example_losses: ExampleLosses) -> Callable[[Any, dict[str, Tensor]], Tensor]:
    """Return the function that gives a batch's loss: the mean over its predictions, a scalar."""

    def loss(model: Any, batch: dict[str, Tensor]) -> Tensor:
        sums, counts = example_losses(model, batch)
        return sums.sum() / counts.sum()

    return loss


def sample(
    modules: Sequence[torch.nn.Module],
    example_losses: ExampleLosses,
    examples: Examples,
    conditions: Sequence[Condition],
    *,
    chains: int,
    burn_in: int,
    draws: int,
    batch_size: int,
    seed: int,
    free: Sequence[Tensor] | None = None,
    preconditioner: RMSProp | None = None,
    moves_to_a_check: int = 32,
    whole: bool = False,
    device: torch.device | str = "cpu",
) -> Traces:
    """Run chains around each module's parameters, at each condition, all in lockstep.

    `modules` differ in their parameters alone; they are evaluated in evaluation mode. After
    `burn_in` steps each of `draws` steps gives a loss, that of the batch whose gradient the step
    takes, before it: the batch is independent of where the chain has come to. The centre's loss is
    that of the same batches, so that what makes one batch harder than another is taken off; each
    example that draws see is evaluated at the centre once, however many see it.

    Chain c draws the same batches and the same noise around every centre and at every condition:
    what depends on chance then hardly differs between neighbouring checkpoints, and chains are
    exchangeable as wholes. What a chain draws depends on `seed` and its number alone.

    Of one move in `moves_to_a_check`, but of at most one in each step, it is asked whether
    Metropolis and Hastings would accept it (`Langevin.acceptance`), which costs as much as a move.

    If traces are to be `whole`, the centres' losses on the burn-in's batches are computed as well.

    `free` holds for each refined coefficient which parameters are sampled, (parameters,) bool in
    the order of `ModuleStack`; centres are then each module with each of them, in that order
    (module by module). Raises `ConfigError` if the model can't be computed for many at once.
    """
    parts = [None] if free is None else list(free)
    members_of_centre = len(conditions) * chains
    bases = ModuleStack.of(modules, mean_loss(example_losses), device)
    of_module = [number for number, _ in product(range(len(modules)), parts)]
    centres = len(of_module)
    stack = bases.take([module for module in of_module for _ in range(members_of_centre)])
    data = examples.to(device)
    dynamics = Langevin(
        bases.flat if free is None else bases.flat[torch.tensor(of_module, device=device)],
        len(stack),
        generators=[
            random_stream(seed, f"noise of chain {chain}", device)
            for _ in range(centres * len(conditions))
            for chain in range(chains)
        ],
        free=_free_of_members(parts, len(modules), members_of_centre),
        preconditioner=preconditioner,
        **_of_members(conditions, centres, chains),
    )
    batches = [random_stream(seed, f"batches of chain {chain}") for chain in range(chains)]
    rows = torch.stack(
        [draw_rows(batches, len(examples), batch_size) for _ in range(burn_in + draws)]
    )
    baselines = _baselines(bases, example_losses, data, rows[burn_in:])[:, of_module]
    before = None
    if whole and burn_in:
        before = _baselines(bases, example_losses, data, rows[:burn_in])[:, of_module]
        before = np.broadcast_to(before[:, :, None], (burn_in, centres, len(conditions), chains))
    alone = stack.take([0])
    losses = np.empty((burn_in + draws, len(stack)))
    checks: list[list[float]] = [[] for _ in range(len(stack))]
    steps_to_a_check = max(1, moves_to_a_check // len(stack))
    for step in range(burn_in + draws):
        batch = _repeat(data.take(rows[step].to(device)), centres * len(conditions))
        found = stack.losses_and_gradients(batch)
        losses[step] = found.double().cpu().numpy()
        if step < burn_in:
            dynamics.step(stack)
            continue
        dynamics.settle()
        turn, rest = divmod(step - burn_in, steps_to_a_check)
        if rest:
            dynamics.step(stack)
            continue
        member = turn % len(stack)
        seen = dynamics.step(stack, watched=member)
        assert seen is not None
        own = {name: values[member : member + 1] for name, values in batch.items()}
        checks[member].append(dynamics.acceptance(stack, alone, seen, found[member], own))
    shape = centres, len(conditions), chains
    # Extremes are numbers only if all are; to ask for each would take a copy of all chains.
    extremes = torch.stack(stack.flat.aminmax(dim=1))
    finite = np.isfinite(losses).all(axis=0) & torch.isfinite(extremes).all(0).cpu().numpy()
    sampled = [bases.flat.shape[1] if part is None else int(part.sum()) for part in parts]
    return Traces(
        losses=losses[burn_in:].reshape(draws, *shape),
        baselines=np.broadcast_to(baselines[:, :, None], (draws, *shape)),
        burn_in=losses[:burn_in].reshape(burn_in, *shape),
        acceptances=np.array([np.mean(some) if some else np.nan for some in checks]).reshape(shape),
        sound=finite.reshape(shape),
        free=np.tile(sampled, len(modules)),
        burn_in_baselines=before,
    )


def _of_members(conditions: Sequence[Condition], centres: int, chains: int) -> dict[str, Tensor]:
    """Return the settings of each member, (members,) by name."""
    names = ("step_size", "localisation", "inverse_temperature")
    return {
        name: torch.tensor([getattr(condition, name) for condition in conditions])
        .repeat_interleave(chains)
        .repeat(centres)
        for name in names
    }


def _free_of_members(
    parts: Sequence[Tensor | None], modules: int, members_of_centre: int
) -> Tensor | None:
    """Return which parameters of each member are sampled, (members, parameters); None for all."""
    if parts[0] is None:
        return None
    each = torch.stack([part for part in parts if part is not None])
    return each.repeat_interleave(members_of_centre, dim=0).repeat(modules, 1)


def _repeat(drawn: dict[str, Tensor], times: int) -> dict[str, Tensor]:
    """Return the chains' batches, (chains, size, ...), for all members, chains fastest."""
    return {
        name: values.expand(times, *values.shape).flatten(0, 1) for name, values in drawn.items()
    }


def _baselines(
    bases: ModuleStack, example_losses: ExampleLosses, data: Examples, rows: Tensor
) -> np.ndarray:
    """Return the modules' own losses on the batches of rows (draws, chains, size).

    (draws, modules, chains), float64.
    """
    seen, places = rows.unique(return_inverse=True)
    size = rows.shape[1] * rows.shape[2]
    found: list[tuple[Tensor, Tensor]] = []
    for part in seen.split(size):
        examples = data.take(part.to(bases.device))
        shared = {name: Shared(values) for name, values in examples.items()}
        found.append(bases.evaluate(example_losses, shared))
    sums, counts = (
        torch.cat(values, dim=1).double().cpu() for values in zip(*found, strict=True)
    )  # (modules, examples)
    losses = sums[:, places].sum(-1) / counts[:, places].sum(-1)
    return losses.transpose(0, 1).numpy()
