"""The claims of the atlas."""

from ontogeny.results.claims import Claim, Estimate
from ontogeny.studies.atlas.comparison import Compared


def _same_order(compared: Compared) -> Estimate:
    found = compared.agreement
    return Estimate(
        found.value,
        found.low,
        found.high,
        len(compared.times.seeds),
        tasks=len(compared.times.names),
        chance=found.chance,
    )


CLAIMS = [
    Claim(
        id="atlas.1",
        study="atlas",
        statement="Training goes the same way whatever the seed: milestones come in the same order",
        source="van der Wal et al. 2025 (PolyPythias), abstract",
        statistic="mean over pairs of seeds of the rank correlation of their milestones",
        direction="above",
        threshold=0.0,
        estimate=_same_order,
        seeds=3,
        tasks=4,
    ),
]
