import pytest
import torch

from ontogeny.ensemble import AdamW, Bert, Stack, decay_matrices_only

ARCHITECTURE = Bert(7, layers=1, width=4, feedforward=6)


def planted(members, seed):
    """A stack, and for each update gradients of very different sizes."""
    stack = Stack.initialise(ARCHITECTURE, range(members))
    generator = torch.Generator().manual_seed(seed)
    shape = 12, *stack.flat.shape
    sizes = 10.0 ** torch.randint(-4, 3, shape, generator=generator)
    return stack, torch.randn(shape, generator=generator) * sizes


@pytest.mark.parametrize("clip", [None, 3.0])
@pytest.mark.parametrize("decays", [None, decay_matrices_only])
@pytest.mark.parametrize("rates", [(1e-2, 1e-2, 1e-2), (1e-2, 1e-3, 1e-2)])
def test_each_member_is_updated_as_by_torch(rates, decays, clip):
    stack, gradients = planted(3, 0)
    settings = {"betas": (0.8, 0.99), "weight_decay": 0.3}
    kinds = {"decays": decays} if decays else {}
    optimiser = AdamW(stack, epsilon=1e-6, max_gradient_norm=clip, **settings, **kinds)
    start = stack.flat.clone()
    for gradient in gradients:
        stack.flat_gradients.copy_(gradient)
        optimiser.step(stack, rates)
    assert optimiser.updates.tolist() == [12, 12, 12]
    for member, rate in enumerate(rates):
        values = {
            name: torch.nn.Parameter(value[member].clone())
            for name, value in stack.named(start).items()
        }
        groups = [
            {"params": [value], "weight_decay": 0.3 if decays is None or decays(name) else 0.0}
            for name, value in values.items()
        ]
        theirs = torch.optim.AdamW(groups, lr=rate, eps=1e-6, foreach=False, **settings)
        for gradient in gradients:
            for name, value in stack.named(gradient).items():
                values[name].grad = value[member].clone()
            if clip is not None:
                torch.nn.utils.clip_grad_norm_(values.values(), clip)
            theirs.step()
        for name, value in values.items():
            torch.testing.assert_close(
                stack.parameters[name][member], value.detach(), rtol=1e-5, atol=1e-6
            )


def test_what_decays_is_a_matter_of_names():
    stack, _ = planted(1, 0)
    stack.flat.fill_(1)
    AdamW(stack, weight_decay=0.5, decays=decay_matrices_only).step(stack, [0.1])
    for name, values in stack.parameters.items():
        matrix = values[0].ndim == 2
        assert torch.allclose(values, torch.tensor(0.95 if matrix else 1.0)), name


def test_some_members_go_on_as_they_would_have():
    stack, gradients = planted(4, 1)
    optimiser = AdamW(stack, max_gradient_norm=1.0)
    for gradient in gradients[:5]:
        stack.flat_gradients.copy_(gradient)
        optimiser.step(stack, [1e-2] * 4)
    some = stack.take([3, 1])
    theirs = optimiser.take([3, 1], some)
    for gradient in gradients[5:]:
        stack.flat_gradients.copy_(gradient)
        some.flat_gradients.copy_(gradient[[3, 1]])
        optimiser.step(stack, [1e-2] * 4)
        theirs.step(some, [1e-2] * 2)
    assert torch.equal(some.flat, stack.flat[[3, 1]])
    assert torch.equal(theirs.second_moment, optimiser.second_moment[[3, 1]])
    assert theirs.updates.tolist() == [12, 12]
