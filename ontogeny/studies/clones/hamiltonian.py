"""Factored attention of several depths, trained on sequences of interactions of known orders."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from ontogeny.corpora.hamiltonian import Hamiltonian, draw_hamiltonian
from ontogeny.ensemble import ModuleStack, Shared
from ontogeny.errors import CorpusError, TrainingError
from ontogeny.measures.interactions.pseudo_likelihood import optimum, true_losses
from ontogeny.measures.interactions.training import (
    conditional_losses,
    masked_batch,
    train_factored,
)
from ontogeny.runs.architectures.factored import order_of
from ontogeny.studies.clones.learned import Learned

LOGGER = logging.getLogger("ontogeny")


def hamiltonian_of(corpus: Mapping[str, Any]) -> Hamiltonian:
    """Return the Hamiltonian of a corpus, from its entry in the configuration."""
    return draw_hamiltonian(
        corpus["length"], corpus["symbols"], corpus["couplings"], corpus["seed"]
    )


def symbols_of(sentences: pd.DataFrame, hamiltonian: Hamiltonian, source: str) -> np.ndarray:
    """Return the sequences of a split as symbols, (sequences, length).

    Raises `CorpusError` if they aren't of this Hamiltonian's length and symbols.
    """
    try:
        found = np.array([list(map(int, words)) for words in sentences["words"]])
    except ValueError as error:
        raise CorpusError(f"{source}: holds no sequences of symbols of one length.") from error
    if found.shape[1] != hamiltonian.length or found.max() >= hamiltonian.symbols:
        raise CorpusError(f"{source}: its sequences aren't those of the corpus's Hamiltonian.")
    return found


def learn(
    hamiltonian: Hamiltonian,
    training: np.ndarray,
    held_out: np.ndarray,
    settings: Mapping[str, Any],
) -> Learned:
    """Train the models that the settings name and hold them against the optima of each order.

    `training` and `held_out` are (sequences, length). Each held-out sequence is asked at one place,
    the same for all models and optima: place n mod length of sequence n.
    """
    places = np.arange(len(held_out)) % hamiltonian.length
    rows: list[dict[str, Any]] = []
    layers, seeds, steps = (tuple(settings[key]) for key in ("layers", "seeds", "steps"))
    highest = max(map(len, hamiltonian.interactions))
    at = np.arange(len(held_out)), places
    optima = {}
    for order in range(1, highest + 1):
        optima[order] = optimum(hamiltonian, order, training, held_out)[at]
        energy = optimum(hamiltonian, order, training, held_out, energy=True)[at]
        rows.append({"order": order, "metric": "optimum_loss", "value": optima[order].mean()})
        rows.append({"order": order, "metric": "energy_loss", "value": energy.mean()})
    truth = true_losses(hamiltonian, held_out)[at]
    rows.append({"metric": "true_loss", "value": truth.mean()})
    asked = masked_batch(
        torch.from_numpy(held_out).long(), torch.from_numpy(places), hamiltonian.symbols
    )
    losses, moved = {}, {}
    for depth in layers:
        LOGGER.info("training %d layers", depth)
        curve = Curve(depth, seeds, {name: Shared(values) for name, values in asked.items()})
        train_factored(
            training,
            hamiltonian.symbols,
            sizes={"layers": depth} | {key: settings[key] for key in SIZES},
            seeds=seeds,
            steps=steps,
            batch_size=settings["batch_size"],
            learning_rate=settings["learning_rate"],
            callback=curve,
        )
        rows += curve.rows
        losses[depth], moved[depth] = curve.losses, np.stack(curve.displacement, axis=1)
    frame = pd.DataFrame(rows).assign(part="hamiltonian")
    return Learned(
        rows=frame,
        layers=layers,
        orders=tuple(map(order_of, layers)),
        seeds=seeds,
        steps=steps,
        losses=np.stack([losses[depth] for depth in layers]),
        optima=optima,
        truth=truth,
        displacement=moved[max(layers)],
    )


SIZES = ("heads", "width", "initial_deviation")


class Curve:
    """What is kept of one depth's training: loss and displacement after each step."""

    def __init__(self, depth: int, seeds: Sequence[int], asked: Mapping[str, Any]) -> None:
        """Take the depth, the seeds, and held-out sequences, the same for all models."""
        self.depth, self.seeds, self.asked = depth, seeds, dict(asked)
        self.rows: list[dict[str, Any]] = []
        self.displacement: list[np.ndarray] = []  # of each step, (seeds, layers)
        self.losses = np.empty(0)
        self.start: dict[str, torch.Tensor] = {}

    def __call__(self, step: int, stack: ModuleStack, members: tuple[int, ...]) -> None:
        """Measure the stack after a step."""
        if len(members) < len(self.seeds):
            raise TrainingError(
                f"hamiltonian: {len(self.seeds) - len(members)} of the models of {self.depth} "
                "layers diverged; lower learning_rate or initial_deviation."
            )
        self.start = self.start or {n: v.clone() for n, v in stack.parameters.items()}
        self.losses = stack.evaluate(conditional_losses, self.asked).numpy()
        moved = np.stack(
            [self._moved(stack, number) for number in range(self.depth)], axis=1
        )  # (seeds, layers)
        self.displacement.append(moved)
        keys = {"step": step, "layers": self.depth, "order": order_of(self.depth)}
        for place, seed in enumerate(self.seeds):
            own = keys | {"seed": seed}
            loss = float(self.losses[place].mean())
            self.rows.append(own | {"metric": "loss", "value": loss})
            self.rows += [
                own | {"layer": number + 1, "metric": "displacement", "value": float(value)}
                for number, value in enumerate(moved[place])
            ]

    def _moved(self, stack: ModuleStack, layer: int) -> np.ndarray:
        """Return the mean square of a layer's changes since the start, (seeds,)."""
        names = [name for name in self.start if f"layers.{layer}." in name]
        changes = [(stack.parameters[name] - self.start[name]).flatten(1) for name in names]
        return torch.cat(changes, dim=1).square().mean(1).numpy()
