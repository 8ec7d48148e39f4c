"""One run as arrays: curves by seed and step, and the chains that coefficients are means of."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ontogeny.errors import TableError
from ontogeny.measures.essential_dynamics import log_steps, smooth
from ontogeny.measures.essential_dynamics.forms import cusps
from ontogeny.measures.stage_boundaries import (
    Agreement,
    agreement,
    bootstrap_boundaries,
    find_boundaries,
    stages,
)

BEHAVIOUR = (
    *("bigram_kl", "ngram_score", "previous_token_score", "prefix_score", "icl_score"),
    *("prediction_norm", "ood_error", "embedding_rank", "unembedding_norm", "norm_collapse"),
    *("position_rank", "loss"),
)


@dataclass(frozen=True)
class Evidence:
    """What was measured of a run.

    `steps` and `seeds`; `curves` has for each metric (seeds, steps), of metrics by head the largest
    over heads, of those by layer the mean; `by_layer` these last, (layers, seeds, steps); `chains`
    (seeds, chains, steps). `draws` bootstrap samples are drawn from `seed`.
    """

    run: str
    corpus: str
    steps: np.ndarray
    seeds: np.ndarray
    curves: dict[str, np.ndarray]
    by_layer: dict[str, np.ndarray]
    chains: np.ndarray
    bandwidth: float
    draws: int
    seed: int

    @property
    def times(self) -> np.ndarray:
        """The steps as log(1 + step)."""
        return log_steps(self.steps)

    @property
    def llc(self) -> np.ndarray:
        """The local learning coefficient, mean over chains, (seeds, steps)."""
        return np.nanmean(self.chains, axis=1)

    @cached_property
    def drawn_seeds(self) -> np.ndarray:
        """Which seeds each draw has, (1 + draws, seeds); row 0 each once."""
        generator = np.random.default_rng([self.seed, 0])
        count = len(self.seeds)
        drawn = generator.integers(count, size=(self.draws, count))
        return np.vstack([np.arange(count), drawn])

    @cached_property
    def llc_draws(self) -> np.ndarray:
        """The mean coefficient over drawn seeds and, of each, drawn chains, (1 + draws, steps)."""
        generator = np.random.default_rng([self.seed, 1])
        number = self.chains.shape[1]
        rows = [self.llc.mean(axis=0)]
        for of_seeds in self.drawn_seeds[1:]:
            of_chains = generator.integers(number, size=(len(of_seeds), number))
            drawn = self.chains[of_seeds[:, None], of_chains]
            left = (~np.isnan(drawn)).sum(axis=1)
            own = np.nansum(drawn, axis=1) / np.maximum(left, 1)
            rows.append(np.where(left > 0, own, self.llc[of_seeds]).mean(axis=0))
        return np.stack(rows)

    def curve_draws(self, metric: str) -> np.ndarray:
        """Return the mean of a metric over drawn seeds, (1 + draws, steps)."""
        return self.curves[metric][self.drawn_seeds].mean(axis=1)

    def agreements(self) -> list[Agreement | None]:
        """Return for each seed how near the cusps of its projections are to its boundaries."""
        found = []
        for place in range(len(self.seeds)):
            scores = np.stack([self.curves[f"pc{n}"][place] for n in (1, 2, 3)], axis=1)
            curve = smooth(self.times, scores, self.bandwidth)
            points = np.concatenate([times for times, _ in cusps(curve).values()])
            boundaries = find_boundaries(self.times, self.llc[place], self.bandwidth)
            generator = np.random.default_rng([self.seed, 2, place])
            found.append(
                agreement(points, boundaries, self.times, permutations=999, generator=generator)
            )
        return found


def read_evidence(
    measures: Sequence[str | os.PathLike[str]],
    chains: Sequence[str | os.PathLike[str]],
    *,
    bandwidth: float,
    draws: int,
    seed: int,
) -> Evidence:
    """Read what jobs measured of one run. Raises `TableError` if seeds have other steps."""
    frame = pd.concat([pd.read_parquet(path) for path in measures], ignore_index=True)
    # Of parts of the model at some checkpoints: claims are about the whole of it.
    frame = frame[~frame["metric"].str.startswith("llc_refined")]
    of_chains = pd.concat([pd.read_parquet(path) for path in chains], ignore_index=True)
    steps, seeds = np.unique(frame["step"]), np.unique(frame["seed"])
    if len(frame[["seed", "step"]].drop_duplicates()) != len(steps) * len(seeds):
        raise TableError("stages: not all seeds were measured at the same steps.")

    def arranged(part: pd.DataFrame) -> np.ndarray:
        wide = part.pivot_table(index="seed", columns="step", values="value", dropna=False)
        return wide.reindex(index=seeds, columns=steps).to_numpy(dtype=np.float64)

    curves, by_layer = {}, {}
    for metric, part in frame.groupby("metric"):
        keys = ["seed", "step"]
        if part["head"].notna().any():
            part = part.groupby(keys)["value"].max().reset_index()
        elif part["layer"].notna().any():
            by_layer[str(metric)] = np.stack(
                [arranged(own) for _, own in part.groupby("layer", sort=True)]
            )
            part = part.groupby(keys)["value"].mean().reset_index()
        curves[str(metric)] = arranged(part)
    number = int(of_chains["chain"].max()) + 1
    each = [arranged(of_chains[of_chains["chain"] == chain]) for chain in range(number)]
    return Evidence(
        run=str(frame["run"].iloc[0]),
        corpus=str(frame["corpus"].iloc[0]),
        steps=steps,
        seeds=seeds,
        curves=curves,
        by_layer=by_layer,
        chains=np.stack(each, axis=1),
        bandwidth=bandwidth,
        draws=draws,
        seed=seed,
    )


def boundary_rows(evidence: Evidence) -> pd.DataFrame:
    """Return the rows of the table `stages_boundaries`."""
    times, bandwidth = evidence.times, evidence.bandwidth
    found = bootstrap_boundaries(
        times,
        evidence.chains,
        bandwidth,
        resamples=evidence.draws,
        generator=np.random.default_rng([evidence.seed, 3]),
    )
    rows = []
    for number, stage in enumerate(stages(times, evidence.llc.mean(axis=0), bandwidth)):
        kind, foremost = stage.type, _foremost(evidence, stage.start, stage.end)
        values = {
            "start": np.expm1(stage.start),
            "end": np.expm1(stage.end),
            "change": stage.change,
        }
        if number < len(found.times):
            values |= {
                "end_low": np.expm1(found.low[number]),
                "end_high": np.expm1(found.high[number]),
                "found": found.found[number],
            }
        rows += [
            (number + 1, metric, max(0.0, float(value)) if metric == "start" else float(value),
             kind, foremost)
            for metric, value in values.items()
            if np.isfinite(value)
        ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["stage", "metric", "value", "type", "foremost"])
    return frame.assign(run=evidence.run, corpus=evidence.corpus)


def _foremost(evidence: Evidence, start: float, end: float) -> str:
    """Return the behaviour that changes most between two times, as a share of its whole range."""
    shares = {}
    for metric in BEHAVIOUR:
        if metric in evidence.curves:
            curve = evidence.curves[metric].mean(axis=0)
            extent = np.ptp(curve)
            ends = np.interp([start, end], evidence.times, curve)
            shares[metric] = abs(ends[1] - ends[0]) / extent if extent > 0 else 0.0
    return max(shares, key=lambda metric: shares[metric])
