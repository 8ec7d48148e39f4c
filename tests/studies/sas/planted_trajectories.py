"""Trajectories whose curves are known, as arrays and as the files that measuring jobs leave."""

import numpy as np
import pandas as pd

from ontogeny.results.milestones import log_step
from ontogeny.studies.sas.interventions import Intervention
from ontogeny.studies.sas.trajectories import OF_MODEL, TOTALS, Trajectory

# A logistic curve of width w around c accelerates most at c - w * log(2 + sqrt(3)).
FASTEST = np.log(2 + np.sqrt(3))

NONE = Intervention("none")
SUPPRESSED = Intervention("suppressed")
PROMOTED = Intervention("promoted")
EARLY = Intervention("suppressed early", 100)
LATE = Intervention("suppressed late", since=1000)


def log_spaced(count, last=100_000):
    """Return 0 and so many steps up to the last, evenly spaced in their logarithm."""
    return np.unique(np.r_[0, np.round(np.geomspace(1, last, count))].astype(np.int64))


def sigmoid(steps, centre, width=0.7):
    return 1 / (1 + np.exp(-(log_step(steps) - np.log(centre)) / width))


def planted_onset(centre, width=0.7):
    """Return the step at which `sigmoid` accelerates most."""
    return centre * np.exp(-width * FASTEST)


def planted(
    steps,
    uas,
    loss,
    accuracy=None,
    held_out=None,
    *,
    seeds=3,
    sentences=40,
    words=50,
    paradigms=(40, 40, 20),
    generator=None,
    run="run",
    **of_model,
):
    """Return a trajectory whose curves are those given, each (steps,) or (seeds, steps).

    With a generator words are right at random, with these chances, sentences differ in their loss,
    and pairs in how hard they are, beside some luck at each step. Without, all sentences are alike,
    and accuracies as near to the curve as whole pairs come.
    """
    steps = np.asarray(steps)
    shape = seeds, len(steps)
    of_model = {"attention_between_words": 4.0} | of_model
    uas, loss = (np.broadcast_to(curve, shape) for curve in (uas, loss))
    held_out = np.broadcast_to(uas - 0.02 if held_out is None else held_out, shape)
    cells = sentences, *shape
    edges = np.full((sentences, 1, 1), float(words))
    sums = {"uas": uas, "uas_held_out": held_out, "offset_uas": np.full(shape, 0.3)}
    if generator is None:
        sums = {name: words * np.broadcast_to(chance, cells) for name, chance in sums.items()}
        losses = words * np.broadcast_to(loss, cells)
    else:
        edges = generator.integers(1, 2 * words, (sentences, 1, 1)).astype(float)
        sums = {
            name: generator.binomial(edges.astype(int), np.clip(chance, 0, 1), cells).astype(float)
            for name, chance in sums.items()
        }
        hard = generator.normal(0, 0.3, (sentences, 1, 1))
        losses = edges * (loss + hard + generator.normal(0, 0.05, cells))
    suite, counts = None, ()
    correct = np.zeros((0, *shape), dtype=np.float16)
    if accuracy is not None:
        suite, counts = "suite", tuple(paradigms)
        accuracy = np.broadcast_to(accuracy, shape)
        if generator is None:
            ranks = np.concatenate([(np.arange(count) + 0.5) / count for count in counts])
            correct = (ranks[:, None, None] < accuracy).astype(np.float16)
        else:
            hard = generator.random((sum(counts), 1, 1))
            hard = hard + generator.normal(0, 0.1, (sum(counts), *shape))
            correct = (hard < accuracy).astype(np.float16)
    return Trajectory(
        run=run,
        corpus="corpus",
        suite=suite,
        seeds=np.arange(seeds),
        steps=steps,
        sentences=np.arange(sentences),
        sums={**sums, "loss": losses},
        totals={"edges": edges, "predictions": edges.copy()},
        paradigms=tuple(f"paradigm_{place}" for place in range(len(counts))),
        paradigm=np.repeat(np.arange(len(counts)), counts),
        pair=np.concatenate([np.zeros(0, dtype=int), *(np.arange(count) for count in counts)]),
        correct=correct,
        of_model={name: np.broadcast_to(curve, shape) for name, curve in of_model.items()},
    )


def rows_of(trajectory):
    """Return a trajectory as rows of structure, sentences and pairs."""
    own = {"run": trajectory.run, "corpus": trajectory.corpus}
    place, seed, step = (axis.ravel() for axis in np.indices(trajectory.sums["uas"].shape))
    sentences = pd.DataFrame(
        {
            **own,
            "seed": trajectory.seeds[seed],
            "step": trajectory.steps[step],
            "sentence": trajectory.sentences[place],
        }
    )
    for name, values in (trajectory.sums | trajectory.totals).items():
        values = np.broadcast_to(values, trajectory.sums["uas"].shape)
        sentences[name] = values.ravel() if name in TOTALS else values.ravel().astype(np.int64)
    place, seed, step = (axis.ravel() for axis in np.indices(trajectory.correct.shape))
    names = np.array(trajectory.paradigms or [""], dtype=object)
    pairs = pd.DataFrame(
        {
            "run": trajectory.run,
            "corpus": trajectory.suite,
            "seed": trajectory.seeds[seed],
            "step": trajectory.steps[step],
            "field": "field",
            "paradigm": names[trajectory.paradigm[place]],
            "pair": trajectory.pair[place],
            "correct": trajectory.correct.ravel().astype(float),
        }
    )
    structure = []
    for metric in OF_MODEL:
        for s, t in np.ndindex(len(trajectory.seeds), len(trajectory.steps)):
            if metric in trajectory.of_model:
                value = float(trajectory.of_model[metric][s, t])
                row = {**own, "seed": trajectory.seeds[s], "step": trajectory.steps[t]}
                # Layer 0 is not to be counted; the others have the curve as their mean.
                layers = {None: value}
                if metric == "intrinsic_dimension":
                    layers = {0: 99.0, 1: value - 1, 2: value + 1}
                structure += [
                    {**row, "layer": layer, "metric": metric, "value": number}
                    for layer, number in layers.items()
                ]
    columns = ["run", "corpus", "seed", "step", "layer", "metric", "value"]
    return pd.DataFrame(structure, columns=columns), sentences, pairs


def write(rows, folder, generator=None, files=2):
    """Write structure, sentences and pairs, and return their paths; shuffled with a generator."""
    folder.mkdir(exist_ok=True)
    found = []
    for name, frame in zip(("structure", "sentences", "pairs"), rows, strict=True):
        order = np.arange(len(frame)) if generator is None else generator.permutation(len(frame))
        paths = []
        for number, part in enumerate(np.array_split(order, files)):
            paths.append(folder / f"{name}-{number}.parquet")
            frame.iloc[part].to_parquet(paths[-1], index=False)
        found.append(paths if len(frame) or name != "pairs" else [])
    return found
