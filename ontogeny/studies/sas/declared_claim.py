"""How a claim about syntactic attention is declared: about which runs, from which publication."""

from collections.abc import Callable
from typing import Literal

from ontogeny.results.claims import Claim, Estimate
from ontogeny.studies.sas.evidence import Evidence
from ontogeny.studies.sas.interventions import Kind

PUBLICATION = "Chen et al. 2024, Sudden Drops in the Loss (ICLR)"


def claim(
    number: str,
    kinds: tuple[Kind, ...],
    statement: str,
    part: str,
    statistic: str,
    direction: Literal["above", "below"],
    threshold: float,
    estimate: Callable[..., Estimate | None],
    *,
    steps: int,
    seeds: int = 2,
    capability: bool = False,
) -> Claim:
    """Make a claim about runs of some kinds of intervention, and about capability or not."""

    def estimated(data: Evidence) -> Estimate | None:
        if data.intervention.kind not in kinds:
            return None
        if capability and data.run.trajectory.suite is None:
            return None
        return estimate(data, threshold=threshold)

    return Claim(
        id=f"sas.{number}",
        study="sas",
        statement=statement,
        source=f"{PUBLICATION}, {part}",
        statistic=statistic,
        direction=direction,
        threshold=threshold,
        estimate=estimated,
        seeds=seeds,
        steps=steps,
    )
