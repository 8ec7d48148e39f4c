import threading
from unittest.mock import patch

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_berts import random_batch
from threadpoolctl import threadpool_info, threadpool_limits

from ontogeny.ensemble import NO_LABEL, Batch, Bert, BertStack, machine_code
from ontogeny.ensemble.bert.objective import losses_and_gradients
from ontogeny.ensemble.machine_code.member import loss_and_gradients


def both_ways(stack, batch):
    """Losses and gradients in machine code and in PyTorch."""
    found = losses_and_gradients(stack, batch), stack.flat_gradients.clone()
    stack.flat_gradients.fill_(7)
    return found, (
        losses_and_gradients(stack, batch, in_machine_code=False),
        stack.flat_gradients.clone(),
    )


@settings(max_examples=60)
@given(
    vocabularies=st.lists(st.integers(4, 20), min_size=1, max_size=3),
    layers=st.integers(1, 3),
    width=st.integers(4, 24),
    tokens=st.integers(1, 9),
    targets=st.integers(1, 14),
    sequences=st.integers(1, 9),
    padding_token=st.sampled_from([None, 0, 3]),
    token_types=st.integers(1, 3),
    tokens_at_once=st.sampled_from([1, 20, 10_000]),
    seed=st.integers(0, 2**31),
)
def test_any_case_gives_what_pytorch_gives_in_double_precision(
    vocabularies,
    layers,
    width,
    tokens,
    targets,
    sequences,
    padding_token,
    token_types,
    tokens_at_once,
    seed,
):
    architecture = Bert(
        max(vocabularies) + 2,
        layers=layers,
        width=width,
        feedforward=2 * width + 1,
        positions=tokens + 1,
        token_types=token_types,
        padding_token=padding_token,
        initial_deviation=0.3,
    )
    stack = BertStack.initialise(architecture, range(len(vocabularies)), vocabularies)
    generator = torch.Generator().manual_seed(seed)
    stack.flat += 0.1 * torch.randn(stack.flat.shape, generator=generator)
    # Positions come twice where there are more of them than tokens.
    batch = random_batch(
        len(vocabularies),
        min(vocabularies),
        seed,
        sequences=sequences,
        tokens=tokens,
        targets=targets,
    )
    batch.inputs[:, 0, 0] = max(vocabularies) + 1  # read, though no member can predict it
    assert machine_code.is_possible(stack, batch)
    with patch.object(machine_code, "TOKENS_AT_ONCE", tokens_at_once):
        losses = losses_and_gradients(stack, batch)
    double = BertStack(architecture, stack.flat.double(), vocabularies)
    expected = losses_and_gradients(double, batch)
    torch.testing.assert_close(losses, expected.float(), rtol=1e-5, atol=1e-5)
    difference = (stack.flat_gradients - double.flat_gradients).norm(dim=1)
    # Where rows hardly vary, layer normalisation makes much of the rounding.
    assert (difference <= 2e-3 * double.flat_gradients.norm(dim=1)).all()


@pytest.mark.parametrize("in_machine_code", [True, False])
def test_threads_change_nothing(in_machine_code):
    stack = BertStack.initialise(Bert(50, layers=2, initial_deviation=0.3), range(5))
    batch = random_batch(5, 50, 0, sequences=40)
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            losses = losses_and_gradients(stack, batch, in_machine_code=in_machine_code)
            found.append((losses, stack.flat_gradients.clone()))
    finally:
        torch.set_num_threads(before)
    for losses, gradients in found[1:]:
        # PyTorch takes as many members at once as there are threads, and may round differently.
        close = {"rtol": 0, "atol": 0} if in_machine_code else {"rtol": 1e-4, "atol": 1e-6}
        torch.testing.assert_close(losses, found[0][0], **close)
        torch.testing.assert_close(gradients, found[0][1], **close)
    alone = stack.take([3])
    losses_and_gradients(alone, batch.of(3, 4), in_machine_code=in_machine_code)
    torch.testing.assert_close(alone.flat_gradients[0], found[0][1][3], **close)


