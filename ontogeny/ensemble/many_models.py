"""A function of a model and its inputs, computed for many models at once by `torch.func.vmap`."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.func import vmap
from torch.utils import _pytree as pytree

from ontogeny.ensemble.replaced_functions import Mask, dropping_by, noting
from ontogeny.ensemble.templates import Template
from ontogeny.errors import ConfigError
from ontogeny.runs.checkpoints.reading import one_line

# What errors say of models that can't be computed for many at once; others are the caller's.
REFUSALS = ("vmap", "Batching rule", "uninitialized parameter")

PLAIN = (bool, int, float, str, type(None))


class Shared(NamedTuple):
    """A tensor that all members read: it has no dimension of members."""

    tensor: Tensor


class Inputs(NamedTuple):
    """What members read: leaves of a tree, and for each its dimension of members, if it has one."""

    leaves: list[Any]
    dimensions: list[int | None]
    structure: pytree.TreeSpec

    @staticmethod
    def of(tree: Any, members: int) -> "Inputs":
        """Take tuples, lists and dictionaries of tensors (members, ...), `Shared` ones, and plain
        values, which are the same for all.

        Raises ValueError if a tensor is of another number of members, or a leaf is neither.
        """
        leaves, structure = pytree.tree_flatten(tree, lambda node: isinstance(node, Shared))
        for leaf in leaves:
            if isinstance(leaf, Tensor) and (leaf.ndim == 0 or len(leaf) != members):
                raise ValueError(
                    f"a tensor of the batch is {tuple(leaf.shape)}; expected {members} members in "
                    "the first dimension, or Shared(tensor)"
                )
            if not isinstance(leaf, (Tensor, Shared, *PLAIN)):
                raise ValueError(
                    f"the batch holds a {type(leaf).__name__}; expected tensors, in tuples, lists "
                    "or dictionaries"
                )
        dimensions = [0 if isinstance(leaf, Tensor) else None for leaf in leaves]
        values = [leaf.tensor if isinstance(leaf, Shared) else leaf for leaf in leaves]
        return Inputs(values, dimensions, structure)

    def take(self, members: range) -> list[Any]:
        """Return the leaves of some members."""
        pairs = zip(self.leaves, self.dimensions, strict=True)
        rows = slice(members.start, members.stop)
        return [leaf if dimension is None else leaf[rows] for leaf, dimension in pairs]

    def shapes(self) -> tuple[Any, ...]:
        """Return what the sizes of all that is computed from these follow from."""
        leaves = (leaf.shape if isinstance(leaf, Tensor) else leaf for leaf in self.leaves)
        return str(self.structure), tuple(self.dimensions), tuple(map(repr, leaves))


class Needs(NamedTuple):
    """What one member needs.

    `kept` are bytes for its backward pass, `masks` those of dropout, and `replaced` says whether
    functions of PyTorch have to be (`ontogeny.ensemble.replaced_functions`).
    """

    kept: int
    masks: list[Mask]
    replaced: bool


@dataclass(frozen=True)
class ManyModels:
    """`function(model, *inputs)` for models that differ in their parameters alone.

    It returns tensors, or tuples, lists and dictionaries of such. `training` is the models' mode.
    """

    template: Template
    function: Callable[..., Any]
    inputs: Inputs
    training: bool = False

    def __call__(
        self,
        members: range,
        parameters: Mapping[str, Tensor],
        needs: Needs,
        masks: Sequence[Tensor] = (),
    ) -> Any:
        """Return what the function makes of some members, each output (members, ...).

        `parameters` and `masks`, in the order in which dropout needs them, are of these members.
        """

        def of_one(own: dict[str, Tensor], leaves: list[Any], masks: Sequence[Tensor]) -> Any:
            with dropping_by(masks) if needs.replaced else nullcontext():
                return self._of_one(own, leaves)

        leaves, own, dropped = self.inputs.take(members), dict(parameters), list(masks)
        if len(members) > 1:
            return vmap(of_one, in_dims=(0, self.inputs.dimensions, 0))(own, leaves, dropped)
        # One needs no vmap, which costs as much as a small model.
        pairs = zip(leaves, self.inputs.dimensions, strict=True)
        found = of_one(
            {name: values.squeeze(0) for name, values in own.items()},
            [leaf if dimension is None else leaf.squeeze(0) for leaf, dimension in pairs],
            [mask.squeeze(0) for mask in dropped],
        )
        return pytree.tree_map(lambda values: values[None], found)

    def needs(self, parameters: Mapping[str, Tensor]) -> Needs:
        """Find out what a member needs, from the first; `parameters` (1, ...) are its own.

        Those of which gradients are wanted require them. Raises `ConfigError` if the function or
        the model can't be computed for many at once.
        """
        kept: dict[int, int] = {}

        def note(values: Tensor) -> Tensor:
            storage = values.untyped_storage()
            kept[storage.data_ptr()] = storage.nbytes()
            return values

        own = dict(parameters)
        leaves = self.inputs.take(range(1))
        batched = vmap(self._of_one, in_dims=(0, self.inputs.dimensions))
        hooks = torch.autograd.graph.saved_tensors_hooks(note, lambda values: values)
        try:
            with torch.enable_grad(), hooks, noting() as (mode, masks):
                batched(own, leaves)
        except (RuntimeError, ValueError) as error:
            if not any(refusal in str(error) for refusal in REFUSALS):
                raise
            raise ConfigError(
                f"{self.template.name}: can't be computed for many models at once "
                f"({one_line(error)}); expected plain operations, and nothing that looks at its "
                "data in Python. A model that looks for padding wants an attention mask, an "
                "encoder `additive_mask`."
            ) from error
        for values in (*own.values(), *leaves):
            if isinstance(values, Tensor):  # is there anyhow
                kept.pop(values.untyped_storage().data_ptr(), None)
        return Needs(sum(kept.values()), masks, mode.needed)

    def _of_one(self, parameters: dict[str, Tensor], leaves: list[Any]) -> Any:
        model = self.template.model(parameters, training=self.training)
        return self.function(model, *pytree.tree_unflatten(leaves, self.inputs.structure))
