"""What is recorded of a training's losses: the rows of `loss.tsv`, and what becomes one."""

from collections.abc import Mapping
from typing import Any

import torch
import torch.distributed
from torch import Tensor

from ontogeny.runs.regularizers import SYNTACTIC_ATTENTION

TRAIN_LOSS, DEV_LOSS, LEARNING_RATE = "train_loss", "dev_loss", "learning_rate"
# What is averaged over updates, and how a state calls its sum and count.
AVERAGED = {TRAIN_LOSS: "loss", SYNTACTIC_ATTENTION: "attention"}


class LossRecord:
    """The rows of `loss.tsv` so far, and sums over the updates since the last checkpoint.

    Values stay on the device until they are read together, so that it needn't wait for each.
    """

    def __init__(self) -> None:
        """Begin with nothing recorded."""
        self.rows: list[dict[str, Any]] = []
        self._sums: dict[str, tuple[float, int]] = {}
        self._unread: dict[str, list[Tensor]] = {}

    @property
    def unread(self) -> int:
        """How many updates' losses are still on the device."""
        return len(self._unread.get(TRAIN_LOSS, ()))

    def add(self, metric: str, value: Tensor) -> None:
        """Take in this device's part, shape (), of an update's value."""
        self._unread.setdefault(metric, []).append(value)

    def read(self, *, shared: bool) -> list[float]:
        """Take what was added from the device; return the training losses.

        `shared` says whether the parts of several devices are to be added up.
        """
        losses = []
        for metric, parts in self._unread.items():
            values = torch.stack(parts).float()
            if shared:
                torch.distributed.all_reduce(values)
            total, count = self._sums.get(metric, (0.0, 0))
            for value in values.tolist():
                total, count = total + value, count + 1
                if metric == TRAIN_LOSS:
                    losses.append(value)
            self._sums[metric] = total, count
        self._unread.clear()
        return losses

    def checkpoint(self, step: int, dev: float | None) -> None:
        """Make rows of the means since the last checkpoint and of the dev loss, if there is one."""
        means = self._means()
        if dev is not None:
            means[DEV_LOSS] = dev
        self.rows += [
            {"step": step, "metric": metric, "value": value} for metric, value in means.items()
        ]
        self._sums.clear()

    def rescaled(self, step: int, rate: float) -> None:
        """Make a row of the learning rate that holds from a step on."""
        self.rows.append({"step": step, "metric": LEARNING_RATE, "value": rate})

    def newest(self) -> dict[str, float]:
        """Return the losses of the last checkpoint, or, where there are any, the means since."""
        losses = [row for row in self.rows if row["metric"] != LEARNING_RATE]
        last = losses[-1]["step"] if losses else None
        return {row["metric"]: row["value"] for row in losses if row["step"] == last} | (
            self._means()
        )

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs; nothing may be unread."""
        state: dict[str, Any] = {"losses": self.rows}
        for metric, name in AVERAGED.items():
            state[f"{name}_sum"], state[f"{name}_count"] = self._sums.get(metric, (0.0, 0))
        return state

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state; what it doesn't tell of had no value yet."""
        self.rows = list(state["losses"])
        self._sums = {
            metric: (state[f"{name}_sum"], state[f"{name}_count"])
            for metric, name in AVERAGED.items()
            if state.get(f"{name}_count")
        }

    def _means(self) -> dict[str, float]:
        return {metric: total / count for metric, (total, count) in self._sums.items() if count}