def test_machine_code_is_for_a_case_of_its_own():
    one_head, batch = BertStack.initialise(Bert(11, layers=1), [0]), random_batch(1, 11, 0)
    assert machine_code.is_possible(one_head, batch)
    assert not machine_code.is_possible(
        BertStack.initialise(Bert(11, layers=1, heads=2), [0]), batch
    )
    doubled = BertStack(one_head.architecture, one_head.flat.double(), [11])
    assert not machine_code.is_possible(doubled, batch)
    for other in (random_batch(1, 11, 0, shared=False), random_batch(1, 11, 0, padded=True)):
        assert not machine_code.is_possible(one_head, other)


def test_one_members_fate_is_its_own_in_machine_code_too():
    stack = BertStack.initialise(Bert(11, layers=2, width=8, feedforward=12), range(4))
    batch = random_batch(4, 11, 0)
    stack.parameters["bert.encoder.layer.0.attention.self.query.weight"][1, 0, 0] = torch.nan
    stack.parameters["bert.encoder.layer.1.output.dense.weight"][2] = torch.inf
    batch.labels[3] = NO_LABEL
    (losses, gradients), expected = both_ways(stack, batch)
    assert losses.isfinite().tolist() == [True, False, False, False]
    assert expected[0].isfinite().tolist() == [True, False, False, False]
    torch.testing.assert_close(losses[0], expected[0][0])
    torch.testing.assert_close(gradients[0], expected[1][0], rtol=1e-4, atol=1e-6)
    assert gradients[3].isnan().all()


@pytest.mark.parametrize(
    ("what", "number", "last"),
    [
        *[("inputs", 11, 10), ("inputs", -1, 10), ("positions", 7, 6), ("positions", -1, 6)],
        *[("labels", 9, 8), ("labels", -1, 8)],
    ],
)
def test_what_is_not_there_is_refused(what, number, last):
    stack = BertStack.initialise(Bert(11, layers=1), [0, 1], [11, 9])
    good = random_batch(2, 9, 0)
    changed = {name: getattr(good, name).clone() for name in ("inputs", "positions", "labels")}
    changed[what][-1] = last
    losses_and_gradients(stack, Batch(**changed))
    changed[what][-1] = number
    member = 0 if what == "positions" else 1
    with pytest.raises(IndexError, match=f"member {member}: its {what} go from .*below {last + 1}"):
        losses_and_gradients(stack, Batch(**changed))


def test_other_integers_and_arrays_that_are_not_in_order_give_the_same():
    stack = BertStack.initialise(Bert(11, layers=1), [0, 1])
    batch = random_batch(2, 11, 0)
    expected = losses_and_gradients(stack, batch)
    before = len(loss_and_gradients.signatures)
    other = Batch(
        batch.inputs.int().mT.contiguous().mT, batch.positions.short(), batch.labels.int()
    )
    assert torch.equal(losses_and_gradients(stack, other), expected)
    assert len(loss_and_gradients.signatures) == before
    columns = BertStack(stack.architecture, stack.flat.mT.contiguous().mT, [11, 11])
    torch.testing.assert_close(losses_and_gradients(columns, batch), expected)


def test_blas_has_one_thread_inside_and_as_many_as_before_outside(monkeypatch):
    stack = BertStack.initialise(Bert(11, layers=1), [0, 1, 2, 3])
    batch = random_batch(4, 11, 0)

    def blas():
        return {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"}

    inside = []

    def note(*arguments):
        inside.append(blas())
        return loss_and_gradients(*arguments)

    monkeypatch.setattr(machine_code, "loss_and_gradients", note)
    before = torch.get_num_threads()
    with threadpool_limits(2, user_api="blas"):
        torch.set_num_threads(2)
        try:
            losses_and_gradients(stack, batch)
        finally:
            torch.set_num_threads(before)
        assert inside == [{1}] * 4
        assert blas() == {2}
        callers = [
            threading.Thread(target=losses_and_gradients, args=(stack.take([number]), one))
            for number, one in enumerate(batch.of(member, member + 1) for member in range(4))
        ]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        assert len(inside) == 8
        assert blas() == {2}
