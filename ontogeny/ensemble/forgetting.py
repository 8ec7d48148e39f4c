"""Forgetting: parameters that are drawn again while the others go on."""

from dataclasses import dataclass

from torch import Tensor

from ontogeny.errors import ConfigError


@dataclass(frozen=True)
class Forgetting:
    """When rows of a member's parameter, as its token embeddings, are drawn again, and which.

    Every `every` updates, for the last time after at most `until` updates (None: for ever). The
    rows (count,) of `parameter`, by default all, become normal with the standard deviation
    `deviation`. Forgetting all embeddings while training goes on is active forgetting (Chen et al.
    2023, "Improving Language Plasticity via Pretraining with Active Forgetting"); to stop it after
    a while is what the publication on dual process learning adds, to which
    ontogeny/studies/strategies/claims.py points. Raises `ConfigError` if `every` isn't at least 1.
    """

    every: int
    parameter: str
    deviation: float
    until: int | None = None
    rows: Tensor | None = None

    def __post_init__(self) -> None:
        """Refuse an interval that can't be."""
        if self.every < 1:
            raise ConfigError(f"every: is {self.every}; expected at least 1 update.")

    def is_due(self, step: int) -> bool:
        """Say whether rows are drawn again after `step` updates, before the next one."""
        return step > 0 and step % self.every == 0 and (self.until is None or step <= self.until)
