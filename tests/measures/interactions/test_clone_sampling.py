import gc
from itertools import permutations, product

import numpy as np
import pytest
import torch

from ontogeny.corpora.hamiltonian import draw_hamiltonian
from ontogeny.errors import CheckpointError, ConfigError
from ontogeny.measures.interactions.conditionals import (
    FactoredConditionals,
    MaskedConditionals,
    conditionals_of,
)
from ontogeny.measures.interactions.sampling import Chains, Scheme, propose, run_chains, summed
from ontogeny.runs.architectures import configure, initialise

TYPES, MASK = 6, 5
ALLOWED = torch.tensor([True] * 5 + [False])


def model_of(layers, architecture="factored", positions=5, seed=0):
    sizes = {"layers": layers, "heads": 2, "width": 8, "initial_deviation": 0.3}
    config = configure(architecture, TYPES, positions=positions, pad_token_id=0, **sizes)
    return initialise(config, seed).eval()


def chains_of(count, length=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    everywhere = torch.ones(count, length, dtype=torch.bool)
    tokens = torch.randint(1, MASK, (count, length), generator=generator)
    return Chains(tokens, everywhere, everywhere)


def frequencies(tokens, symbols):
    codes = tokens.numpy() @ (symbols ** np.arange(tokens.shape[1])[::-1])
    return np.bincount(codes, minlength=symbols ** tokens.shape[1]) / len(tokens)


class ExactConditionals:
    """The conditionals of a Hamiltonian."""

    def __init__(self, hamiltonian):
        self.hamiltonian = hamiltonian

    def begin(self, tokens, attended):
        self.tokens = tokens.clone()

    def at(self, site):
        return torch.from_numpy(self.hamiltonian.log_conditional(self.tokens.numpy(), site)).float()

    def move(self, site, tokens):
        self.tokens[:, site] = tokens


@pytest.mark.slow
@pytest.mark.parametrize(
    ("proposals", "order"),
    [("conditional", "random"), ("conditional", "sequential"), ("uniform", "random")],
)
def test_chains_settle_in_the_distribution_of_exact_enumeration(proposals, order):
    """Total variation below 0.02 with 50,000 chains on 81 states; by luck it is some 0.009."""
    couplings = [
        {"order": 2, "count": 3, "strength": 0.5},
        {"order": 3, "count": 2, "strength": 0.6},
    ]
    hamiltonian = draw_hamiltonian(4, 3, couplings, 2)
    everywhere = torch.ones(50_000, 4, dtype=torch.bool)
    chains = Chains(torch.zeros(50_000, 4, dtype=torch.int64), everywhere, everywhere)
    found = run_chains(
        ExactConditionals(hamiltonian), chains, torch.ones(3, dtype=torch.bool), 40,
        scheme=Scheme(proposals, order), seed=0,
    )  # fmt: skip
    assert np.abs(frequencies(found.tokens, 3) - hamiltonian.states()[1]).sum() / 2 < 0.02


@pytest.mark.slow
def test_a_model_of_symmetric_couplings_is_sampled_as_its_joint_distribution():
    """One layer with A symmetric and U symmetric has an energy, which can be enumerated."""
    config = configure("factored", TYPES, positions=4, layers=1, heads=1, width=6)
    model = initialise(config, 0).eval()
    generator = torch.Generator().manual_seed(1)
    draw = torch.randn(4, 4, generator=generator), torch.randn(6, 6, generator=generator)
    positions, symbols = ((values + values.T) / 3 for values in draw)
    with torch.no_grad():
        layer = model.factored.layers[0]
        layer.weights[0] = positions
        for matrix in (model.factored.embedding.weight, layer.value.weight, layer.output.weight):
            matrix.copy_(torch.eye(6))
        model.output.weight.copy_(symbols)
    states = torch.tensor(list(product(range(5), repeat=4)))
    energies = torch.zeros(len(states))
    for one in range(4):
        for other in range(one):
            energies -= positions[one, other] * symbols[states[:, one], states[:, other]]
    exact = torch.softmax(-energies, 0).numpy()
    everywhere = torch.ones(200_000, 4, dtype=torch.bool)
    chains = Chains(torch.zeros(200_000, 4, dtype=torch.int64), everywhere, everywhere)
    found = run_chains(conditionals_of(model, MASK), chains, ALLOWED, 15, scheme=Scheme(), seed=0)
    assert np.abs(frequencies(found.tokens, 5) - exact).sum() / 2 < 0.03  # by luck some 0.018


@pytest.mark.parametrize("proposals", ["conditional", "uniform"])
def test_flows_there_and_back_are_the_same(proposals):
    """Detailed balance of one update, from the conditional's own distribution."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.tensor([0.3, -1.0, 1.2, -torch.inf])
    now = torch.multinomial(
        torch.softmax(logits, 0), 400_000, replacement=True, generator=generator
    )
    allowed = torch.tensor([True, True, True, False])
    target = logits.expand(len(now), 4)
    target = summed(target)[1] if proposals == "conditional" else target
    proposed, accept = propose(target, now, proposals, allowed, generator)
    after = torch.where(accept, proposed, now)
    for one, other in permutations(range(3), 2):
        there = int(((now == one) & (after == other)).sum())
        back = int(((now == other) & (after == one)).sum())
        assert there > 1000
        assert abs(there - back) < 5 * (there + back) ** 0.5
    assert (after < 3).all()
    if proposals == "conditional":
        assert accept.all()


class FixedConditionals:
    """The same conditional everywhere."""

    def __init__(self, logits):
        self.logits = logits

    def begin(self, tokens, attended):
        self.count = len(tokens)

    def at(self, site):
        return self.logits.repeat(self.count, 1)

    def move(self, site, tokens):
        pass


@pytest.mark.parametrize("proposals", ["conditional", "uniform"])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_a_temperature_takes_conditionals_to_its_inverse_power(proposals, temperature):
    """Total variation below 0.01 with 50,000 chains on 4 tokens; by luck it is some 0.003."""
    logits = torch.tensor([0.3, -1.0, 1.2, 0.0])
    everywhere = torch.ones(50_000, 1, dtype=torch.bool)
    chains = Chains(torch.zeros(50_000, 1, dtype=torch.int64), everywhere, everywhere)
    found = run_chains(
        FixedConditionals(logits), chains, torch.ones(4, dtype=torch.bool), 25,
        scheme=Scheme(proposals, temperature=temperature), seed=0,
    )  # fmt: skip
    expected = torch.softmax(logits / temperature, 0).numpy()
    assert np.abs(frequencies(found.tokens, 4) - expected).sum() / 2 < 0.01


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
@torch.no_grad()
def test_sums_that_are_kept_give_what_the_model_gives(layers):
    """Whatever has moved before, and where sequences end."""
    model, chains = model_of(layers), chains_of(7)
    attended = chains.attended.clone()
    attended[3, 4:] = False
    slow, fast = MaskedConditionals(model, MASK), conditionals_of(model, MASK)
    assert isinstance(fast, FactoredConditionals)
    for conditionals in (slow, fast):
        conditionals.begin(chains.tokens, attended)
    generator = torch.Generator().manual_seed(1)
    for site in (0, 2, 1, 3, 0, 4, 2):
        expected = slow.at(site)
        there = attended[:, site]
        torch.testing.assert_close(fast.at(site)[there], expected[there], rtol=1e-4, atol=1e-5)
        moved = torch.randint(MASK, (7,), generator=generator)
        for conditionals in (slow, fast):
            conditionals.move(site, moved)


@pytest.mark.parametrize("layers", [1, 3])
@torch.no_grad()
def test_conditionals_are_the_models_normalised_by_brute_force(layers):
    """exp of the logits with the mask there, over the sum of all, as a loop over tokens has it."""
    model, chains = model_of(layers), chains_of(3)
    fast = conditionals_of(model, MASK)
    fast.begin(chains.tokens, chains.attended)
    found = torch.softmax(fast.at(2), 1)
    for row, tokens in enumerate(chains.tokens):
        hidden = tokens.clone()
        hidden[2] = MASK
        weights = [float(model(hidden[None]).logits[0, 2, token].exp()) for token in range(TYPES)]
        expected = torch.tensor([weight / sum(weights) for weight in weights])
        torch.testing.assert_close(found[row], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("architecture", ["factored", "bert"])
def test_what_isnt_free_stays_and_what_isnt_allowed_never_comes(architecture):
    chains = chains_of(40)
    free = chains.free.clone()
    free[:, 1] = False
    free[::2, 3] = False
    chains = Chains(chains.tokens, chains.attended, free)
    allowed = torch.tensor([False, True, True, True, False, False])
    conditionals = conditionals_of(model_of(2, architecture), MASK)
    found = run_chains(conditionals, chains, allowed, 3, scheme=Scheme(), seed=0)
    assert torch.equal(found.tokens[~free], chains.tokens[~free])
    assert allowed[found.tokens[free]].all()
    assert [record["acceptance"] for record in found.records[1:]] == [1.0] * 3
    assert found.records[0]["overlap"] == 1.0


@torch.no_grad()
def test_the_first_score_is_the_pseudo_log_likelihood_of_a_token():
    model, chains = model_of(2), chains_of(6)
    found = run_chains(conditionals_of(model, MASK), chains, ALLOWED, 0, scheme=Scheme(), seed=0)
    total = 0.0
    for row in chains.tokens:
        for site in range(5):
            hidden = row.clone()
            hidden[site] = MASK
            logits = model(hidden[None]).logits[0, site, :5]
            total += float(torch.log_softmax(logits, 0)[row[site]])
    assert found.records[0]["score"] == pytest.approx(total / 30, rel=1e-4)


@pytest.mark.parametrize("layers", [1, 2])
def test_chains_that_were_stopped_go_on_to_the_byte(tmp_path, layers):
    conditionals = conditionals_of(model_of(layers), MASK)
    common = {"scheme": Scheme("uniform"), "seed": 3, "keep": [2, 5]}
    whole = run_chains(conditionals, chains_of(20), ALLOWED, 6, **common)
    state = tmp_path / "state.safetensors"

    class Stopped(Exception):
        pass

    def stop(progress):
        if progress.sweeps == 3:
            raise Stopped

    with pytest.raises(Stopped):
        run_chains(conditionals, chains_of(20), ALLOWED, 6, **common, state=state, callback=stop)
    seen = []
    resumed = run_chains(
        conditionals, chains_of(20), ALLOWED, 6, **common, state=state,
        callback=lambda progress: seen.append(progress.sweeps),
    )  # fmt: skip
    assert seen == [3, 4, 5, 6]
    assert torch.equal(resumed.tokens, whole.tokens)
    assert list(resumed.kept) == list(whole.kept) == [2, 5]
    assert all(torch.equal(resumed.kept[sweeps], whole.kept[sweeps]) for sweeps in (2, 5))
    assert str(resumed.records) == str(whole.records)
    with pytest.raises(CheckpointError, match="other chains"):
        run_chains(conditionals, chains_of(20, seed=1), ALLOWED, 6, **common, state=state)
    with pytest.raises(CheckpointError, match="other chains"):
        run_chains(conditionals, chains_of(20), ALLOWED, 6, **common | {"keep": [3]}, state=state)


def test_what_is_kept_are_the_tokens_after_so_many_sweeps():
    conditionals, common = conditionals_of(model_of(2), MASK), {"scheme": Scheme(), "seed": 3}
    found = run_chains(conditionals, chains_of(20), ALLOWED, 5, keep=[2], **common)
    shorter = run_chains(conditionals, chains_of(20), ALLOWED, 2, **common)
    assert torch.equal(found.kept[2], shorter.tokens)
    assert not torch.equal(found.kept[2], found.tokens)


@pytest.mark.slow
@pytest.mark.parametrize("layers", [1, 3])
def test_memory_doesnt_grow_with_the_number_of_sweeps(layers):
    """Bytes of all tensors that there are after each sweep, but for those of tests before."""
    sizes = []

    def tensors():
        return [found for found in gc.get_objects() if type(found) is torch.Tensor]

    held = tensors()  # kept, so that none of their identities is given to a new one
    others = {id(found) for found in held}

    def look(progress):
        new = [found for found in tensors() if id(found) not in others]
        sizes.append(sum({t.data_ptr(): t.untyped_storage().nbytes() for t in new}.values()))

    run_chains(
        conditionals_of(model_of(layers), MASK), chains_of(50), ALLOWED, 12,
        scheme=Scheme(), seed=0, keep=[10], callback=look,
    )  # fmt: skip
    assert len(set(sizes[2:10])) == 1
    assert set(sizes[10:]) == {sizes[2] + 50 * 5 * 8}  # what is kept is seen


@pytest.mark.parametrize(
    ("scheme", "message"),
    [
        ({"temperature": 0.0}, "expected a number above 0"),
        ({"proposals": "gibbs"}, "proposals"),
        ({"order": "backwards"}, "order"),
    ],
)
def test_schemes_that_arent_there_are_refused(scheme, message):
    with pytest.raises(ConfigError, match=message):
        Scheme(**scheme)
