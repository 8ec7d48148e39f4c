"""Tables with a planted push-down, in the form of PUSHDOWN and MIGRATION."""

import numpy as np
import pandas as pd

from ontogeny.corpora.tasks import TASKS, WORD_LABEL_TASKS
from ontogeny.results.tables import check
from ontogeny.studies.pushdown.tables import BASELINE_METRIC, MIGRATION, PRIMARY_METRIC, PUSHDOWN

# How far down a task comes (share of the layers that it leaves free at the end) and how early
# (share of the training after which it is half way there).
DESTINATION = {
    "entity": (0.0, 0.35),
    "phrase_start": (0.1, 0.45),
    "phrase_end": (0.1, 0.5),
    "upos": (0.15, 0.55),
    "xpos": (0.2, 0.6),
    "deprel": (0.4, 0.65),
    "tree_depth": (0.6, 0.7),
    "tree_distance": (0.65, 0.7),
}
BASELINE = {"upos": 0.2, "xpos": 0.13, "entity": 0.83, "deprel": 0.12, "phrase_start": 0.55}
TOP = {"upos": 0.95, "xpos": 0.93, "entity": 0.95, "deprel": 0.86, "tree_distance": 0.78}
SHIFT = {"all": 0.0, "seen": -0.3, "ambiguous": 0.6, "unseen": 1.2}

LOG_STEPS = (0, 1, 2, 4, 9, 19, 41, 87, 185, 394, 1000, 3000)
MULTIBERTS_STEPS = (0, *range(20, 201, 20), *range(300, 2001, 100))  # thousands of updates


def planted(
    steps=LOG_STEPS, layers=5, seeds=(0, 1), tasks=TASKS, share=0.95, noise=0.004, random_seed=0
):
    """Return scores and migration tables in which each task moves down on its own clock."""
    generator = np.random.default_rng(random_seed)
    progress = np.log1p(steps) / np.log1p(max(steps))
    rows, derived = [], []
    for task in tasks:
        end, half = DESTINATION[task]
        metric = PRIMARY_METRIC[task]
        subsets = SHIFT if task in WORD_LABEL_TASKS else ["all"]
        low, top = BASELINE.get(task, 0.3), TOP.get(task, 0.9)
        for seed in seeds:
            late = generator.normal(0, 0.02)
            for subset in subsets:
                key = {"run": "toy-bert", "corpus": "toyglish", "seed": seed, "task": task}
                key["subset"] = subset
                arrived = 1 / (1 + np.exp(-12 * (progress - half - late)))  # (steps,)
                frontier = (layers - 1) * (1 - (1 - end) * arrived) + SHIFT[subset] * arrived
                reach = np.arange(layers)[None, :] - frontier[:, None] + 0.7  # (steps, layers)
                level = (1 / (1 + np.exp(-12 * (progress - half / 2))))[:, None]
                share_of_way = level * (0.35 + 0.65 / (1 + np.exp(-4.0 * reach)))
                value = low + (top - low) * share_of_way
                value = np.clip(value + generator.normal(0, noise, value.shape), 0, 1)
                sizes = {"all": 8000, "seen": 7000, "unseen": 1000, "ambiguous": 900}
                for (i, j), score in np.ndenumerate(value):
                    place = {**key, "step": steps[i], "layer": j, "n": sizes[subset]}
                    rows.append({**place, "metric": metric, "value": score})
                    rows.append({**place, "metric": BASELINE_METRIC[metric], "value": low})
                    if task in WORD_LABEL_TASKS:
                        control = 0.15 + 0.35 * level[i, 0] * (1 - 0.5 * j / layers)
                        rows.append({**place, "metric": "control_accuracy", "value": control})
                        rows.append({**place, "metric": "selectivity", "value": score - control})
                derived += [{**key, **row} for row in _derive(value, low, steps, share)]
    derived += _depths(pd.DataFrame(derived), steps, layers)
    scores = pd.DataFrame(rows)[[c.name for c in PUSHDOWN.columns]]
    migration = pd.DataFrame(derived).reindex(columns=[c.name for c in MIGRATION.columns])
    check(scores, PUSHDOWN)
    check(migration, MIGRATION)
    return scores, migration


def _derive(value, low, steps, share):
    sufficient = value >= low + share * (value.max() - low)
    for i, step in enumerate(steps):
        if sufficient[i].any():
            first = float(np.argmax(sufficient[i]))
            yield {"step": step, "metric": "shallowest_sufficient_layer", "value": first}
        gains = np.diff(np.maximum.accumulate(np.r_[low, value[i]]))
        if gains.sum() > 0:
            centre = float(gains @ np.arange(len(gains)) / gains.sum())
            yield {"step": step, "metric": "expected_layer", "value": centre}


def _depths(derived, steps, layers):
    first = derived[derived["metric"] == "shallowest_sufficient_layer"]
    keys = ["run", "corpus", "task", "subset"]
    rows = []
    for key, group in first.groupby(keys):
        by_seed = group.pivot(index="step", columns="seed", values="value").reindex(steps)
        depth = by_seed.fillna(layers).mean()
        bounds = {"low": depth.mean() - 0.3, "high": depth.mean() + 0.25}
        row = dict(zip(keys, key, strict=True)) | {"metric": "migration_depth"}
        rows.append(row | {"value": depth.mean()} | bounds)
    return rows
