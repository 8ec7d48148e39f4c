"""A module's computation, with parameters that it is given, on any thread.

`torch.func.functional_call` puts other tensors in the place of a module's parameters and takes them
out again, so a module serves one thread at a time. Here each thread has a copy of its own, of which
the parameters are nothing that could be computed with: where a module keeps them elsewhere, too, as
`torch.nn.LSTM` does, that is an error. (On the meta device it would be a silent one: there PyTorch
multiplies a matrix by one that isn't there.)
"""

import copy
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ontogeny.errors import ConfigError

Model = Callable[..., Any]


class Template:
    """A module without parameters of its own."""

    def __init__(self, module: nn.Module, device: torch.device) -> None:
        """Copy a module but for its parameters, its buffers to `device`."""
        absent = [
            (id(values), nn.UninitializedParameter(requires_grad=values.requires_grad))
            for values in module.parameters()
        ]
        buffers = [(id(values), values.detach().to(device)) for values in module.buffers()]
        self._module = copy.deepcopy(module, dict([*absent, *buffers]))
        self._own = threading.local()

    def model(self, parameters: Mapping[str, Tensor], *, training: bool = False) -> Model:
        """Return the module's `forward` with these parameters, which are all that it has.

        Parameters that the module has under several names go by the first of them. It is in
        evaluation mode, or in `training` mode. What is returned serves this thread alone, until it
        asks for another.
        """
        module = self._of_this_thread()
        if module.training != training:
            module.train(training)

        def forward(*arguments: Any, **options: Any) -> Any:
            return functional_call(module, dict(parameters), arguments, options)

        return forward

    def module(self, parameters: Mapping[str, Tensor]) -> nn.Module:
        """Return a module with copies of these parameters, on the CPU and in evaluation mode."""
        given = [
            (id(absent), nn.Parameter(_copy(parameters[name]), absent.requires_grad))
            for name, absent in self._module.named_parameters()
        ]
        buffers = [(id(values), _copy(values)) for values in self._module.buffers()]
        return copy.deepcopy(self._module, dict([*given, *buffers])).eval()

    def to(self, device: torch.device) -> "Template":
        """Return a template with its buffers on a device."""
        return Template(self._module, device)

    @property
    def name(self) -> str:
        """The name of the module's class."""
        return type(self._module).__name__

    def _of_this_thread(self) -> nn.Module:
        if not hasattr(self._own, "module"):
            shared = [*self._module.parameters(), *self._module.buffers()]
            module = copy.deepcopy(self._module, {id(values): values for values in shared}).eval()
            # Other kernels than those of plain operations look at masks, or can't be batched.
            if hasattr(module, "set_attn_implementation"):
                transformer: Any = module
                transformer.set_attn_implementation("eager")
            _fuse_activations(module)
            self._own.module = module
        own: nn.Module = self._own.module
        return own


def refuse_differences(modules: Sequence[nn.Module]) -> None:
    """Raise `ConfigError` if modules couldn't have one template, or a parameter's type differs.

    They may differ in the values of their parameters alone. Whether they compute the same otherwise
    isn't looked at.
    """
    first = modules[0]
    expected = {name: (values.shape, values.dtype) for name, values in first.named_parameters()}
    buffers = dict(first.named_buffers())
    if len({kind for _, kind in expected.values()}) > 1:
        raise ConfigError(
            f"{type(first).__name__}: its parameters are of types "
            f"{sorted({str(kind) for _, kind in expected.values()})}; expected one."
        )
    for number, module in enumerate(modules):
        found = {name: (values.shape, values.dtype) for name, values in module.named_parameters()}
        other = dict(module.named_buffers())
        differing = [name for name in expected | found if expected.get(name) != found.get(name)]
        differing += [
            name
            for name in buffers | other
            if name not in buffers
            or name not in other
            or not torch.equal(buffers[name], other[name])
        ]
        if differing:
            raise ConfigError(
                f"module {number}: its {differing[0]} isn't like that of module 0; expected "
                "modules that differ in the values of their parameters alone."
            )


def _fuse_activations(module: nn.Module) -> None:
    """Have one kernel compute what transformers writes as seven: GELU by its tanh (GPT-2's)."""
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if type(child).__name__ == "NewGELUActivation":
                setattr(parent, name, nn.GELU("tanh"))


def _copy(values: Tensor) -> Tensor:
    return values.detach().cpu().clone()
