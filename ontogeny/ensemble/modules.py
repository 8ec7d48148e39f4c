"""Stacks of any PyTorch module, by `torch.func`."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Self, TypeVar

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from ontogeny.ensemble.many_models import Inputs, ManyModels, Needs
from ontogeny.ensemble.memory import keep_freed_memory
from ontogeny.ensemble.random_streams import draw_mask
from ontogeny.ensemble.stack import Shapes, Stack, named
from ontogeny.ensemble.templates import Model, Template, refuse_differences
from ontogeny.errors import ConfigError
from ontogeny.workers import in_parallel, split

# On a CPU, bytes that are kept for the backward pass of the members that go through the model
# together: few enough for the caches, many enough that the calls don't cost more than the work.
LARGEST_GRAPH = 2**26
SHARE_OF_GPU = 0.5  # of its memory, for the same on a GPU
MOST_KNOWN = 100  # computations of which a stack remembers what they need

Result = TypeVar("Result")


class ModuleStack(Stack):
    """Copies of a module, each with parameters of its own, and the loss that they are trained by.

    `loss(model, batch)` returns a member's loss, a scalar: `model` computes what the module's
    `forward` does, and `batch` is the member's. It has to do the same whatever the numbers in its
    tensors are: what looks at them in Python is refused, and so is what PyTorch can't compute for
    many at once (`torch.nn.LSTM` for one; `ontogeny.runs.recurrence` can be). Models of
    transformers compute their attention in plain operations here. With padding, causal ones want
    an attention mask, encoders `additive_mask`.

    `flat` holds the parameters that are trained, each once however many names it has. The others
    are each member's own as well, and stay. All else is the same for all members: sizes, buffers,
    shares of dropout.
    """

    def __init__(
        self,
        template: Template,
        loss: Callable[..., Any],
        trained: tuple[Shapes, Tensor],
        fixed: tuple[Shapes, Tensor],
    ) -> None:
        """Take parameters as they are: their shapes, and (members, parameters) of them."""
        super().__init__(*trained)
        self._template, self._loss = template, loss
        self._checked_loss = partial(_checked, loss)
        self._fixed_shapes, self._fixed = fixed
        self._known: dict[Any, Needs] = {}

    @staticmethod
    def of(
        modules: Sequence[nn.Module],
        loss: Callable[..., Any],
        device: torch.device | str = "cpu",
        *,
        trained: Callable[[str], bool] | None = None,
    ) -> "ModuleStack":
        """Return a stack of copies of modules, which may differ in their parameters alone.

        `trained` says by its name whether a parameter is; by default those are that require
        gradients. No gradients of the others are computed. Raises `ConfigError` if shapes or
        buffers differ, if parameters aren't all of one type, or if none is trained.
        """
        first, own = modules[0], [dict(module.named_parameters()) for module in modules]
        name = type(first).__name__
        refuse_differences(modules)
        chosen = trained or (lambda parameter: own[0][parameter].requires_grad)
        shapes: dict[bool, dict[str, tuple[int, ...]]] = {True: {}, False: {}}
        for parameter, values in own[0].items():
            shapes[chosen(parameter)][parameter] = tuple(values.shape)
        if not shapes[True]:
            raise ConfigError(f"{name}: none of its parameters is to be trained; expected some.")
        flat, fixed = (_flatten(own, list(shapes[kind])).to(device) for kind in (True, False))
        template = Template(first, torch.device(device))
        return ModuleStack(template, loss, (shapes[True], flat), (shapes[False], fixed))

    def module(self, member: int) -> nn.Module:
        """Return a copy of a member as a module, on the CPU, ready to be evaluated."""
        return self._template.module(
            {name: values[member] for name, values in self._all_parameters().items()}
        )

    def description(self) -> dict[str, Any]:
        """Return the name of the module's class and the shapes of what is trained."""
        shapes = {name: list(shape) for name, shape in self.shapes.items()}
        return {"module": self._template.name, "parameters": shapes}

    def _with(self, flat: Tensor, members: Sequence[int]) -> Self:
        index = torch.tensor(list(members), device=self.device)
        same = flat.device == self.device
        return type(self)(
            self._template if same else self._template.to(flat.device),
            self._loss,
            (self.shapes, flat),
            (self._fixed_shapes, self._fixed[index].to(flat.device)),
        )

    def losses_and_gradients(
        self,
        batch: Any,
        dropout: Sequence[torch.Generator] | None = None,
        *,
        carried: Mapping[str, Tensor] | None = None,
        members_at_once: int | None = None,
    ) -> Tensor:
        """Return each member's loss (members,), and write `gradients`, each member's own.

        `batch` is a tensor (members, ...), or tuples, lists and dictionaries of such, of which the
        loss gets a member's part; what is `Shared`, or no tensor, is the same for all.

        With `dropout`, a generator for each member, the modules are in training mode, and
        `torch.nn.functional.dropout` multiplies by masks from the member's generator; whatever else
        draws random numbers is refused. Without, they are in evaluation mode.

        With `carried`, tensors (members, ...) by name, the loss is called with a member's as a
        third argument, and returns two things: the scalar, and a dictionary of those that change,
        which are overwritten. No gradients flow from one update to another.

        `members_at_once` go through the model together: by default on a CPU as many as keep what is
        saved for the backward pass, and their gradients, each within `LARGEST_GRAPH`, on a GPU
        within `SHARE_OF_GPU`. How many they are, and how many threads there are, changes results by
        rounding errors.

        Raises `ConfigError` if the model or the loss can't be computed for many members at once,
        and ValueError if shapes don't fit.
        """
        if self.device.type == "cpu":
            keep_freed_memory()
        carried = dict(carried or {})
        many = self._many(self._checked_loss, batch, carried, training=dropout is not None)
        needs = self._needs(many)

        def work(members: range) -> Tensor:
            rows = slice(members.start, members.stop)
            parameters = self._to_differentiate(rows)
            generators = list(dropout or [])[rows]
            drawn = [draw_mask(generators, *mask).to(self.flat.dtype) for mask in needs.masks]
            with torch.enable_grad():
                losses, changed = many(members, parameters, needs, drawn)
                if not losses.requires_grad:
                    raise ConfigError(
                        f"{self._template.name}: its loss doesn't depend on any parameter that is "
                        "trained; expected a loss that can be differentiated."
                    )
                trained = [parameters[name] for name in self.shapes]
                # By the sum of losses, each member's gradient is that by its own.
                found = torch.autograd.grad(losses.sum(), trained, materialize_grads=True)
            for name, gradient in zip(self.shapes, found, strict=True):
                self.gradients[name][rows] = gradient
            for name, values in changed.items():
                carried[name][rows] = values.detach()
            return losses.detach()

        # Members' gradients exist a second time before they are written to their place.
        each = max(needs.kept, self.flat[0].nbytes)
        return torch.cat(self._in_parts(work, each, members_at_once))

    def losses(self, batch: Any, *, carried: Mapping[str, Tensor] | None = None) -> Tensor:
        """Return each member's loss (members,), in evaluation mode and without gradients."""
        found: Tensor = self.evaluate(self._checked_loss, batch, carried=carried)[0]
        return found

    def evaluate(
        self,
        function: Callable[..., Any],
        batch: Any,
        *,
        carried: Mapping[str, Tensor] | None = None,
        members_at_once: int | None = None,
    ) -> Any:
        """Return what a function makes of each member's model and batch, without gradients.

        It is called as the loss is, and returns tensors, or tuples, lists and dictionaries of such;
        here they have a dimension of members in front. The modules are in evaluation mode.
        """
        many = self._many(function, batch, dict(carried or {}), training=False)
        needs = self._needs(many)

        def work(members: range) -> Any:
            parameters = self._all_parameters(slice(members.start, members.stop))
            with torch.no_grad():
                return many(members, parameters, needs)

        parts = self._in_parts(work, needs.kept, members_at_once)
        return pytree.tree_map(lambda *values: torch.cat(values), *parts)

    def _many(
        self,
        function: Callable[..., Any],
        batch: Any,
        carried: dict[str, Tensor],
        *,
        training: bool,
    ) -> ManyModels:
        inputs = Inputs.of((batch, carried) if carried else (batch,), len(self))
        return ManyModels(self._template, function, inputs, training)

    def _all_parameters(self, rows: slice = slice(None)) -> dict[str, Tensor]:
        """Return the parameters of some members, trained or not, (members, *shape) by name."""
        fixed = named(self._fixed_shapes, self._fixed)
        return {name: values[rows] for name, values in {**self.parameters, **fixed}.items()}

    def _to_differentiate(self, rows: slice) -> dict[str, Tensor]:
        """Return `_all_parameters`, those that are trained as leaves of a graph."""
        parameters = self._all_parameters(rows)
        trained = {name: parameters[name].detach().requires_grad_() for name in self.shapes}
        return {**parameters, **trained}

    def _needs(self, many: ManyModels) -> Needs:
        """Return what one member's computation needs, having tried if it isn't known."""
        key = many.function, many.training, many.inputs.shapes()
        if key not in self._known:
            if len(self._known) == MOST_KNOWN:
                self._known.clear()
            self._known[key] = many.needs(self._to_differentiate(slice(0, 1)))
        return self._known[key]

    def _in_parts(
        self, work: Callable[[range], Result], each: int, members_at_once: int | None
    ) -> list[Result]:
        """Have work done for some members after the others, on a CPU with a thread for each.

        By default as many go together as have room, each taking so many bytes.
        """
        if members_at_once is None:
            members_at_once = max(1, self._room() // max(1, each))
        return in_parallel(work, split(len(self), members_at_once, self.device), self.device)

    def _room(self) -> int:
        """Return how many bytes may be kept for the backward pass at once."""
        if self.device.type != "cuda":
            return LARGEST_GRAPH
        return int(SHARE_OF_GPU * torch.cuda.get_device_properties(self.device).total_memory)


def additive_mask(attended: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return an attention mask that transformers' encoders add to their scores as it is.

    `attended` (sequences, tokens) is false at padding, the result (sequences, 1, 1, tokens) lowest
    there and else 0. An ordinary mask they look at, to do without if nothing is padded.
    """
    mask = torch.zeros(attended.shape, dtype=dtype, device=attended.device)
    return mask.masked_fill(~attended.bool(), torch.finfo(dtype).min)[:, None, None]


def _checked(
    loss: Callable[..., Any], model: Model, batch: Any, carried: dict[str, Tensor] | None = None
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return a member's loss and the carried tensors that change, having looked at their shapes."""
    if carried is None:
        found, changed = loss(model, batch), {}
    else:
        found, changed = loss(model, batch, carried)
    if found.ndim:
        raise ValueError(f"a member's loss is of shape {tuple(found.shape)}; expected a scalar")
    for name, values in changed.items():
        if carried is None or name not in carried or values.shape != carried[name].shape:
            known = {name: tuple(values.shape) for name, values in (carried or {}).items()}
            raise ValueError(
                f"the loss carries on {name} of shape {tuple(values.shape)}; expected some of "
                f"{known}"
            )
    return found, changed


def _flatten(modules: Sequence[Mapping[str, Tensor]], names: Sequence[str]) -> Tensor:
    """Return the named parameters of modules, one after the other, (modules, parameters)."""
    rows = [[parameters[name].detach().flatten() for name in names] for parameters in modules]
    return torch.stack([torch.cat(row) if row else torch.empty(0) for row in rows])
