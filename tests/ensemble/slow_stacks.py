"""What a stack of models computes, one model after another."""

import torch

from ontogeny.ensemble import ModuleStack


def assert_is_a_loop_over_models(models, loss, batch):
    """Hold a stack's losses and gradients against each model's own.

    `batch` is a tensor, or tensors by name, each with a first dimension of models.
    """
    stack = ModuleStack.of(models, loss)
    found = stack.losses_and_gradients(batch)
    for member, model in enumerate(models):
        if isinstance(batch, torch.Tensor):
            own = batch[member]
        else:
            own = {name: values[member] for name, values in batch.items()}
        value = loss(model, own)
        value.backward()
        torch.testing.assert_close(found[member], value.detach())
        for name, parameter in model.named_parameters():
            torch.testing.assert_close(
                stack.gradients[name][member], parameter.grad, rtol=1e-3, atol=1e-5
            )
