"""The claims about the two strategies, as statistics of the study's table.

Source of all: "Developmental Narrative of Syntax in MLMs" (surajk610.github.io, spring 2025), with
the publication on dual process learning to which it points. A million sequences were trained on
there, with vocabularies up to 20,000; at what size a claim was tested here stands in its statistic.
All claims need two seeds.

The thresholds were set before any result was seen, and why is said here.

- A model that copies tokens and can't tell the adjective from the noun is right half the time:
  so "well above 0" on `unseen`, and "no such rise", are held against 0.5 (1a, 2a).
- The highest of a dozen accuracies on some hundred sequences exceeds the true one by two standard
  errors or so, about 0.05 in all: so a decay counts beyond 0.1 (1b), and a difference counts as
  none within 0.05 (1c, 6c) or, with switched roles on one side, 0.1 (4b).
- "Near 0" is below 0.1 (4a).
- Memory "from the start" means that at no checkpoint are switched roles right half the time (2b).
- Layers arrive "at once" if within a factor of two in steps, and one "later" if beyond (3a, 3b). Of
  an embedding layer that doesn't arrive within the training it is known only that it would later:
  each claim must hold for what bears it out least, 3a if it arrived at the last step, 3b if never.
- An embedding layer "still tells" noun from adjective if it has come at least half the way from
  chance to certainty, 0.75 (5).
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
import pandas as pd

from ontogeny.results.claims import Claim, Estimate
from ontogeny.studies.strategies.claim_statistics import (
    Condition,
    Curves,
    change_since_peak,
    curves,
    decay,
    embedding_lag,
    estimate,
    final,
    final_embedding_probe,
    gain_by_forgetting,
    peak,
)

REPORT = "Developmental Narrative of Syntax in MLMs (surajk610.github.io, 2025)"
RUN = "synthetic task"  # stands where other studies have the name of a run


def plain_zipf(condition: Condition) -> bool:
    """Tell whether tokens follow Zipf's law, none is ambiguous and nothing is forgotten."""
    return condition.alpha > 0 and condition.ambiguity == 0 and condition.forgetting == "none"


def plain_uniform(condition: Condition) -> bool:
    """Tell whether tokens are uniform, none is ambiguous and nothing is forgotten."""
    return condition.alpha == 0 and condition.ambiguity == 0 and condition.forgetting == "none"


def unambiguous(condition: Condition) -> bool:
    """Tell whether no token is ambiguous and nothing is forgotten."""
    return condition.ambiguity == 0 and condition.forgetting == "none"


def ambiguous(condition: Condition) -> bool:
    """Tell whether 1% of the types or more are ambiguous and nothing is forgotten."""
    return condition.ambiguity >= 0.01 and condition.forgetting == "none"


def somewhat_ambiguous(condition: Condition) -> bool:
    """Tell whether some types are ambiguous, but few enough for a class to have a core of others.

    With half of the types ambiguous, a quarter of all queries has a role that no embedding can
    know.
    """
    return 0.01 <= condition.ambiguity <= 0.1 and condition.forgetting == "none"


def forgets(forgetting: str) -> Callable[[Condition], bool]:
    """Return a test for conditions without ambiguity, under Zipf's law, that forget in this way."""
    return lambda c: c.alpha > 0 and c.ambiguity == 0 and c.forgetting == forgetting


