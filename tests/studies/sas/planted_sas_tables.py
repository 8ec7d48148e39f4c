"""Tables with a planted rise of syntactic attention, in the form of SAS, ONSETS and ATTENTION."""

import numpy as np
import pandas as pd

from ontogeny.results.tables import check
from ontogeny.studies.sas.tables import ATTENTION, DIRECTIONS, ONSETS, SAS

STEPS = (0, 1, 2, 4, 9, 19, 41, 87, 185, 394, 1000, 3000)
# In the order of their frequency in a treebank, with the share of words that the best offset finds.
RELATIONS = {
    "case": 0.41,
    "det": 0.66,
    "nsubj": 0.44,
    "advmod": 0.46,
    "amod": 0.79,
    "obj": 0.33,
    "obl": 0.2,
    "conj": 0.15,
    "cc": 0.38,
    "mark": 0.5,
    "compound": 0.86,
    "aux": 0.62,
    "nmod": 0.37,
    "cop": 0.31,
    "nmod:poss": 0.68,
    "advcl": 0.1,
    "xcomp": 0.43,
    "ccomp": 0.16,
    "nummod": 0.72,
    "acl:relcl": 0.3,
    "flat": 0.83,
    "parataxis": 0.05,
    "aux:pass": 0.84,
    "nmod:unmarked": 0.4,
    "nsubj:pass": 0.3,
    "compound:prt": 0.93,
    "acl": 0.5,
    "appos": 0.17,
    "discourse": 0.13,
    "fixed": 0.95,
    "list": 0.2,
    "vocative": 0.22,
    "obl:agent": 0.25,
    "det:predet": 0.45,
    "cc:preconj": 0.4,
    "iobj": 0.6,
    "expl": 0.71,
    "csubj": 0.08,
    "orphan": 0.1,
    "dislocated": 0.02,
}
FIELDS = {
    "morphology": 0.94,
    "semantics": 0.66,
    "syntax": 0.71,
    "syntax_semantics": 0.76,
}
SENTENCE = (
    ("The", 2, "det"),
    ("cat", 5, "nsubj"),
    ("has", 5, "aux"),
    ("never", 5, "advmod"),
    ("chased", 0, "root"),
    ("a", 8, "det"),
    ("grey", 8, "amod"),
    ("mouse", 5, "obj"),
    (".", 5, "punct"),
)


def planted(
    steps=STEPS,
    seeds=(0, 1),
    relations=25,
    layers=4,
    heads=4,
    suite="toyglish-pairs",
    found=True,
    sentence=SENTENCE,
    direction="dependent_to_head",
    run="toy-bert",
    gain=1.0,
    random_seed=0,
):
    """Return the three tables of one run, in which structure comes before capability.

    `gain` scales how much is learnt. Without a `suite` there are no minimal pairs; onsets are found
    if `found` and there are at least five steps.
    """
    generator = np.random.default_rng(random_seed)
    progress = np.log1p(steps) / np.log1p(max(3000, *steps))
    rows = []
    for seed in seeds:
        late = 0.04 * seed
        own = {"run": run, "corpus": "toyglish", "seed": seed}
        rows += _of_relations(own, steps, progress - late, relations, (layers, heads), gain)
        rows += _of_steps(own, steps, progress - late, layers, gain, generator)
        if suite:
            rows += _of_pairs(own | {"corpus": suite}, steps, progress - late, gain, generator)
    onsets = _onsets(run, steps, seeds, bool(suite)) if found and len(steps) >= 5 else []
    chosen = {"relation": "obj", "layer": min(3, layers), "head": heads, "direction": direction}
    attention = _attention(run, steps, seeds, sentence, chosen)
    frames = [
        pd.DataFrame(part).reindex(columns=[column.name for column in table.columns])
        for part, table in ((rows, SAS), (onsets, ONSETS), (attention, ATTENTION))
    ]
    for frame, table in zip(frames, (SAS, ONSETS, ATTENTION), strict=True):
        check(frame, table)
    return tuple(frames)


def planted_interventions(until=(87, 394), **options):
    """Return SAS and ONSETS of a baseline and its interventions, and the labels of the runs."""
    runs = {"toy-bert": ("baseline", 1.0), "suppressed": ("suppressed throughout", 0.1)}
    runs["promoted"] = ("promoted throughout", 1.15)
    for step in until:
        runs[f"until-{step}"] = (f"suppressed until {step:,}", 1.05)
    parts = [
        planted(run=run, gain=gain, random_seed=place, **options)[:2]
        for place, (run, (_, gain)) in enumerate(runs.items())
    ]
    table, onsets = (pd.concat(frames, ignore_index=True) for frames in zip(*parts, strict=True))
    return table, onsets, {run: label for run, (label, _) in runs.items()}


def sigmoid(progress, half, steepness=14.0):
    return 1 / (1 + np.exp(-steepness * (progress - half)))


