"""The whole state of a lockstep training in one safetensors file, to resume from."""

import json
import os
from dataclasses import asdict
from pathlib import Path

import torch

from ontogeny.ensemble.training import STREAMS, LockstepTraining
from ontogeny.errors import CheckpointError
from ontogeny.files import atomic_path
from ontogeny.runs.checkpoints.weight_files import read_header


def save_state(training: LockstepTraining, path: str | os.PathLike[str]) -> None:
    """Write everything that the rest of a training depends on; the file is whole or absent.

    That is parameters, moments, counts and random streams of the members that live. What the
    training was made with (source, learning rates, settings of the optimiser) isn't in it. Members
    that have diverged are dropped first. The same state gives the same bytes.
    """
    from safetensors.torch import save_file

    training.drop_diverged()
    tensors = {
        "parameters": training.stack.flat,
        "first_moment": training.optimiser.first_moment,
        "second_moment": training.optimiser.second_moment,
        "updates": training.optimiser.updates,
        "losses": training.losses,
    } | {
        f"stream.{purpose}": torch.stack([stream.get_state() for stream in streams])
        for purpose, streams in training.streams.items()
    }
    description = {
        "architecture": asdict(training.stack.architecture),
        "vocabularies": training.stack.vocabularies,
        "members": training.members,
        "diverged": sorted(training.diverged.items()),
        "step": training.step,
    }
    with atomic_path(path) as new:
        save_file(
            {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()},
            new,
            metadata={"training": json.dumps(description)},
        )


def restore_state(training: LockstepTraining, path: str | os.PathLike[str]) -> None:
    """Put a training, newly made with the same arguments, into a saved state.

    What follows is then, on the same machine, to the byte what would have followed. Raises
    `CheckpointError` if the file is absent or truncated, or is of another ensemble.
    """
    from safetensors import safe_open

    path = Path(path)
    read_header(path)
    with safe_open(path, "pt", device=str(training.stack.device)) as file:
        metadata = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if "training" not in metadata:
        raise CheckpointError(f"{path}: is no state of an ensemble; expected one of `save_state`.")
    description = json.loads(metadata["training"])
    members = description["members"]
    _check(training, path, description, tensors)
    training.keep(members)
    training.stack.flat.copy_(tensors["parameters"])
    training.optimiser.first_moment.copy_(tensors["first_moment"])
    training.optimiser.second_moment.copy_(tensors["second_moment"])
    training.optimiser.updates.copy_(tensors["updates"])
    training.losses = tensors["losses"]
    for purpose, streams in training.streams.items():
        for stream, state in zip(streams, tensors[f"stream.{purpose}"], strict=True):
            stream.set_state(state.cpu().clone())
    training.diverged = dict(description["diverged"])
    training.resume_at(description["step"])


def _check(
    training: LockstepTraining, path: Path, description: dict, tensors: dict[str, torch.Tensor]
) -> None:
    """Refuse a state that isn't of this ensemble, and a training that has already run."""
    if training.step or training.diverged:
        raise ValueError("the training has already run; restore into a new one")
    if description["architecture"] != asdict(training.stack.architecture):
        raise CheckpointError(
            f"{path}: is of members with {description['architecture']}; expected "
            f"{asdict(training.stack.architecture)}. Remove the file to train from the start."
        )
    vocabularies = dict(zip(description["members"], description["vocabularies"], strict=True))
    known = dict(enumerate(training.stack.vocabularies))
    total = len(vocabularies) + len(description["diverged"])
    if total != len(known) or vocabularies.items() - known.items():
        raise CheckpointError(
            f"{path}: is of {total} members, with vocabularies {sorted(vocabularies.items())} by "
            f"member; expected {len(known)} members, with {sorted(known.items())}. Remove the file "
            "to train from the start."
        )
    for purpose in STREAMS:
        expected = training.streams[purpose][0].get_state().shape
        if tensors[f"stream.{purpose}"].shape[1:] != expected:
            raise CheckpointError(
                f"{path}: was written on another kind of device, whose random numbers can't be "
                f"continued on {training.stack.device}. Resume on that kind, or remove the file."
            )
