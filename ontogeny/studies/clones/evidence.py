"""One run's losses on the original and on clones, as arrays, and when their curves saturate."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
import pandas as pd

from ontogeny.errors import TableError
from ontogeny.results.milestones import crossed_weights, log_step
from ontogeny.studies.clones.tables import ORIGINAL

Depth = tuple[int | None, int | None]  # layers, and order; no order: not bounded


@dataclass(frozen=True)
class Evidence:
    """What was measured of a run.

    `sums` has for each text (sampler, sweeps) the summed losses, right predictions and predictions,
    (3, seeds, steps, sentences); `depths` the depth of each sampler. `tolerance` is the share of a
    curve's fall within which it is at its end.
    """

    run: str
    corpus: str
    objective: str
    steps: np.ndarray
    seeds: np.ndarray
    sums: dict[tuple[str, int], np.ndarray]
    depths: dict[str, Depth]
    tolerance: float
    draws: int
    seed: int

    @cached_property
    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        """How often each draw has each seed, and each sentence; row 0 each once."""
        sentences = next(iter(self.sums.values())).shape[-1]
        generator = np.random.default_rng([self.seed, 7])
        return crossed_weights(len(self.seeds), sentences, self.draws, generator)

    def curves(self, text: tuple[str, int]) -> np.ndarray:
        """Return the loss by seed and step, (seeds, steps), over all sentences."""
        loss, _, count = self.sums[text].sum(axis=-1)
        return loss / count

    def drawn_curves(self, text: tuple[str, int]) -> np.ndarray:
        """Return the loss over drawn seeds and sentences, (1 + draws, steps)."""
        of_seeds, of_sentences = (weights.astype(np.float64) for weights in self.weights)
        loss, _, count = self.sums[text]
        top, bottom = (
            np.einsum("ds,stn,dn->dt", of_seeds, values, of_sentences, optimize=True)
            for values in (loss, count)
        )
        return top / bottom

    @property
    def sweeps(self) -> int:
        """The most sweeps of which there are clones."""
        return max(sweeps for _, sweeps in self.sums)

    def lowest(self) -> str | None:
        """Return the sampler of the lowest order, None if none is bounded."""
        bounded = {name: order for name, (_, order) in self.depths.items() if order is not None}
        return min(bounded, key=lambda name: bounded[name]) if bounded else None

    def highest(self) -> str | None:
        """Return the sampler of the highest order: one that isn't bounded, if there is one."""
        if not self.depths:
            return None
        return max(self.depths, key=lambda name: self.depths[name][1] or np.inf)


def saturation(steps: np.ndarray, curves: np.ndarray, tolerance: float) -> np.ndarray:
    """Return at which step curves (..., steps) first come within tolerance of their lowest: (...).

    Within it is a loss that is no more than `tolerance` times the whole fall, from the first step
    to the lowest, above the lowest. Of a curve that falls to its end this is where it comes within
    tolerance of its final value; one that rises again had stopped falling at its lowest, and its
    final value says nothing of when. Between two steps it is interpolated in the logarithm of the
    step (`milestones.log_step`). NaN for a curve that doesn't fall.
    """
    x = log_step(steps)
    lowest = curves.min(axis=-1, keepdims=True)
    fall = curves[..., :1] - lowest
    above = curves - lowest - tolerance * fall
    last = np.maximum((above <= 0).argmax(axis=-1) - 1, 0)[..., None]
    before, after = (np.take_along_axis(above, last + shift, axis=-1)[..., 0] for shift in (0, 1))
    left, right = x[last[..., 0]], x[last[..., 0] + 1]
    share = np.divide(before, before - after, out=np.ones_like(before), where=before > after)
    place = np.exp(left + share * (right - left))
    return np.where(fall[..., 0] > 0, place, np.nan)


def read_depths(files: Iterable[str | os.PathLike[str]]) -> dict[str, Depth]:
    """Return the depth of each run that was sampled, from the rows of its job."""
    found: dict[str, Depth] = {}
    for file in files:
        row = pd.read_parquet(file).iloc[0]
        layers, order = (
            None if pd.isna(row[key]) else int(row[key]) for key in ("layers", "order")
        )
        found[str(row["run"])] = layers, order
    return found


def read_evidence(
    files: Sequence[str | os.PathLike[str]],
    depths: Mapping[str, Depth],
    *,
    tolerance: float,
    draws: int,
    seed: int,
) -> Evidence:
    """Read what jobs measured of one run on one corpus.

    Raises `TableError` if not all seeds were measured at the same steps.
    """
    frame = pd.concat([pd.read_parquet(path) for path in files], ignore_index=True)
    steps, seeds = np.unique(frame["step"]), np.unique(frame["seed"])
    sentences = np.unique(frame["sentence"])
    index = pd.MultiIndex.from_product([seeds, steps, sentences])
    sums = {}
    for text, part in frame.groupby(["sampler", "sweeps"]):
        sampler, sweeps = cast(tuple[str, int], text)
        ordered = part.set_index(["seed", "step", "sentence"])[["loss", "right", "count"]]
        if len(ordered) != len(index) or not ordered.index.isin(index).all():
            raise TableError("clones: not all seeds were measured at the same steps.")
        values = ordered.reindex(index).to_numpy().T
        shape = (3, len(seeds), len(steps), len(sentences))
        sums[str(sampler), int(sweeps)] = values.reshape(shape)
    return Evidence(
        run=str(frame["run"].iloc[0]),
        corpus=str(frame["corpus"].iloc[0]),
        objective=str(frame["objective"].iloc[0]),
        steps=steps,
        seeds=seeds,
        sums=sums,
        depths=dict(depths),
        tolerance=tolerance,
        draws=draws,
        seed=seed,
    )


def rows_of(data: Evidence) -> pd.DataFrame:
    """Return the rows of the table of clones that one run's losses come to."""
    original, rows = data.curves(ORIGINAL), []
    for text, sums in data.sums.items():
        sampler, sweeps = text
        layers, order = data.depths.get(sampler, (None, None))
        keys = {
            "sampler": sampler or None,
            "layers": layers,
            "order": order,
            "sweeps": sweeps or None,
        }
        curves = data.curves(text)
        right = sums[1].sum(-1) / sums[2].sum(-1)
        at = saturation(data.steps, curves, data.tolerance)
        for place, seed in enumerate(data.seeds):
            own = keys | {"seed": int(seed)}
            for number, step in enumerate(data.steps):
                here = own | {"step": int(step)}
                loss = curves[place, number]
                rows += [
                    here | {"metric": "loss", "value": loss},
                    here | {"metric": "accuracy", "value": right[place, number]},
                    here | {"metric": "loss_ratio", "value": loss / original[place, number]},
                ]
            if not np.isnan(at[place]):
                rows.append(own | {"metric": "saturation_step", "value": at[place]})
    return pd.DataFrame(rows).assign(part="text", run=data.run, corpus=data.corpus)
