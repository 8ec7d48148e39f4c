"""When the learning rate of a training whose decay is `plateau` is rescaled."""

import math
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Plateau:
    """The dev losses seen so far, and how often they failed to improve.

    `lowest` is the lowest dev loss, in nats per token; `steps` are those at which the rate was
    rescaled, because the loss wasn't below the lowest before.
    """

    lowest: float = math.inf
    steps: list[int] = field(default_factory=list)

    def look(self, step: int, dev: float) -> bool:
        """Take in the dev loss of a step, and say whether it failed to improve."""
        improved = dev < self.lowest
        self.lowest = min(dev, self.lowest)
        if not improved:
            self.steps.append(step)
        return not improved

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs, as JSON has it."""
        return {"lowest": None if self.lowest == math.inf else self.lowest, "steps": self.steps}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.lowest = math.inf if state["lowest"] is None else state["lowest"]
        self.steps = list(state["steps"])
