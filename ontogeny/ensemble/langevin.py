"""Stochastic gradient Langevin dynamics: the members of a stack as chains, moved in lockstep.

Welling and Teh (2011), localised around a point as in Lau et al. (2023). A chain samples from the
density proportional to

    exp(-inverse_temperature * L(w) - localisation / 2 * |w - centre|^2),

with L the loss of its batch, or rather its expectation over batches, and a step is

    w <- w - step_size / 2 * (inverse_temperature * grad L(w) + localisation * (w - centre))
           + sqrt(step_size) * standard normal noise.

With steps of finite size it samples from a density a little wider: for a quadratic loss with second
derivative h the variance is 1 / (a (1 - step_size a / 4)) instead of 1 / a, where
a = inverse_temperature * h + localisation, and with step_size a > 4 the chain diverges.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from ontogeny.workers import in_parallel, split


class Members(Protocol):
    """What a sampler needs of a stack (`ontogeny.ensemble.stack.Stack`)."""

    flat: Tensor

    @property
    def flat_gradients(self) -> Tensor:
        """Room for the gradients, shaped as `flat`."""
        ...

    def losses_and_gradients(self, batch: Any) -> Tensor:
        """Return losses (members,), and write `flat_gradients`."""
        ...


@dataclass(frozen=True)
class RMSProp:
    """How a chain's steps are fitted to the scale of its gradients (Li et al. 2016, algorithm 1).

    With v the running mean of squared gradients, of weight `decay`, a parameter's step size and the
    variance of its noise are multiplied by 1 / (stability + sqrt(v)). The mean is that of the
    gradient of inverse_temperature * L, so that step sizes for it don't depend on the temperature,
    and it is corrected for its start at zero as Adam's. It is kept once `Langevin.settle` is
    called, after the burn-in: while it changes, chains don't sample from their density, and the
    correction for that (their Gamma) is usually left out.
    """

    decay: float = 0.99
    stability: float = 1e-4


class Langevin:
    """Chains of Langevin dynamics: how the members of a stack go on from their gradients.

    The chains around one centre stand next to each other in the stack: member i belongs to centre
    i // (members / centres). A chain's noise comes from its own generator, so a chain doesn't
    depend on the others.
    """

    def __init__(
        self,
        centres: Tensor,
        members: int,
        *,
        step_size: Tensor,
        inverse_temperature: Tensor,
        localisation: Tensor,
        generators: Sequence[torch.Generator],
        free: Tensor | None = None,
        preconditioner: RMSProp | None = None,
    ) -> None:
        """Take the settings of so many chains.

        `centres` are (centres, parameters); `step_size`, `inverse_temperature` and `localisation`
        (members,); `generators`, on the centres' device, one for each member. Where `free`
        (parameters,) or (members, parameters), of bool, is False, parameters stay as they are: the
        density is that of the others.
        """
        if members % len(centres) or len(generators) != members:
            raise ValueError(
                f"{members} chains, {len(centres)} centres, {len(generators)} generators; expected "
                "a generator for each chain, and as many chains around each centre"
            )
        self.centres, self.generators = centres, list(generators)
        settings = (step_size, inverse_temperature, localisation)
        self.step_size, self.inverse_temperature, self.localisation = (
            values.to(centres)[:, None] for values in settings
        )
        self.free = None if free is None else free.to(centres.device)
        self.preconditioner = preconditioner
        self.updates = 0
        self._settled = False
        shape = members, centres.shape[1]
        self._squares = centres.new_zeros(shape) if preconditioner else None

    @property
    def chains_of_a_centre(self) -> int:
        """The number of chains around each centre."""
        return len(self.step_size) // len(self.centres)

    def settle(self) -> None:
        """Keep the preconditioner as it is: what comes now samples from the density."""
        if self._squares is not None and not self._settled:
            if not self.updates:
                raise ValueError("a preconditioner is fitted by a burn-in; expected steps before")
            for square in self._squares:
                square.copy_(self._scale(square))
        self._settled = True

    def step(self, stack: Members, watched: int | None = None) -> "Watched | None":
        """Move each member by the gradients in the stack, which are overwritten.

        With `watched`, a member, what `acceptance` needs to know of its move is returned.
        """
        size = len(stack.flat)
        if size != len(self.step_size):
            raise ValueError(f"{size} members; expected {len(self.step_size)}")
        self.updates += 1
        kept: list[Watched] = []

        def move(members: range) -> None:
            rows = slice(members.start, members.stop)
            gradients, values = stack.flat_gradients[rows], stack.flat[rows]
            scale = self._drift(values, gradients, rows)
            if watched is not None and watched in members:
                kept.append(self._watch(values, gradients, scale, members, watched))
                return
            values.addcmul_(gradients, self.step_size[rows], value=-0.5)
            self._draw(gradients, rows, scale)
            values.add_(gradients)

        # One by one where scales are made on the way, which take as much room as what they scale.
        parts = split(size, size if self._squares is None else 1, stack.flat.device)
        if watched is not None:
            parts = _with_its_own(parts, watched)
        in_parallel(move, parts, stack.flat.device)
        return kept[0] if kept else None

    def _drift(self, values: Tensor, gradients: Tensor, rows: slice) -> Tensor | None:
        """Turn gradients of losses into those of the potential, scaled; return the scale."""
        gradients.mul_(self.inverse_temperature[rows])
        squares = None if self._squares is None else self._squares[rows]
        if squares is not None and not self._settled:
            assert self.preconditioner is not None
            decay = self.preconditioner.decay
            squares.mul_(decay).addcmul_(gradients, gradients, value=1 - decay)
        gradients.addcmul_(values, self.localisation[rows])
        each = self.chains_of_a_centre
        for centre in range(rows.start // each, -(-rows.stop // each)):
            own = slice(max(centre * each, rows.start), min((centre + 1) * each, rows.stop))
            here = slice(own.start - rows.start, own.stop - rows.start)
            gradients[here].addcmul_(self.centres[centre], self.localisation[own], value=-1)
        if self.free is not None:
            gradients.mul_(self._free_of(rows))
        scale = None
        if squares is not None:
            scale = squares if self._settled else self._scale(squares)
            gradients.mul_(scale)
        return scale

    def _scale(self, squares: Tensor) -> Tensor:
        """Return what steps are multiplied by, from the running mean of squared gradients."""
        assert self.preconditioner is not None
        unbiased = squares / (1 - self.preconditioner.decay**self.updates)
        return unbiased.sqrt_().add_(self.preconditioner.stability).reciprocal_()

    def _draw(self, noise: Tensor, rows: slice, scale: Tensor | None) -> None:
        """Overwrite rows with the noise of a step."""
        for row, generator in zip(noise, self.generators[rows], strict=True):
            row.normal_(generator=generator)
        noise.mul_(self.step_size[rows].sqrt())
        if scale is not None:
            noise.mul_(scale.sqrt())
        if self.free is not None:
            noise.mul_(self._free_of(rows))

    def _free_of(self, rows: slice) -> Tensor:
        assert self.free is not None
        return self.free if self.free.ndim == 1 else self.free[rows]

    def _watch(
        self,
        values: Tensor,
        gradients: Tensor,
        scale: Tensor | None,
        members: range,
        watched: int,
    ) -> "Watched":
        """Move the only member of a part, and keep what came of it."""
        rows = slice(members.start, members.stop)
        noise = torch.empty_like(values)
        self._draw(noise, rows, scale)
        centre = self.centres[watched // self.chains_of_a_centre]
        before = (values[0] - centre).square().sum(dtype=torch.float64)
        forward = _squared_norm(noise[0], scale)
        # The gradients' row becomes the way back, from the new place to the old.
        gradients.mul_(self.step_size[rows] / 2).sub_(noise)
        values.sub_(gradients)
        return Watched(watched, before, forward, scale)

    def acceptance(
        self, stack: Members, alone: Members, seen: "Watched", loss_before: Tensor, batch: Any
    ) -> float:
        """Return the probability with which Metropolis and Hastings would accept a member's move.

        `seen` is what `step` returned of it, `loss_before` () its loss before the move and `batch`
        the batch of that loss, of this member alone, as `alone` reads it: a stack of one member,
        which is overwritten. 1 for steps of no size; how far below 1 it lies tells of what the
        finite step does to the density. Once chains have come to that density, it is hardly ever
        below one half on average: for a quadratic loss they are reversible for a wider Gaussian,
        and the ratio is as often above 1 as below. The batch being the same before and after, it
        doesn't tell of the noise of gradients. (Roberts and Tweedie 1996, the Metropolis-adjusted
        algorithm; with a preconditioner, which is taken as it was at the move, in its metric.)
        """
        member = seen.member
        rows = slice(member, member + 1)
        way_back = stack.flat_gradients[rows]
        alone.flat.copy_(stack.flat[rows])
        loss_after = alone.losses_and_gradients(batch)[0]
        centre = self.centres[member // self.chains_of_a_centre]
        after = (stack.flat[member] - centre).square().sum(dtype=torch.float64)
        drift = alone.flat_gradients
        drift.mul_(self.inverse_temperature[rows])
        drift.addcmul_(stack.flat[rows], self.localisation[rows])
        drift.addcmul_(centre, self.localisation[rows], value=-1)
        if self.free is not None:
            drift.mul_(self._free_of(rows))
        if seen.scale is not None:
            drift.mul_(seen.scale)
        # The noise that would have led back: old - new + step_size / 2 * drift at the new place.
        drift.mul_(self.step_size[rows] / 2).add_(way_back)
        backward = _squared_norm(drift[0], seen.scale)
        potential = self.inverse_temperature[member, 0].double() * (
            loss_before.double() - loss_after.double()
        ) + self.localisation[member, 0].double() / 2 * (seen.distance - after)
        log_ratio = potential + (seen.noise - backward) / (2 * self.step_size[member, 0].double())
        found = float(log_ratio)
        return math.exp(min(found, 0.0)) if math.isfinite(found) else 0.0


@dataclass(frozen=True)
class Watched:
    """A member's move: its squared distance to the centre before, and the noise's squared norm.

    The norm is that in the metric of the preconditioner, whose `scale` (1, parameters) is kept.
    """

    member: int
    distance: Tensor
    noise: Tensor
    scale: Tensor | None


def _squared_norm(values: Tensor, scale: Tensor | None) -> Tensor:
    """Return the squared norm of values (parameters,), each over its scale."""
    squares = values.square() if scale is None else values.square().div_(scale[0])
    return squares.sum(dtype=torch.float64)


def _with_its_own(parts: list[range], member: int) -> list[range]:
    """Divide the part that has a member so that it has one of its own."""
    divided = []
    for part in parts:
        if member in part:
            pieces = (
                range(part.start, member),
                range(member, member + 1),
                range(member + 1, part.stop),
            )
            divided += [piece for piece in pieces if len(piece)]
        else:
            divided.append(part)
    return divided