def claims(found: Curves) -> list[Claim]:
    """Return the study's claims; each says in its statistic at what size it was tested."""
    vocabularies = sorted({condition.vocabulary for condition in found.conditions})
    sizes = ", ".join(f"{size:,}" for size in vocabularies)
    levels = sorted({condition.ambiguity for condition in found.conditions} - {0})
    ambiguities = ", ".join(f"{level:g}" for level in levels)
    laws = ", ".join(f"{a:g}" for a in sorted({c.alpha for c in found.conditions} - {0}))
    scale = (
        f"(tested with vocabulary {sizes}; alpha {laws or 'none'}; ambiguity "
        f"{ambiguities or 'none'}; {found.steps[-1]:,} updates)"
    )

    def claim(
        number: str,
        statement: str,
        section: str,
        statistic: str,
        direction: Literal["above", "below"],
        threshold: float,
        values: Callable[[Curves], np.ndarray],
        chosen: Callable[[Condition], bool],
    ) -> Claim:
        def estimated(data: Curves) -> Estimate | None:
            return estimate(data, values(data), chosen)

        return Claim(
            id=f"strategies.{number}",
            study="strategies",
            statement=statement,
            source=f"{REPORT}, {section}",
            statistic=f"{statistic}; mean over conditions and seeds {scale}",
            direction=direction,
            threshold=threshold,
            estimate=estimated,
            seeds=2,
            steps=4,
        )

    return [
        claim(
            "1a",
            "Zipf: accuracy on unseen tokens rises well above 0: an algorithm comes first.",
            "Distribution Drives Strategy Selection",
            "highest accuracy on unseen, of all steps; Zipf, no ambiguity",
            "above",
            0.5,
            lambda data: peak(data, "unseen"),
            plain_zipf,
        ),
        claim(
            "1b",
            "Zipf: without ambiguity, accuracy on unseen tokens decays again: then memory.",
            "Distribution Drives Strategy Selection; Dual Process Learning",
            "highest less last accuracy on unseen; Zipf, no ambiguity",
            "above",
            0.1,
            lambda data: decay(data, "unseen"),
            plain_zipf,
        ),
        claim(
            "1c",
            "Zipf: while accuracy on unseen tokens decays, validation accuracy stays.",
            "Distribution Drives Strategy Selection; Dual Process Learning",
            "change of accuracy on validation from the step at which unseen peaks to the last; "
            "Zipf, no ambiguity, where unseen rises above 0.5",
            "above",
            -0.05,
            lambda data: change_since_peak(data, "validation", peaking="unseen"),
            plain_zipf,
        ),
        claim(
            "2a",
            "Uniform: accuracy on unseen tokens shows no such rise.",
            "Distribution Drives Strategy Selection",
            "highest accuracy on unseen, of all steps; uniform, no ambiguity",
            "below",
            0.5,
            lambda data: peak(data, "unseen"),
            plain_uniform,
        ),
        claim(
            "2b",
            "Uniform: the model relies on memory from the start.",
            "Distribution Drives Strategy Selection",
            "highest accuracy on switch, of all steps; uniform, no ambiguity",
            "below",
            0.5,
            lambda data: peak(data, "switch"),
            plain_uniform,
        ),
        claim(
            "3a",
            "Zipf: part of speech can be read off late layers first, and off the embedding layer "
            "later (push-down).",
            "Distribution Drives Strategy Selection",
            "doublings of the step by which the embedding layer's probe (new types) lags behind "
            "the first layer's; Zipf, no ambiguity",
            "above",
            1,
            lambda data: embedding_lag(data, never=data.steps[-1]),
            plain_zipf,
        ),
        claim(
            "3b",
            "Uniform: part of speech can be read off all layers at once.",
            "Distribution Drives Strategy Selection",
            "doublings of the step by which the embedding layer's probe (new types) lags behind "
            "the first layer's; uniform, no ambiguity",
            "below",
            1,
            lambda data: embedding_lag(data, never=np.inf),
            plain_uniform,
        ),
        claim(
            "4a",
            "Without ambiguity, accuracy on switched roles ends near 0.",
            "The Role of Ambiguity",
            "last accuracy on switch; no ambiguity",
            "below",
            0.1,
            lambda data: final(data, "switch"),
            unambiguous,
        ),
        claim(
            "4b",
            "With an ambiguity of 1% or more, accuracy on switched roles comes to match validation "
            "accuracy.",
            "The Role of Ambiguity",
            "last accuracy on switch less that on validation; ambiguity 0.01 or more",
            "above",
            -0.1,
            lambda data: final(data, "switch") - final(data, "validation"),
            ambiguous,
        ),
        claim(
            "5",
            "Even with ambiguity, the embedding layer tells noun from adjective for trained "
            "tokens.",
            "The Role of Ambiguity",
            "last accuracy of the embedding layer's probe (new types); ambiguity 0.01 to 0.1",
            "above",
            0.75,
            final_embedding_probe,
            somewhat_ambiguous,
        ),
        claim(
            "6a",
            "Active forgetting keeps accuracy on unseen tokens high.",
            "Dual Process Learning",
            "last accuracy on unseen, with active forgetting less without; Zipf, no ambiguity",
            "above",
            0.1,
            lambda data: gain_by_forgetting(data, "active", "unseen"),
            forgets("active"),
        ),
        claim(
            "6b",
            "Temporary forgetting keeps accuracy on unseen tokens high.",
            "Dual Process Learning",
            "last accuracy on unseen, with temporary forgetting less without; Zipf, no ambiguity",
            "above",
            0.1,
            lambda data: gain_by_forgetting(data, "temporary", "unseen"),
            forgets("temporary"),
        ),
        claim(
            "6c",
            "Temporary forgetting doesn't cost accuracy on validation.",
            "Dual Process Learning",
            "last accuracy on validation, with temporary forgetting less without; Zipf, no "
            "ambiguity",
            "above",
            -0.05,
            lambda data: gain_by_forgetting(data, "temporary", "validation"),
            forgets("temporary"),
        ),
    ]


def evidence(table: pd.DataFrame, *, draws: int, seed: int) -> dict[tuple[str, str], Curves]:
    """Return what the claims are computed from, as `ontogeny.results.claims.evaluate` takes it."""
    return {(RUN, ""): curves(table, draws, seed)}
