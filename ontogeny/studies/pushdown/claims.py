"""The claims about push-down, as statistics of the study's tables.

Source of all: "Developmental Narrative of Syntax in MLMs" (surajk610.github.io, spring 2025), the
page of a project with Jack Merullo and Michael Lepori, supervised by Ellie Pavlick, that was on
route to their publication on dual process learning; each claim names its section. The page states
what was found in words, without formulas: the statistics are ours.

All claims need two seeds, since they are about what training does and not about one model (more
are better: on two, an interval is too narrow, as `crossed_weights` says), and four steps: of four,
a perfect order comes about by luck once in 24 times, of three once in six.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal

from ontogeny.corpora.tasks import WORD_LABEL_TASKS
from ontogeny.results.claims import Claim, Estimate
from ontogeny.studies.pushdown.claim_statistics import (
    accuracy_across_boundary,
    late_layers_first,
    layer_falls,
    published_order,
    spread_across_boundary,
    unseen_later,
)
from ontogeny.studies.pushdown.resampling import Resampled

REPORT = "Developmental Narrative of Syntax in MLMs (surajk610.github.io, 2025)"

TASK_NAMES = {
    "upos": "coarse part of speech",
    "xpos": "fine part of speech",
    "entity": "entity types",
    "deprel": "dependency relations",
    "phrase_start": "where phrases begin",
    "phrase_end": "where phrases end",
    "tree_depth": "depth in the syntactic tree",
    "tree_distance": "distance in the syntactic tree",
}


def _claim(
    number: str,
    statement: str,
    section: str,
    statistic: str,
    direction: Literal["above", "below"],
    threshold: float,
    estimate: Callable[[Resampled], Estimate | None],
    tasks: int = 1,
    seeds: int = 2,
) -> Claim:
    return Claim(
        id=f"pushdown.{number}",
        study="pushdown",
        statement=statement,
        source=f"{REPORT}, section {section}",
        statistic=statistic,
        direction=direction,
        threshold=threshold,
        estimate=estimate,
        seeds=seeds,
        steps=4,
        tasks=tasks,
    )


def _of_words(subset: str) -> tuple[Claim, ...]:
    """Return the claims that are made for all test words, or those of types never seen, alike.

    A probe may know a word type by heart as soon as its embedding is its own. What layers do that
    embeddings don't shows on types that it never saw.
    """
    number = "" if subset == "all" else f".{subset}"
    tasks = TASK_NAMES if subset == "all" else {task: TASK_NAMES[task] for task in WORD_LABEL_TASKS}

    def of_words(statement: str) -> str:
        if subset == "all":
            return statement
        first, rest = statement[0].lower(), statement[1:]
        return f"For word types that the probe never saw: {first}{rest}"

    def there(statistic: Callable[..., Estimate | None]) -> Callable[..., Estimate | None]:
        def estimate(maps: Resampled) -> Estimate | None:
            known = subset == "all" or any(own == subset for _, own in maps.suffices)
            return statistic(maps, subset=subset) if known else None

        return estimate

    return (
        *(
            _claim(
                f"1.{task}{number}",
                of_words(f"As training goes on, ever lower layers suffice to tell {name}."),
                "The Striking Pattern",
                "Spearman correlation of the shallowest sufficient layer with log step, over the "
                "steps at which a layer suffices; mean over seeds",
                "below",
                0,
                there(partial(layer_falls, task=task)),
            )
            for task, name in tasks.items()
        ),
        _claim(
            f"2{number}",
            of_words("Early in training, syntactic information is found in late layers only."),
            "The Striking Pattern",
            "mean place (0: embeddings, 1: last layer) of the layers that suffice at the first "
            "step at which any does; mean over tasks and seeds",
            "above",
            0.5,
            there(late_layers_first),
        ),
        _claim(
            f"3{number}",
            of_words(
                "Tasks migrate in this order, fastest first: entities, phrase boundaries, part of "
                "speech, dependencies, tree depth and distance."
            ),
            "Task-Specific Migration Timing",
            "Spearman correlation over tasks of migration depth, mean over seeds, with the "
            "published order",
            "above",
            0,
            there(published_order),
            tasks=4,
        ),
        _claim(
            f"4a{number}",
            of_words(
                "Two regions stand out in the heatmap: accuracy is high above the boundary and low "
                "below."
            ),
            "The Striking Pattern",
            "mean accuracy above minus below the boundary that the other seeds have, in shares of "
            "the way from baseline to best; mean over tasks and seeds",
            "above",
            0,
            there(accuracy_across_boundary),
        ),
        _claim(
            f"4b{number}",
            of_words(
                "Two regions stand out in the heatmap: variance, taken here across seeds, is lower "
                "above the boundary than below."
            ),
            "The Striking Pattern",
            "standard deviation over seeds of a cell (root mean square), below minus above the "
            "boundary of the mean heatmap, in shares of the way from baseline to best; mean over "
            "tasks",
            "above",
            0,
            there(spread_across_boundary),
            seeds=3,
        ),
    )


CLAIMS = (
    *_of_words("all"),
    *_of_words("unseen"),
    _claim(
        "5",
        "Word types that the probe never saw push down later than those it saw.",
        "Natural Language Statistics Drive Algorithmic Development (a conclusion: it speaks of "
        "rare words)",
        "migration depth of unseen minus seen word types; mean over word-label tasks and seeds",
        "above",
        0,
        unseen_later,
    ),
)
