import pytest
import torch

from ontogeny.ensemble import SGD, AdamW, Bert, BertStack, decay_matrices_only

ARCHITECTURE = Bert(7, layers=1, width=4, feedforward=6)
# Ours, PyTorch's, and settings that both have.
KINDS = {
    "AdamW": (AdamW, torch.optim.AdamW, {"betas": (0.8, 0.99)}),
    "SGD": (SGD, torch.optim.SGD, {}),
    "SGD with momentum": (SGD, torch.optim.SGD, {"momentum": 0.9}),
}
of_each_kind = pytest.mark.parametrize("kind", KINDS)


def planted(members, seed):
    """A stack, and for each update gradients of very different sizes."""
    stack = BertStack.initialise(ARCHITECTURE, range(members))
    generator = torch.Generator().manual_seed(seed)
    shape = 12, *stack.flat.shape
    sizes = 10.0 ** torch.randint(-4, 3, shape, generator=generator)
    return stack, torch.randn(shape, generator=generator) * sizes


@pytest.mark.parametrize("clip", [None, 3.0])
@pytest.mark.parametrize("decays", [None, decay_matrices_only])
@pytest.mark.parametrize("rates", [(1e-2, 1e-2, 1e-2), (1e-2, 1e-3, 1e-2)])
@of_each_kind
def test_each_member_is_updated_as_by_torch(kind, rates, decays, clip):
    ours, theirs, settings = KINDS[kind]
    stack, gradients = planted(3, 0)
    settings = {"weight_decay": 0.3, **settings}
    kinds = {"decays": decays} if decays else {}
    optimiser = ours(stack, max_gradient_norm=clip, **settings, **kinds)
    start = stack.flat.clone()
    for step, gradient in enumerate(gradients):
        stack.flat_gradients.copy_(gradient)
        optimiser.step(stack, [rate / (1 + step) for rate in rates])
    assert optimiser.updates.tolist() == [12, 12, 12]
    for member, rate in enumerate(rates):
        values = {
            name: torch.nn.Parameter(value[member].clone())
            for name, value in stack.named(start).items()
        }
        groups = [
            {"params": [value], "weight_decay": 0.3 if decays is None or value.ndim > 1 else 0.0}
            for value in values.values()
        ]
        expected = theirs(groups, lr=rate, foreach=False, **settings)
        for step, gradient in enumerate(gradients):
            for name, value in stack.named(gradient).items():
                values[name].grad = value[member].clone()
            if clip is not None:
                torch.nn.utils.clip_grad_norm_(values.values(), clip)
            for group in expected.param_groups:
                group["lr"] = rate / (1 + step)
            expected.step()
        for name, value in values.items():
            torch.testing.assert_close(
                stack.parameters[name][member], value.detach(), rtol=1e-5, atol=1e-6
            )


def test_matrices_decay_and_vectors_do_not():
    stack, _ = planted(1, 0)
    stack.flat.fill_(1)
    AdamW(stack, weight_decay=0.5, decays=decay_matrices_only).step(stack, [0.1])
    for name, values in stack.parameters.items():
        matrix = values[0].ndim == 2
        assert torch.allclose(values, torch.tensor(0.95 if matrix else 1.0)), name


@of_each_kind
def test_some_members_go_on_as_they_would_have(kind):
    ours, _, settings = KINDS[kind]
    stack, gradients = planted(4, 1)
    optimiser = ours(stack, max_gradient_norm=1.0, **settings)
    for gradient in gradients[:5]:
        stack.flat_gradients.copy_(gradient)
        optimiser.step(stack, [1e-2] * 4)
    some, theirs = stack.take([3, 1]), optimiser.take([3, 1])
    for gradient in gradients[5:]:
        stack.flat_gradients.copy_(gradient)
        some.flat_gradients.copy_(gradient[[3, 1]])
        optimiser.step(stack, [1e-2] * 4)
        theirs.step(some, [1e-2] * 2)
    assert torch.equal(some.flat, stack.flat[[3, 1]])
    assert theirs.moments.keys() == optimiser.moments.keys()
    for name, moment in optimiser.moments.items():
        assert torch.equal(theirs.moments[name], moment[[3, 1]])
    assert theirs.updates.tolist() == [12, 12]


@of_each_kind
def test_a_member_whose_gradient_is_no_number_leaves_the_others_alone(kind):
    ours, _, settings = KINDS[kind]
    results = []
    for spoilt in (True, False):
        stack, gradients = planted(3, 2)
        stack.flat_gradients.copy_(gradients[0])
        if spoilt:
            stack.flat_gradients[1, 5] = torch.nan
        ours(stack, max_gradient_norm=1.0, **settings).step(stack, [1e-2] * 3)
        results.append(stack.flat[[0, 2]])
    assert results[0].isfinite().all()
    assert torch.equal(*results)


def test_what_is_forgotten_has_no_moments():
    stack, gradients = planted(2, 3)
    optimiser = AdamW(stack)
    stack.flat_gradients.copy_(gradients[0])
    optimiser.step(stack, [1e-2] * 2)
    before = {name: moment.clone() for name, moment in optimiser.moments.items()}
    chosen, bias = "bert.embeddings.word_embeddings.weight", "cls.predictions.bias"
    optimiser.forget(stack, chosen, 1, torch.tensor([2, 4]))
    optimiser.forget(stack, bias, 0)
    for name, moment in optimiser.moments.items():
        expected = stack.named(before[name])
        expected[chosen][1, [2, 4]] = 0
        expected[bias][0] = 0
        assert torch.equal(moment, before[name])
        assert (moment == 0).sum() == 2 * 4 + 7