def _of_relations(own, steps, progress, relations, shape, gain):
    """Rows of each relation, and of all words together."""
    names = list(RELATIONS)[:relations]
    counts = np.array([max(3, round(2400 / (rank + 1))) for rank in range(len(names))])
    rows, scores, offsets = [], [], []
    for rank, name in enumerate(names):
        offset = RELATIONS[name]
        top = min(0.97, offset + gain * (0.35 - 0.004 * rank))
        uas = 0.7 * offset + (top - 0.7 * offset) * sigmoid(progress, 0.5 + 0.006 * rank)
        held_out = uas * (1 - min(0.5, 2 / counts[rank]) - 0.02)
        scores.append((uas, held_out))
        offsets.append(offset)
        for place, step in enumerate(steps):
            best = {
                "layer": 1 + (rank + own["seed"]) % shape[0],
                "head": 1 + (3 * rank + place) % shape[1],
                "direction": DIRECTIONS[rank % 2],
            }
            key = {**own, "step": step, "relation": name, "n": counts[rank]}
            rows.append({**key, **best, "metric": "uas", "value": uas[place]})
            rows.append({**key, **best, "metric": "edge_mass", "value": 0.5 * uas[place]})
            rows.append({**key, **best, "metric": "head_uas", "value": uas[place]})
            rows.append({**key, "metric": "uas_held_out", "value": held_out[place]})
            rows.append(
                {**key, "metric": "offset_uas", "value": offset, "offset": -1 + 2 * (rank % 3)}
            )
    weights = counts / counts.sum()
    for place, step in enumerate(steps):
        key = {**own, "step": step, "n": counts.sum()}
        means = np.array(scores)[:, :, place].T @ weights
        rows.append({**key, "metric": "uas", "value": means[0]})
        rows.append({**key, "metric": "uas_held_out", "value": means[1]})
        rows.append({**key, "metric": "offset_uas", "value": np.array(offsets) @ weights})
    return rows


def _of_steps(own, steps, progress, layers, gain, generator):
    """Rows of loss and complexity."""
    rise = sigmoid(progress, 0.5)
    fisher = np.exp(2 + 6 * rise - 3 * sigmoid(progress, 0.8))
    rows = []
    for place, step in enumerate(steps):
        key = {**own, "step": step}
        loss = 9 - 5.5 * rise[place] - 0.6 * gain * progress[place] + generator.normal(0, 0.02)
        rows.append({**key, "metric": "loss", "value": loss, "n": 5000})
        rows.append({**key, "metric": "fisher_trace", "value": fisher[place], "n": 5000})
        norm = 60 + 45 * progress[place] ** 3
        rows.append({**key, "metric": "weight_norm", "value": norm})
        for layer in range(layers + 1):
            dimension = 11 + layer - 0.8 * layer * rise[place] + generator.normal(0, 0.15)
            rows.append(
                {**key, "layer": layer, "metric": "intrinsic_dimension", "value": dimension}
            )
    return rows


def _of_pairs(own, steps, progress, gain, generator):
    """Rows of capability: two paradigms for each field, the fields, and overall."""
    rows = []
    for place, step in enumerate(steps):
        key = {**own, "step": step, "metric": "minimal_pair_accuracy"}
        values = []
        for field, top in FIELDS.items():
            value = 0.5 + gain * (top - 0.5) * sigmoid(progress[place], 0.65)
            value = float(np.clip(value + generator.normal(0, 0.01), 0, 1))
            values.append(value)
            rows.append({**key, "field": field, "value": value, "n": 400})
            # Not the field's mean, so that it shows which of them is drawn.
            for number, lower in ((1, 0.05), (2, 0.1)):
                paradigm = {"field": field, "paradigm": f"{field}_{number}", "n": 200}
                rows.append({**key, **paradigm, "value": value - lower * value})
        rows.append({**key, "value": float(np.mean(values)), "n": 1600})
    return rows


def _onsets(run, steps, seeds, suite):
    def at(share):
        return float(steps[round(share * (len(steps) - 1))])

    places = {
        "structure_onset": (0.45, True),
        "structure_change_point": (0.37, False),
        "loss_drop": (0.55, True),
        "loss_drop_begins": (0.37, True),
        "loss_drop_ends": (0.72, True),
    }
    if suite:
        places["capability_onset"] = (0.65, True)
        places["capability_change_point"] = (0.65, False)
    risen = {"value": 0.4, "low": 0.3, "high": 0.5}
    rows = [
        {"run": run, "corpus": "toyglish", "seed": seed, "metric": f"{what}_rise", **risen}
        for seed in (None, *seeds)
        for what in ("structure", "capability")[: 1 + suite]
    ]
    for metric, (share, interval) in places.items():
        own = {"run": run, "corpus": "toyglish", "metric": metric}
        bounds = {"low": at(share - 0.1), "high": at(share + 0.1)} if interval else {}
        for seed in (None, *seeds):
            value = at(share + (0 if seed is None else 0.18 * (seed % 2) - 0.09))
            rows.append({**own, "seed": seed, "value": value, **bounds})
    return rows


def _attention(run, steps, seeds, sentence, chosen):
    """Attention of one head, uniform at first, at last on the relation's edges."""
    words = len(sentence)
    shown = [steps[int(i)] for i in np.linspace(0, len(steps) - 1, min(4, len(steps))).round()]
    on_edge = np.zeros((words, words))
    for place, (_, head, _) in enumerate(sentence):
        if head:
            edge = (place, head - 1) if chosen["direction"] == DIRECTIONS[0] else (head - 1, place)
            on_edge[edge] = 1
    rows = []
    for seed in seeds:
        for number, step in enumerate(shown):
            sharp = 4.0 * number / 3
            weights = np.exp(
                sharp * on_edge - 0.15 * number * np.abs(np.subtract.outer(*ends(words)))
            )
            weights /= weights.sum(axis=1, keepdims=True)
            for (source, target), value in np.ndenumerate(weights):
                if source == target:
                    continue
                word, head, relation = sentence[source]
                rows.append(
                    {
                        "run": run,
                        "corpus": "toyglish",
                        "seed": seed,
                        "step": step,
                        "from": source + 1,
                        "to": target + 1,
                        "metric": "attention",
                        "value": value,
                        **chosen,
                        "from_word": word,
                        "to_word": sentence[target][0],
                        "gold_head": head,
                        "gold_relation": relation,
                    }
                )
    return rows


def ends(words):
    return np.arange(words), np.arange(words)
