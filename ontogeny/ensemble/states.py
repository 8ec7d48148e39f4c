"""The whole state of a lockstep training in one safetensors file, to resume from."""

import json
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ontogeny.ensemble.training import STREAMS, LockstepTraining
from ontogeny.errors import CheckpointError
from ontogeny.files import atomic_path
from ontogeny.runs.checkpoints.weight_files import read_header


def save_state(training: LockstepTraining[Any], path: str | os.PathLike[str]) -> None:
    """Write everything that the rest of a training depends on; the file is whole or absent.

    That is parameters, moments, counts, carried tensors and random streams of the members that
    live. What the training was made with (source, learning rates, settings of the optimiser) isn't
    in it, nor are parameters that aren't trained. Members that have diverged are dropped first. The
    same state gives the same bytes.
    """
    from safetensors.torch import save_file

    training.drop_diverged()
    stack = training.stack
    tensors = _tensors(training) | {
        f"stream.{purpose}": torch.stack([stream.get_state() for stream in streams])
        for purpose, streams in training.streams.items()
    }
    description = {
        "stack": stack.description(),
        "members": [
            (member, stack.member_description(place))
            for place, member in enumerate(training.members)
        ],
        "diverged": sorted(training.diverged.items()),
        "step": training.step,
    }
    with atomic_path(path) as new:
        save_file(
            {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()},
            new,
            metadata={"training": json.dumps(description)},
        )


def restore_state(training: LockstepTraining[Any], path: str | os.PathLike[str]) -> None:
    """Put a training, newly made with the same arguments, into a saved state.

    What follows is then, on the same machine, to the byte what would have followed. Raises
    `CheckpointError` if the file is absent or truncated, or is of another ensemble or optimiser.
    """
    from safetensors import safe_open

    if training.step or training.diverged:
        raise ValueError("the training has already run; restore into a new one")
    path = Path(path)
    read_header(path)
    with safe_open(path, "pt", device=str(training.stack.device)) as file:
        metadata = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if "training" not in metadata:
        raise CheckpointError(f"{path}: is no state of an ensemble; expected one of `save_state`.")
    description = json.loads(metadata["training"])
    _check_members(training, path, description)
    training.keep([member for member, _ in description["members"]])
    _check_tensors(training, path, tensors)
    for name, tensor in _tensors(training).items():
        tensor.copy_(tensors[name])
    for purpose, streams in training.streams.items():
        for stream, state in zip(streams, tensors[f"stream.{purpose}"], strict=True):
            stream.set_state(state.cpu().clone())
    training.diverged = dict(description["diverged"])
    training.resume_at(description["step"])


def _tensors(training: LockstepTraining[Any]) -> dict[str, Tensor]:
    """Return the tensors that change while a training runs, by their names in the file."""
    optimiser = training.optimiser
    return {
        "parameters": training.stack.flat,
        **{f"moment.{name}": moment for name, moment in optimiser.moments.items()},
        "updates": optimiser.updates,
        "losses": training.losses,
        **{f"carried.{name}": values for name, values in training.carried.items()},
    }


def _check_members(
    training: LockstepTraining[Any], path: Path, description: dict[str, Any]
) -> None:
    """Refuse a state that isn't of this ensemble."""
    stack = training.stack
    expected = json.loads(json.dumps(stack.description()))
    if description.get("stack") != expected:
        raise CheckpointError(
            f"{path}: is of members with {description.get('stack')}; expected {expected}. Remove "
            "the file to train from the start."
        )
    own = {place: stack.member_description(place) for place in range(len(stack))}
    found = dict(description["members"])
    total = len(found) + len(description["diverged"])
    if total != len(own) or any(own.get(member) != says for member, says in found.items()):
        raise CheckpointError(
            f"{path}: is of {total} members, of which live {found}; expected {len(own)} members, "
            f"{own}. Remove the file to train from the start."
        )


def _check_tensors(training: LockstepTraining[Any], path: Path, tensors: dict[str, Tensor]) -> None:
    """Refuse a state of another optimiser, of other carried tensors, or of another device."""
    expected = {name: tuple(tensor.shape) for name, tensor in _tensors(training).items()}
    streams = {f"stream.{purpose}" for purpose in STREAMS}
    found = {name: tuple(tensors[name].shape) for name in tensors.keys() - streams}
    if found != expected:
        raise CheckpointError(
            f"{path}: holds {found}; expected {expected}, of this optimiser and these carried "
            "tensors. Remove the file to train from the start."
        )
    for purpose in STREAMS:
        shape = training.streams[purpose][0].get_state().shape
        if tensors[f"stream.{purpose}"].shape[1:] != shape:
            raise CheckpointError(
                f"{path}: was written on another kind of device, whose random numbers can't be "
                f"continued on {training.stack.device}. Resume on that kind, or remove the file."
            )
