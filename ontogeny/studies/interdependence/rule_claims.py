"""The claims about scaffolds, as statistics of the study's table.

Source: "Training dynamics of neural language models" (Saphra 2021), chapter 5, section 4 and
appendices B and C. "Sooner" is a higher mean over the checkpoints, which needs no level that counts
as learned. Familiar scaffolds differ from unfamiliar ones in two things: they come again within the
rule, and they come outside it. So each comparison has two controls: with scaffolds that come again
in the rule alone (`repeated`), and with the same phrases outside the rule but other scaffolds in it
(`elsewhere`). What is due to scaffolds that are familiar has to hold against both.

Thresholds were set before any result was seen: 0 for differences; alpha alone "predicts" omega with
a probability above a half.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Literal

import numpy as np

from ontogeny.results.claims import Claim, Estimate
from ontogeny.studies.interdependence.rule_statistics import (
    Curves,
    domain_gap,
    from_alpha,
    log_gradient,
    prefix_gain,
    probability,
    rule_interdependence,
)

THESIS = "Saphra 2021, Training dynamics of neural language models, chapter 5"
CONTROLS = {
    "repeated": "scaffolds that repeat within the rule alone",
    "elsewhere": "the same phrases outside the rule, random scaffolds within",
}

Statistic = Callable[[Curves, str], np.ndarray]


def _gradient_difference(found: Curves, *, relative: bool) -> np.ndarray:
    familiar, unfamiliar = (
        log_gradient(found, setting, relative=relative) for setting in ("familiar", "unfamiliar")
    )
    return familiar - unfamiliar


def claims(found: Curves) -> list[Claim]:
    """Return the claims; each says in its statistic at what size it was tested."""
    lengths = ", ".join(map(str, found.lengths))
    scale = f"(k = {lengths}; n = {found.rule_count}; {found.steps[-1]:,} updates)"

    def claim(
        number: str,
        statement: str,
        section: str,
        statistic: str,
        values: Callable[[Curves], np.ndarray],
        *settings: str,
        direction: Literal["above", "below"] = "above",
        threshold: float = 0.0,
    ) -> Claim:
        def estimate(data: Curves) -> Estimate | None:
            return data.estimate(values(data)) if data.has(*settings) else None

        return Claim(
            id=f"interdependence.{number}",
            study="interdependence",
            statement=statement,
            source=f"{THESIS}, {section}",
            statistic=f"{statistic}; mean over k and seeds {scale}",
            direction=direction,
            threshold=threshold,
            estimate=estimate,
            seeds=2,
            steps=2,
        )

    def compared(
        number: str,
        statement: str,
        section: str,
        statistic: str,
        of_setting: Statistic,
        direction: Literal["above", "below"] = "above",
    ) -> Iterator[Claim]:
        """Yield a claim on familiar less unfamiliar scaffolds, and its two controls."""
        others = {"unfamiliar": statement}
        others |= {name: f"Control: so against {what}." for name, what in CONTROLS.items()}
        for letter, (other, text) in zip("abc", others.items(), strict=True):

            def difference(data: Curves, other: str = other) -> np.ndarray:
                return of_setting(data, "familiar") - of_setting(data, other)

            yield claim(
                f"{number}{letter}",
                text,
                section,
                f"{statistic}; familiar less {other}",
                difference,
                "familiar",
                other,
                direction=direction,
            )

    def counts(data: Curves) -> np.ndarray:
        ends = data.rule_counts[[0, -1]]
        few, many = (from_alpha(data, "unfamiliar", "out", int(n))[..., -1] for n in ends)
        return many - few if ends[0] < ends[1] else np.full(many.shape, np.nan)

    return [
        *compared(
            "4",
            "Familiar scaffolds teach the rule sooner, in the domain.",
            "section 4.3 and figure 7a",
            "probability of omega in the domain, mean over checkpoints",
            lambda data, setting: probability(data, setting, "in").mean(-1),
        ),
        *compared(
            "5",
            "A rule learned with familiar scaffolds generalises worse.",
            "section 4.3 and figure 7b",
            "probability of omega out of the domain less that in it, last step",
            domain_gap,
            "below",
        ),
        *compared(
            "6",
            "Alpha's own contribution is nevertheless learned sooner with familiar scaffolds.",
            "section 4.3.1 and figure 8",
            "probability of omega from alpha alone, out of the domain, mean over checkpoints",
            lambda data, setting: from_alpha(data, setting, "out").mean(-1),
        ),
        claim(
            "7a",
            "With unfamiliar scaffolds alpha alone predicts omega.",
            "section 4.3.1 and figure 9",
            "probability of omega from alpha alone, in the domain, last step; unfamiliar",
            lambda data: from_alpha(data, "unfamiliar", "in")[..., -1],
            "unfamiliar",
            threshold=0.5,
        ),
        claim(
            "7b",
            "With familiar scaffolds the probability of omega grows with the prefix.",
            "section 4.3.1 and figure 9",
            "gain of omega's probability from alpha alone to alpha and scaffold, in the domain, "
            "last step; familiar",
            lambda data: prefix_gain(data, "familiar"),
            "familiar",
        ),
        claim(
            "7c",
            "With familiar scaffolds it grows more than with unfamiliar ones.",
            "section 4.3.1 and figure 9",
            "gain of omega's probability from alpha alone to alpha and scaffold, in the domain, "
            "last step; familiar less unfamiliar",
            lambda data: prefix_gain(data, "familiar") - prefix_gain(data, "unfamiliar"),
            "familiar",
            "unfamiliar",
        ),
        *compared(
            "8",
            "Interdependence of alpha and scaffold is higher with familiar scaffolds.",
            "section 4.3.1 and figure 10",
            "DI of alpha and scaffold in the domain, last step",
            lambda data, setting: rule_interdependence(data, setting)[..., -1],
        ),
        claim(
            "8d",
            "With familiar scaffolds the interdependence of alpha and scaffold grows.",
            "section 4.3.1 and figure 10",
            "DI of alpha and scaffold in the domain, last step less first; familiar",
            lambda data: np.subtract(
                *np.moveaxis(rule_interdependence(data, "familiar")[..., [-1, 0]], -1, 0)
            ),
            "familiar",
        ),
        *(
            claim(
                f"9{letter}",
                statement,
                "appendix C and figure 12",
                f"log gradient at alpha{less}, in the domain, mean over checkpoints; familiar less "
                "unfamiliar",
                partial(_gradient_difference, relative=relative),
                "familiar",
                "unfamiliar",
                direction="below",
            )
            for letter, statement, less, relative in (
                ("a", "Gradients through familiar scaffolds are smaller.", "", False),
                (
                    "b",
                    "Control: they are smaller for what enters the scaffold, so not because the "
                    "error is.",
                    " less that at the scaffold's end",
                    True,
                ),
            )
        ),
        claim(
            "10",
            "The more often the rule occurs, the better alpha alone predicts omega.",
            "appendix B and figure 11",
            "probability of omega from alpha alone, out of the domain, last step; unfamiliar, "
            f"n = {found.rule_counts[-1]} less n = {found.rule_counts[0]}",
            counts,
            "unfamiliar",
        ),
    ]
