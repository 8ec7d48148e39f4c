import math
import threading
from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from small_berts import random_batch
from threadpoolctl import threadpool_info, threadpool_limits

from ontogeny.ensemble import NO_LABEL, Batch, Bert, BertStack, machine_code, random_stream
from ontogeny.ensemble.bert import objective
from ontogeny.ensemble.bert.objective import losses_and_gradients
from ontogeny.ensemble.machine_code.dropout import draw
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


class Given:
    """Dropout by masks (members, entries) that lie one after the other."""

    def __init__(self, share, masks):
        self.share, self.masks, self.place = share, masks, 0

    def mask(self, *shape):
        size = math.prod(shape)
        found = self.masks[:, self.place : self.place + size].reshape(-1, *shape).contiguous()
        self.place += size
        return found


@settings(max_examples=40)
@given(
    layers=st.integers(1, 3),
    width=st.integers(4, 24),
    tokens=st.integers(1, 9),
    targets=st.integers(1, 12),
    sequences=st.integers(1, 9),
    share=st.sampled_from([0.1, 0.5, 0.9]),
    tokens_at_once=st.sampled_from([1, 20, 10_000]),
    seed=st.integers(0, 2**31),
)
def test_what_is_dropped_by_the_same_masks_gives_what_pytorch_gives(
    layers, width, tokens, targets, sequences, share, tokens_at_once, seed
):
    architecture = Bert(
        20,
        layers=layers,
        width=width,
        feedforward=2 * width + 1,
        positions=tokens,
        dropout=share,
        initial_deviation=0.3,
    )
    stack = BertStack.initialise(architecture, [0, 1])
    generator = torch.Generator().manual_seed(seed)
    stack.flat += 0.1 * torch.randn(stack.flat.shape, generator=generator)
    batch = random_batch(2, 20, seed, sequences=sequences, tokens=tokens, targets=targets)
    streams = [random_stream(seed + member, "dropout") for member in range(2)]
    drawn = []

    def noted(key, share, masks):
        draw(key, share, masks)
        drawn.append(torch.from_numpy(masks.copy()))

    before = torch.get_num_threads()
    torch.set_num_threads(1)  # so that members come in order
    try:
        with (
            patch.object(machine_code, "TOKENS_AT_ONCE", tokens_at_once),
            patch.object(machine_code, "draw", noted),
        ):
            losses = losses_and_gradients(stack, batch, streams)
    finally:
        torch.set_num_threads(before)
    double = BertStack(architecture, stack.flat.double(), [20, 20])
    given_masks = Given(share, torch.stack(drawn).double())
    with patch.object(objective, "Dropout", lambda *_: given_masks):
        expected = losses_and_gradients(double, batch, streams, members_at_once=2)
    assert given_masks.place == given_masks.masks.shape[1]  # all of them, and no more
    torch.testing.assert_close(losses, expected.float(), rtol=1e-5, atol=1e-5)
    difference = (stack.flat_gradients - double.flat_gradients).norm(dim=1)
    assert (difference <= 2e-3 * double.flat_gradients.norm(dim=1)).all()


def test_masks_are_fair_independent_and_a_members_own():
    masks = np.empty(400_001, np.float32)
    draw(np.uint64(12345), 0.1, masks)
    assert set(np.unique(masks)) == {np.float32(0), np.float32(1 / 0.9)}
    dropped = masks == 0
    assert binomtest(int(dropped.sum()), len(dropped), 0.1).pvalue > 1e-3
    for distance in (1, 2, 64, 128, 448):
        both = dropped[distance:] & dropped[:-distance]
        assert binomtest(int(both.sum()), len(both), 0.01).pvalue > 1e-3
    again, other = np.empty_like(masks), np.empty_like(masks)
    draw(np.uint64(12345), 0.1, again)
    draw(np.uint64(12346), 0.1, other)
    assert (again == masks).all()
    both = (other == 0) & dropped
    assert binomtest(int(both.sum()), len(both), 0.01).pvalue > 1e-3

    stack = BertStack.initialise(Bert(11, layers=2, dropout=0.3, initial_deviation=0.3), [0, 1, 2])
    batch = random_batch(3, 11, 0)
    together = losses_and_gradients(stack, batch, [random_stream(n, "drop") for n in range(3)])
    gradients = stack.flat_gradients.clone()
    alone = stack.take([1])
    found = losses_and_gradients(alone, batch.of(1, 2), [random_stream(1, "drop")])
    assert torch.equal(found, together[1:2])
    assert torch.equal(alone.flat_gradients[0], gradients[1])
    stream = random_stream(1, "drop")
    losses_and_gradients(alone, batch.of(1, 2), [stream])
    assert not torch.equal(losses_and_gradients(alone, batch.of(1, 2), [stream]), found)


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
