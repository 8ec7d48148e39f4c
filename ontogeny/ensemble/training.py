"""Training many models in lockstep: the same step for all, everything else a member's own."""

import logging
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from ontogeny.ensemble.forgetting import Forgetting
from ontogeny.ensemble.optimisers import Optimiser
from ontogeny.ensemble.random_streams import random_stream
from ontogeny.ensemble.stack import Stack
from ontogeny.errors import TrainingError

# Updates between two looks at whether losses are still numbers, which a GPU has to be waited for.
CHECK_EVERY = 10
STREAMS = ("data", "dropout", "forgetting")

# Makes a batch such as the stack reads.
Source = Callable[[int, Sequence[int], Sequence[torch.Generator]], Any]
LearningRate = Callable[[int, int], float]
Members = TypeVar("Members", bound=Stack)


class LockstepTraining(Generic[Members]):
    """A stack being trained, with all that the rest of the training depends on.

    `step` counts updates done. `members` are the numbers, from 0, of those that live, in the order
    of the stack; `diverged` says of the others how many updates they had before their loss was no
    longer a number. `losses` (members,) are those of the last update, before it, NaN at the start.
    `carried` are tensors (members, ...) by name, of each member's own, that go from update to
    update: what the loss makes of them (`Stack.losses_and_gradients`), and what callbacks write
    there, such as the best loss so far.
    """

    def __init__(
        self,
        stack: Members,
        optimiser: Optimiser,
        source: Source,
        learning_rate: LearningRate,
        seeds: Sequence[int],
        forgetting: Sequence[Forgetting | None] | None = None,
        carried: Mapping[str, Tensor] | None = None,
    ) -> None:
        """Prepare a training; nothing runs yet.

        `source(step, members, generators)` makes the batch of an update: `step` counts those done,
        `members` are the numbers of those that live, `generators`, on the stack's device, their
        data streams. `learning_rate(step, member)` is that of an update. `seeds` has one for each
        member: its streams of data, dropout and forgetting depend on it alone. `forgetting` says
        which members forget what, and when. `carried` are the tensors to begin with, which are
        overwritten.
        """
        if len(seeds) != len(stack) or (forgetting and len(forgetting) != len(stack)):
            raise ValueError(f"{len(stack)} members; expected a seed and a forgetting for each")
        self.stack, self.optimiser = stack, optimiser
        self.source, self.learning_rate = source, learning_rate
        self.forgetting = list(forgetting or [None] * len(stack))
        self.carried = dict(carried or {})
        self.step = 0
        self.members = tuple(range(len(stack)))
        self.diverged: dict[int, int] = {}
        self.losses = torch.full((len(stack),), math.nan, device=stack.device)
        self.streams = {
            purpose: [random_stream(seed, purpose, stack.device) for seed in seeds]
            for purpose in STREAMS
        }
        self._updates_that_were_numbers = torch.zeros(
            len(stack), dtype=torch.int64, device=stack.device
        )

    def run(
        self,
        until: int,
        at: Collection[int] = (),
        callback: "Callable[[LockstepTraining[Members]], None] | None" = None,
    ) -> None:
        """Train until `until` updates are done, and call back at each of the steps `at`.

        The callback at step s sees the stack after s updates, before it forgets anything; also at
        the step where the run begins, if that is one of `at`, and where it ends. A member whose
        loss or parameters aren't numbers is reported in the log and dropped, at the latest before
        the next callback; the others don't notice. Raises `TrainingError` if none is left.
        """
        while True:
            if callback is not None and self.step in at:
                self.drop_diverged()
                callback(self)
            if self.step >= until:
                break
            self._update()
            if self.step % CHECK_EVERY == 0:
                self.drop_diverged()
        self.drop_diverged()

    def drop_diverged(self) -> None:
        """Take the members whose loss or parameters are no longer numbers out of the stack."""
        finite = torch.isfinite(self.stack.flat).all(1)
        healthy = (finite & (self._updates_that_were_numbers == self.step)).tolist()
        if all(healthy):
            return
        for index, fine in enumerate(healthy):
            if not fine:
                member, step = self.members[index], int(self._updates_that_were_numbers[index])
                self.diverged[member] = step
                logging.getLogger("ontogeny").warning(
                    "member %d of the ensemble diverged: its loss after %d updates is not a "
                    "number; it is dropped, the others go on",
                    member,
                    step,
                )
        kept = [index for index, fine in enumerate(healthy) if fine]
        if not kept:
            raise TrainingError(
                f"All {len(self.diverged)} members of the ensemble diverged, the last after "
                f"{max(self.diverged.values())} updates: their losses are no longer numbers. Lower "
                "the learning rate or clip the gradients."
            )
        self.keep(kept)

    def keep(self, indices: Sequence[int]) -> None:
        """Go on with the members at these places in the stack alone."""
        self.stack = self.stack.take(indices)
        self.optimiser = self.optimiser.take(indices)
        self.members = tuple(self.members[i] for i in indices)
        self.forgetting = [self.forgetting[i] for i in indices]
        self.streams = {
            purpose: [streams[i] for i in indices] for purpose, streams in self.streams.items()
        }
        index = torch.tensor(list(indices), device=self.stack.device)
        self.losses = self.losses[index]
        self.carried = {name: values[index] for name, values in self.carried.items()}
        self._updates_that_were_numbers = self._updates_that_were_numbers[index]

    def resume_at(self, step: int) -> None:
        """Continue the count of updates at `step`, all members being sound."""
        self.step = step
        self._updates_that_were_numbers.fill_(step)

    def _update(self) -> None:
        self._forget()
        batch = self.source(self.step, self.members, self.streams["data"])
        self.losses = self.stack.losses_and_gradients(
            batch, self.streams["dropout"], carried=self.carried
        )
        self.optimiser.step(
            self.stack, [self.learning_rate(self.step, member) for member in self.members]
        )
        # Counts up to the first loss that isn't a number, and no further.
        sound = torch.isfinite(self.losses) & (self._updates_that_were_numbers == self.step)
        self._updates_that_were_numbers += sound
        self.step += 1

    def _forget(self) -> None:
        for index, forgetting in enumerate(self.forgetting):
            if forgetting is not None and forgetting.is_due(self.step):
                what = forgetting.parameter, index
                stream = self.streams["forgetting"][index]
                self.stack.redraw(*what, stream, forgetting.deviation, forgetting.rows)
                self.optimiser.forget(self.stack, *what, forgetting.rows)
