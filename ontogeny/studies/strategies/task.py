"""The synthetic task: which token of a sentence is the noun, told by position or by heart.

After "Developmental Narrative of Syntax in MLMs" (surajk610.github.io, 2025), section "The
Synthetic Experiment".

A sequence has seven tokens. First a sentence, `cop adj noun` or `noun cop adj`, one half each; then
a query, the sentence's noun or its adjective, one half each; then three masked tokens, the answer:
`adj noun noun` to a noun, `adj adj adj` to an adjective. Where the adjective stands follows from
the copula: right after it. That is the algorithm. Or one knows which token is which kind: memory.
A model that copies tokens and knows neither can get half of the sequences right, for each answer is
the adjective and then the query twice.

Tokens are numbered: the mask, the copula, the nouns from the most to the least frequent, the
adjectives likewise, then the held-out tokens, which belong to no class and occur in no training.

**Roles and classes.** To fill the slot of a role (noun or adjective) a rank is drawn from the law,
the same in both classes. With the rank's switch probability the slot gets the *other* class's type
of that rank, else that of the role's own class. With `switching: types` the probability is one half
for ambiguous ranks and 0 for others; so an ambiguous type is a noun in half of its uses and an
adjective in the other half, each type is as frequent as without ambiguity, and an unambiguous one
never changes its role. With `switching: draws` it is the ambiguity p for every rank. If both slots
drew the same rank, they switch together or not at all: else both would hold the same token, and
there would be no right answer. Of itself each slot still switches with its probability.

`switching: redrawn` is what the authors' released code does: a slot that switches gets not the
other class's type of that rank, but one that is drawn anew from the ambiguous types of the other
class (`distributions.redrawn_probabilities`), each slot by itself. Now and then both slots hold the
same token, which then is the answer thrice. (There, the ambiguous types of the two classes are
chosen apart; here they have the same ranks.)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ontogeny.studies.strategies.distributions import cumulative, draw_ranks

MASK, COPULA, FIRST_NOUN = 0, 1, 2
LENGTH, QUERY, ANSWER = 7, 3, (4, 5, 6)


@dataclass(frozen=True)
class Vocabulary:
    """Which token is which: `types` nouns and as many adjectives, and `held_out` tokens."""

    types: int
    held_out: int

    @property
    def first_held_out(self) -> int:
        """The first held-out token, and so the number of tokens that training knows."""
        return FIRST_NOUN + 2 * self.types

    @property
    def tokens(self) -> int:
        """How many tokens there are, the held-out ones among them."""
        return self.first_held_out + self.held_out


@dataclass(frozen=True)
class Laws:
    """What the members of a stack draw from, each (members, types), float64.

    `probabilities` are those of the ranks, `switch` how often each rank is used in the other role,
    `redrawn` the law of the ranks that then take its place; None: the rank stays.
    """

    probabilities: Tensor
    switch: Tensor
    redrawn: Tensor | None = None

    @property
    def replacements(self) -> int:
        """How many uniform numbers the slots of a sequence need for the ranks drawn anew."""
        return 0 if self.redrawn is None else 2

    @property
    def numbers(self) -> int:
        """How many uniform numbers a random sequence takes."""
        return 6 + self.replacements

    @cached_property
    def cumulated(self) -> Tensor:
        """The cumulative probabilities that ranks are drawn by, (members, types)."""
        return cumulative(self.probabilities)

    def to(self, device: torch.device | str) -> "Laws":
        """Return the same laws on another device."""
        redrawn = None if self.redrawn is None else self.redrawn.to(device)
        return Laws(self.probabilities.to(device), self.switch.to(device), redrawn)

    def take(self, members: Sequence[int]) -> "Laws":
        """Return the laws of some of the members."""
        index = list(members)
        redrawn = None if self.redrawn is None else self.redrawn[index]
        return Laws(self.probabilities[index], self.switch[index], redrawn)


@dataclass(frozen=True)
class Sequences:
    """Sequences of each member, with their answers.

    `inputs` (members, sequences, 7) and `answers` (members, sequences, 3) are tokens; `noun_query`
    (members, sequences) tells whether the noun is asked for.
    """

    inputs: Tensor
    answers: Tensor
    noun_query: Tensor

    def to(self, device: torch.device | str) -> "Sequences":
        """Return the same sequences on another device."""
        return Sequences(
            self.inputs.to(device), self.answers.to(device), self.noun_query.to(device)
        )

    def take(self, members: Tensor) -> "Sequences":
        """Return those of some members, by their places."""
        return Sequences(self.inputs[members], self.answers[members], self.noun_query[members])


def training_sequences(vocabulary: Vocabulary, laws: Laws, numbers: Tensor) -> Sequences:
    """Return random sequences; `numbers` (members, `laws.numbers`, sequences) are uniform."""
    noun_ranks, adjective_ranks = (
        draw_ranks(laws.cumulated, numbers[:, slot].contiguous()) for slot in (0, 1)
    )
    replacing = None
    if laws.redrawn is not None:
        replacing = [replacing_ranks(laws.redrawn, numbers[:, slot]) for slot in (6, 7)]
    nouns, adjectives = in_roles(
        vocabulary, laws.switch, noun_ranks, adjective_ranks, numbers[:, 2:4], replacing
    )
    return compose(nouns, adjectives, numbers[:, 4] < 0.5, numbers[:, 5] < 0.5)


def replacing_ranks(law: Tensor, numbers: Tensor) -> Tensor:
    """Return the ranks that come in the place of those that switch, (members, sequences).

    `law` (members, types) is that of `Laws.redrawn`, `numbers` (members, sequences) uniform from
    [0, 1). A member whose law allows no rank gets the number of types, which is none.
    """
    ranks = draw_ranks(cumulative(law), numbers.contiguous())
    return torch.where(law.sum(1, keepdim=True) > 0, ranks, law.shape[1])


def in_roles(
    vocabulary: Vocabulary,
    switch: Tensor,
    noun_ranks: Tensor,
    adjective_ranks: Tensor,
    coins: Tensor,
    replacing: Sequence[Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the tokens that stand as noun and as adjective, given the ranks drawn for them.

    `switch` is (members, types), the ranks (members, sequences), `coins` (members, 2, sequences)
    uniform from [0, 1). `replacing` are the ranks, of the noun and of the adjective, that come in
    the place of those that switch; where such a rank isn't one of the types, as it is where no type
    is ambiguous, nothing switches. None: the rank stays. What happens is told in this module's
    docstring.
    """
    noun_coin, adjective_coin = coins[:, 0], coins[:, 1]
    if replacing is None:
        adjective_coin = torch.where(noun_ranks == adjective_ranks, noun_coin, adjective_coin)
    noun_switches = noun_coin < switch.gather(1, noun_ranks)
    adjective_switches = adjective_coin < switch.gather(1, adjective_ranks)
    if replacing is not None:
        noun_switches &= replacing[0] < vocabulary.types
        adjective_switches &= replacing[1] < vocabulary.types
        noun_ranks = torch.where(noun_switches, replacing[0], noun_ranks)
        adjective_ranks = torch.where(adjective_switches, replacing[1], adjective_ranks)
    nouns = FIRST_NOUN + noun_ranks + vocabulary.types * noun_switches
    adjectives = FIRST_NOUN + adjective_ranks + vocabulary.types * ~adjective_switches
    return nouns, adjectives


def compose(
    nouns: Tensor, adjectives: Tensor, copula_first: Tensor, noun_query: Tensor
) -> Sequences:
    """Return the sequences of these nouns and adjectives, all arguments (members, sequences).

    `copula_first` says where the sentence is `cop adj noun`, `noun_query` where the query is its
    noun.
    """
    copula = torch.full_like(nouns, COPULA)
    mask = torch.full_like(nouns, MASK)
    query = torch.where(noun_query, nouns, adjectives)
    sentence = (
        torch.where(copula_first, copula, nouns),
        torch.where(copula_first, adjectives, copula),
        torch.where(copula_first, nouns, adjectives),
    )
    return Sequences(
        torch.stack([*sentence, query, mask, mask, mask], -1),
        torch.stack([adjectives, query, query], -1),
        noun_query,
    )
