"""Sequences from an energy of few interactions of known orders (Rende et al. 2024, figure 2).

p(s) is proportional to exp(-E(s)), with E(s) = - sum over interactions t of J_t prod_{i in t}
f(s_i). The interactions are sparse, few sets of sites t, and factorised: f gives each symbol a
sign, which is all of it that interacts. So an interaction has one coupling J_t instead of
symbols^order, and samples in the tens of thousands determine them. Nothing is lost by it: a
function of signs is a sum of such products, so couplings of all sets of at most r sites make every
model of order r that there is.

(The publication's Hamiltonian has four-body interactions on 20 sites of 10 symbols; which ones it
doesn't say.)
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, product
from math import comb

import numpy as np

from ontogeny.errors import ConfigError

ORDERS = (2, 3, 4)
# Sweeps in which the autocorrelation of the energy is measured, and the bound on it.
PILOT, LONGEST_MEMORY = 200, 20.0
BURN_IN = 20  # autocorrelation times before the first sample
APART = 2  # autocorrelation times between two samples of a chain
CHAINS = 1000
# Sets of sites up to which all are fitted: 200 couplings a site cost some 0.004 nats of overfitting
# with 25,600 samples.
DENSE = 300


@dataclass(frozen=True)
class Hamiltonian:
    """An energy of sequences: `interactions` are sets of sites (from 0), each with its coupling."""

    length: int
    symbols: int
    interactions: tuple[tuple[int, ...], ...]
    couplings: tuple[float, ...]

    @cached_property
    def signs(self) -> np.ndarray:
        """The sign of each symbol, (symbols,): of the first half 1, of the others -1."""
        return np.where(np.arange(self.symbols) < (self.symbols + 1) // 2, 1.0, -1.0)

    @cached_property
    def at_site(self) -> list[list[tuple[float, list[int]]]]:
        """For each site its interactions, each as coupling and the other sites."""
        return [
            [
                (coupling, [other for other in sites if other != site])
                for sites, coupling in zip(self.interactions, self.couplings, strict=True)
                if site in sites
            ]
            for site in range(self.length)
        ]

    def energy(self, sequences: np.ndarray) -> np.ndarray:
        """Return the energy of sequences of symbols, (..., length); the result is (...)."""
        signs = self.signs[sequences]
        energy = np.zeros(sequences.shape[:-1])
        for sites, coupling in zip(self.interactions, self.couplings, strict=True):
            energy -= coupling * signs[..., list(sites)].prod(axis=-1)
        return energy

    def field(self, signs: np.ndarray, site: int) -> np.ndarray:
        """Return what favours a positive sign at a site, by the others, (..., length): (...)."""
        field = np.zeros(signs.shape[:-1])
        for coupling, others in self.at_site[site]:
            field += coupling * signs[..., others].prod(axis=-1)
        return field

    def log_conditional(self, sequences: np.ndarray, site: int) -> np.ndarray:
        """Return log p of each symbol at a site, given all others: (..., symbols), exactly."""
        field = self.field(self.signs[sequences], site)
        logits = field[..., None] * self.signs
        return logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)

    def states(self) -> tuple[np.ndarray, np.ndarray]:
        """Return all sequences, (symbols^length, length), and their probabilities."""
        states = np.array(list(product(range(self.symbols), repeat=self.length)))
        weights = -self.energy(states)
        weights = np.exp(weights - weights.max())
        return states, weights / weights.sum()


def draw_hamiltonian(
    length: int, symbols: int, couplings: Sequence[Mapping[str, float]], seed: int
) -> Hamiltonian:
    """Draw interactions: of each `order` `count`, with couplings of size `strength`.

    Their signs are random.
    Those of the highest order are spread evenly: sites in a random order are cut into sets, again
    and again. Each of a lower order is among the sites of one of those, so that the orders build on
    each other. Raises `ConfigError` if an order is above the length or not among `ORDERS`, if there
    are fewer than two symbols, or no sets of an order are left.
    """
    if symbols < 2:
        raise ConfigError(f"symbols: is {symbols}; expected at least 2.")
    if not couplings:
        raise ConfigError("couplings: there are none; expected at least one order.")
    numbers = {int(entry["order"]): entry for entry in couplings}
    if len(numbers) < len(couplings):
        raise ConfigError("couplings: an order comes twice; expected each once.")
    for order in numbers:
        if order not in ORDERS:
            raise ConfigError(f"couplings: order {order}; expected some of {ORDERS}.")
        if order > length:
            raise ConfigError(
                f"couplings: order {order} is above the length, {length}; an interaction has at "
                "most as many sites as a sequence."
            )
    generator = np.random.default_rng([seed, 0])
    highest = max(numbers)
    chosen: dict[tuple[int, ...], float] = {}
    largest: list[tuple[int, ...]] = []
    for order in sorted(numbers, reverse=True):
        count, strength = int(numbers[order]["count"]), float(numbers[order]["strength"])
        places = _spread(length, order, generator) if order == highest else None
        tries = 0
        while count:
            if places is not None:
                sites = next(places)
                largest.append(sites)
            else:
                within = largest[tries % len(largest)]
                sites = tuple(sorted(generator.choice(within, order, replace=False).tolist()))
            tries += 1
            if tries > 10_000:
                raise ConfigError(
                    f"couplings: {count} more interactions of order {order} than there are sets of "
                    "sites; lower its count."
                )
            if sites not in chosen:
                chosen[sites] = strength * float(generator.choice([-1.0, 1.0]))
                count -= 1
    return Hamiltonian(length, symbols, tuple(chosen), tuple(chosen.values()))


def _spread(length: int, order: int, generator: np.random.Generator) -> Iterator[tuple[int, ...]]:
    while True:
        sites = generator.permutation(length)
        for start in range(0, length - order + 1, order):
            yield tuple(sorted(sites[start : start + order].tolist()))


def subsets(hamiltonian: Hamiltonian, order: int, most: int = DENSE) -> list[tuple[int, ...]]:
    """Return the sets of sites by which models of an order are fitted to a Hamiltonian's samples.

    All sets of at most `order` sites, if they are no more than `most`. Else those that lie within
    an interaction, and all sites and pairs: the Hamiltonian's own and what these bring about first.
    """
    everywhere = range(hamiltonian.length)
    if sum(comb(hamiltonian.length, size) for size in range(1, order + 1)) <= most:
        found = {s for size in range(1, order + 1) for s in combinations(everywhere, size)}
    else:
        found = {s for size in range(1, min(order, 2) + 1) for s in combinations(everywhere, size)}
        found |= {
            subset
            for sites in hamiltonian.interactions
            for size in range(1, min(order, len(sites)) + 1)
            for subset in combinations(sites, size)
        }
    return sorted(found, key=lambda sites: (len(sites), sites))


def sweep(
    hamiltonian: Hamiltonian,
    sequences: np.ndarray,
    generator: np.random.Generator,
    temperature: float = 1.0,
) -> int:
    """Try to change each site of each chain once, in place; return how many changes were accepted.

    `sequences` are (chains, length), each a chain of its own. Sites are taken in a random order,
    the same for all chains; a symbol is proposed uniformly, and accepted by Metropolis' rule.
    Raises `ConfigError` if the temperature isn't above 0.
    """
    if not temperature > 0:
        raise ConfigError(f"temperature: is {temperature}; expected a number above 0.")
    signs, accepted = hamiltonian.signs[sequences], 0
    for site in generator.permutation(hamiltonian.length):
        proposed = generator.integers(hamiltonian.symbols, size=len(sequences))
        new = hamiltonian.signs[proposed]
        gain = hamiltonian.field(signs, site) * (new - signs[:, site]) / temperature
        accept = np.log(generator.random(len(sequences))) < gain
        sequences[accept, site] = proposed[accept]
        signs[accept, site] = new[accept]
        accepted += int(accept.sum())
    return accepted


def autocorrelation_time(energies: np.ndarray) -> float:
    """Return the integrated autocorrelation time of chains' energies, (sweeps, chains), in sweeps.

    1 + 2 sum of autocorrelations, those of all chains together, up to the first that isn't above 0
    (Geyer 1992, "Practical Markov chain Monte Carlo", section 3.3, in its simplest form).
    """
    centred = energies - energies.mean()
    variance = (centred**2).mean()
    if variance == 0:
        return 1.0
    time = 1.0
    for lag in range(1, len(energies)):
        correlation = (centred[lag:] * centred[:-lag]).mean() / variance
        if correlation <= 0:
            break
        time += 2 * correlation
    return time


def generate(
    sentences: Mapping[str, int],
    length: int,
    symbols: int,
    couplings: Sequence[Mapping[str, float]],
    seed: int = 0,
    temperature: float = 1.0,
) -> dict[str, list[dict]]:
    """Return the rows of each split of a corpus; words are the symbols' numbers, from 0.

    `sentences` says how many each split has; each has a document of its own, being independent of
    the others. Raises `ConfigError` as `draw_hamiltonian` and `sample` do.
    """
    hamiltonian = draw_hamiltonian(length, symbols, couplings, seed)
    drawn = sample(hamiltonian, sum(sentences.values()), seed, temperature)
    splits, start = {}, 0
    for split, count in sentences.items():
        splits[split] = [
            {
                "sentence_id": f"{split}-{number}",
                "document_id": f"{split}-{number}",
                "words": [str(symbol) for symbol in row],
            }
            for number, row in enumerate(drawn[start : start + count], start=1)
        ]
        start += count
    return splits


def sample(hamiltonian: Hamiltonian, count: int, seed: int, temperature: float = 1.0) -> np.ndarray:
    """Return sequences drawn from the Boltzmann distribution, (count, length), by Metropolis.

    `CHAINS` run in parallel from random sequences. How many sweeps they take before the first
    sample, and between two, follows from the autocorrelation time of the energies in a pilot of
    `PILOT` sweeps. Raises `ConfigError` if that is above `LONGEST_MEMORY`, which so few sweeps
    can't measure, or if the temperature isn't above 0.
    """
    generator = np.random.default_rng([seed, 1])
    chains = min(CHAINS, count)
    sequences = generator.integers(hamiltonian.symbols, size=(chains, hamiltonian.length))
    energies = np.empty((PILOT, chains))
    for number in range(PILOT):
        sweep(hamiltonian, sequences, generator, temperature)
        energies[number] = hamiltonian.energy(sequences)
    time = autocorrelation_time(energies[PILOT // 4 :])
    if time > LONGEST_MEMORY:
        raise ConfigError(
            f"couplings: the energies' autocorrelation time is {time:.0f} sweeps, above "
            f"{LONGEST_MEMORY:g}: chains hardly move. Lower strengths, or raise the temperature."
        )
    for _ in range(max(0, round(BURN_IN * time) - PILOT)):
        sweep(hamiltonian, sequences, generator, temperature)
    drawn = []
    for _ in range(-(-count // chains)):
        for _ in range(max(1, round(APART * time))):
            sweep(hamiltonian, sequences, generator, temperature)
        drawn.append(sequences.copy())
    return np.concatenate(drawn)[:count]
