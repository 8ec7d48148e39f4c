"""The claims about similarity, as statistics of the study's tables.

Source of all: Saphra and Lopez, "Understanding Learning Dynamics of Language Models with SVCCA"
(NAACL 2019), chapter 4 of Saphra's thesis (2021), by whose sections and figures they go. It states
what is seen in its figures, of one model, in words: the statistics are ours. All are from the share
of the training on that the publication's first point stands for, and in all tag sets count only if
their tagger learned something.

Each claim is held against SVCCA in both forms in use, since they can differ for a reason that has
nothing to do with what is encoded: SVCCA that keeps 99% of the variance is a mean over as many axes
as the narrower side has, and a tagger that has learned little has few, on which anything looks
alike. Plain CCA (`cca`), with which the publication's numbers were computed, has as many for all.

All claims need two seeds; those about curves need four steps. What two seeds' last checkpoints have
in common is one number, the same for both: claims about it need three (5b, 6). One threshold isn't
0, and was set before any result was seen: another seed stays "well below 1" if below 0.8
(published: near 0.64).
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Literal

from ontogeny.results.claims import Claim, Estimate
from ontogeny.studies.similarity.claim_statistics import (
    above_shuffled,
    adjacent_layers,
    diagnostics_stay_flat,
    drift,
    falls_then_rises,
    finer_is_more_similar,
    least_similar,
    most_similar,
    same_layer_of_other_seeds,
    seeds_approach,
    seeds_stay_apart,
    settles_first,
    settles_last,
    within_domain,
)
from ontogeny.studies.similarity.curves import Curves
from ontogeny.studies.similarity.tagsets import COARSE_AND_FINE

SOURCE = "Saphra and Lopez (2019; thesis, chapter 4)"
TO_NEXT = (
    "SVCCA with taggers of the next word, mean over the layers above the embeddings, last step"
)


FORMS = {"svcca": "SVCCA", "cca": "plain CCA"}


def _claims(
    number: str,
    statement: str,
    where: str,
    statistic: str,
    direction: Literal["above", "below"],
    estimate: Callable[[Curves], Estimate | None],
    threshold: float = 0,
    steps: int = 1,
    seeds: int = 2,
) -> list[Claim]:
    """Return a claim in both forms; its statistic speaks of SVCCA."""
    return [
        Claim(
            id=f"similarity.{number}.{form}",
            study="similarity",
            statement=statement,
            source=f"{SOURCE}, {where}",
            statistic=statistic.replace("SVCCA", name),
            direction=direction,
            threshold=threshold,
            estimate=partial(_in_form, estimate=estimate, form=form),
            seeds=seeds,
            steps=steps,
        )
        for form, name in FORMS.items()
    ]


def _in_form(
    curves: Curves, estimate: Callable[[Curves], Estimate | None], form: str
) -> Estimate | None:
    return estimate(replace(curves, measure=form))


CLAIMS = (
    *_claims(
        "1a",
        "Recurrent layers are most similar to a tagger of coarse parts of speech.",
        "section 4.1, figure 8",
        f"{TO_NEXT}: upos minus the highest other tag set",
        "above",
        most_similar,
    ),
    *_claims(
        "1b",
        "Similarity to a tagger of coarse parts of speech settles earliest.",
        "section 4.1, figure 8",
        "binary logarithm of the step from which the curve stays within a tenth of its range "
        "around its last value: upos minus the earliest other tag set",
        "below",
        settles_first,
        steps=4,
    ),
    *_claims(
        "1c",
        "Recurrent layers are least similar to a tagger of topics.",
        "section 4.1, figure 8",
        f"{TO_NEXT}: topic minus the lowest other tag set",
        "below",
        least_similar,
    ),
    *_claims(
        "1d",
        "Similarity to a tagger of topics settles last.",
        "section 4.1, figure 8",
        "as in 1b: topic minus the latest other tag set",
        "above",
        settles_last,
        steps=4,
    ),
    *_claims(
        "2",
        "At the first recurrent layer similarity falls at first, for all tasks, and then rises.",
        "section 4.1, figure 8",
        "fall from the first step to the trough of the other seeds, and rise from there to the "
        "last step: the lesser of both, of the tag set where it is least; SVCCA with taggers of "
        "the next word",
        "above",
        falls_then_rises,
        steps=4,
    ),
    *_claims(
        "3a",
        "Embeddings drift away from the embeddings of taggers.",
        "section 4.1, figure 8",
        "SVCCA with taggers of the next word, last step minus first, mean over tag sets",
        "below",
        partial(drift, embeddings=True),
        steps=2,
    ),
    *_claims(
        "3b",
        "Recurrent layers come to resemble those of taggers.",
        "section 4.1, figure 8",
        "SVCCA with taggers of the next word, last step minus first, mean over tag sets and layers",
        "above",
        partial(drift, embeddings=False),
        steps=2,
    ),
    *_claims(
        "4a",
        "Taggers of true tags are more similar than taggers of shuffled ones.",
        "section 4.1, figure 8",
        f"{TO_NEXT}: true minus shuffled, of the tag set but topic where it is least",
        "above",
        partial(above_shuffled, topic=False),
    ),
    *_claims(
        "4b",
        "But the tagger of true topics is less similar than that of shuffled ones.",
        "section 4.1, figure 8",
        f"{TO_NEXT}: true minus shuffled topics",
        "below",
        partial(above_shuffled, topic=True),
    ),
    *_claims(
        "5a",
        "Similarity to a model of another seed rises over training.",
        "section 4, figure 4",
        "SVCCA with the last checkpoints of the other seeds, last step minus first, mean over "
        "layers",
        "above",
        seeds_approach,
        steps=2,
    ),
    *_claims(
        "5b",
        "And saturates well below 1.",
        "section 4, figure 4",
        "SVCCA with the last checkpoints of the other seeds, last step, mean over layers",
        "below",
        seeds_stay_apart,
        threshold=0.8,
        seeds=3,
    ),
    *_claims(
        "6",
        "A layer is more like the same layer of another seed than like another of its own model.",
        "section 4, figure 5",
        "SVCCA, last step: mean over two layers with the other seeds' minus that of both, of the "
        "two layers for which it is least",
        "above",
        same_layer_of_other_seeds,
        seeds=3,
    ),
    *_claims(
        "7",
        "Adjacent layers are more similar than distant ones.",
        "section 4, figure 5",
        "SVCCA of layers of one checkpoint, last step: mean of adjacent minus mean of other pairs",
        "above",
        adjacent_layers,
    ),
    *(
        claim
        for coarse, fine in COARSE_AND_FINE
        for claim in _claims(
            f"8.{fine}",
            f"Of taggers of the word's own tag, that of finer tags ({fine}, not {coarse}) is more "
            "similar.",
            "section 4.2, figure 9",
            f"SVCCA with taggers of the word's own tag, mean over the layers above the embeddings, "
            f"last step: {fine} minus {coarse}",
            "above",
            partial(finer_is_more_similar, coarse=coarse, fine=fine),
        )
    ),
    *(
        claim
        for tagging, name, figure in (("input", "own tag", 6), ("next", "next word's tag", 7))
        for claim in _claims(
            f"9.{tagging}",
            f"The accuracy of diagnostic classifiers ({name}) stays flat while similarity moves.",
            f"section 4, figure {figure}",
            "highest minus lowest over mean, of the accuracy by step minus of the SVCCA with "
            "taggers of the same tags; mean over layers above the embeddings and tag sets",
            "below",
            partial(diagnostics_stay_flat, tagging=tagging),
            steps=4,
        )
    ),
    *_claims(
        "10",
        "Similarity is higher on words of the domain that a tagger was trained on.",
        "appendix A, figure 10",
        f"{TO_NEXT}, mean over tag sets: on the tagger's own corpus minus on others",
        "above",
        within_domain,
    ),
)
