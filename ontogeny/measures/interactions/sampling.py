"""Markov chains whose target is a masked model's conditionals: clones of what they begin at.

One site after the other is drawn anew, given all others, in all chains at once. Every site has
couplings to every other, so that the sites of one chain can't be drawn together.

The conditionals of a masked model need not be those of any joint distribution (Heckerman et al.
2000, "Dependency networks"): then there is still a distribution that the chains settle in, but it
depends on the order in which the sites are taken. So the order is part of what a clone is.
"""

import json
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ontogeny.ensemble import random_stream
from ontogeny.errors import CheckpointError, ConfigError
from ontogeny.files import atomic_path
from ontogeny.measures.interactions.conditionals import Conditionals
from ontogeny.runs.checkpoints.weight_files import read_header

PROPOSALS = ("conditional", "uniform")
ORDERS = ("random", "sequential")
KEPT = "kept."  # begins the names of kept tokens in a state


@dataclass(frozen=True)
class Chains:
    """Sequences to begin at. All are (chains, length): tokens, where there are any, what may move.

    `attended` and `free` are bool; what is free is attended to.
    """

    tokens: Tensor
    attended: Tensor
    free: Tensor


@dataclass(frozen=True)
class Scheme:
    """How chains move.

    - `proposals`: from the `conditional` itself, which is Gibbs sampling, where every proposal is
      accepted; or `uniform` over the tokens that are allowed, accepted by Metropolis' rule.
    - `order` of the sites in a sweep: `random`, drawn anew for each, or `sequential`; the same for
      all chains.
    - `temperature`: conditionals are p^(1 / temperature), normalised.
    """

    proposals: str = "conditional"
    order: str = "random"
    temperature: float = 1.0

    def __post_init__(self) -> None:
        """Raise `ConfigError` if there is no such scheme."""
        if self.proposals not in PROPOSALS:
            raise ConfigError(f"proposals: {self.proposals!r}; expected one of {PROPOSALS}.")
        if self.order not in ORDERS:
            raise ConfigError(f"order: {self.order!r}; expected one of {ORDERS}.")
        if not self.temperature > 0:
            raise ConfigError(f"temperature: is {self.temperature}; expected a number above 0.")


@dataclass
class Progress:
    """Where chains are: their tokens, the sweeps done, and what each sweep was like.

    `records` has for sweep 0, which is the beginning, and each further one: `score`, the mean over
    free sites of log p of the token that stands there once the site was drawn, in nats (its sum
    over a sequence is the pseudo-log-likelihood, but that sites were drawn one after the other);
    `acceptance`, the share of proposals that were accepted; `overlap`, the share of free sites with
    the token that they began with. `kept` are the tokens as they were after some of the sweeps.
    """

    tokens: Tensor
    sweeps: int = 0
    records: list[dict[str, float]] = field(default_factory=list)
    kept: dict[int, Tensor] = field(default_factory=dict)


@torch.no_grad()
def run_chains(
    conditionals: Conditionals,
    chains: Chains,
    allowed: Tensor,
    sweeps: int,
    *,
    scheme: Scheme,
    seed: int,
    keep: Collection[int] = (),
    state: str | os.PathLike[str] | None = None,
    callback: Callable[[Progress], None] = lambda progress: None,
) -> Progress:
    """Move chains for so many sweeps, and return where they are.

    `allowed` (vocabulary,) bool are the tokens that may come; tokens after `keep` sweeps are kept.
    `callback` is called before the first sweep and after each. With `state`, a file, everything
    that the rest depends on is written there after each sweep, and a run that finds it there goes
    on from it, to the byte as if it had not stopped; the callback is called for what is left.
    Raises `CheckpointError` if the file is of other chains, or isn't whole.
    """
    stream = random_stream(seed, "chains", chains.tokens.device)
    progress = Progress(chains.tokens.clone())
    if state is not None and Path(state).exists():
        _restore(progress, stream, chains, scheme, keep, state)
    else:
        conditionals.begin(progress.tokens, chains.attended)
        progress.records.append(_sweep(conditionals, progress, chains, allowed, scheme, None))
    callback(progress)
    while progress.sweeps < sweeps:
        conditionals.begin(progress.tokens, chains.attended)
        progress.records.append(_sweep(conditionals, progress, chains, allowed, scheme, stream))
        progress.sweeps += 1
        if progress.sweeps in keep:
            progress.kept[progress.sweeps] = progress.tokens.clone()
        if state is not None:
            _save(progress, stream, chains, scheme, keep, state)
        callback(progress)
    return progress


def _sweep(
    conditionals: Conditionals,
    progress: Progress,
    chains: Chains,
    allowed: Tensor,
    scheme: Scheme,
    stream: torch.Generator | None,
) -> dict[str, float]:
    """Draw each site once, and return how that went; without a stream, only look."""
    sites = chains.free.any(0).nonzero()[:, 0]
    if stream is not None and scheme.order == "random":
        sites = sites[torch.randperm(len(sites), generator=stream, device=sites.device)]
    tokens = progress.tokens
    forbidden = torch.zeros(len(allowed), device=tokens.device).masked_fill(~allowed, -torch.inf)
    score = torch.zeros((), dtype=torch.float64, device=tokens.device)
    accepted = torch.zeros((), dtype=torch.int64, device=tokens.device)
    for site in sites.tolist():
        free = chains.free[:, site]
        logits = conditionals.at(site).add_(forbidden)
        normaliser, cumulated = summed(logits)
        now = tokens[:, site]
        if stream is not None:
            if scheme.temperature != 1:
                cumulated = summed(logits / scheme.temperature)[1]
            target = logits / scheme.temperature if scheme.proposals == "uniform" else cumulated
            proposed, accept = propose(target, now, scheme.proposals, allowed, stream)
            accept &= free
            now = torch.where(accept, proposed, now)
            tokens[:, site] = now
            conditionals.move(site, now)
            accepted += accept.sum()
        standing = logits.gather(1, now[:, None])[:, 0] - normaliser
        # A token that isn't allowed, such as an unknown word, can stand where a chain begins.
        known = free & allowed[now]
        score += standing.double().masked_fill(~known, 0).sum()
    total = int(chains.free.sum())
    scored = int((chains.free & allowed[tokens]).sum())
    same = int(((tokens == chains.tokens) & chains.free).sum())
    return {
        "score": float(score) / max(1, scored),
        "acceptance": float(accepted) / total if stream is not None else float("nan"),
        "overlap": same / total,
    }


def summed(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Return log sum exp of logits (chains, vocabulary), (chains,), and sums of weights so far.

    The latter, (chains, vocabulary), are of weights in proportion to exp(logits). One exponential
    serves both.
    """
    highest = logits.amax(1, keepdim=True)
    cumulated = (logits - highest).exp_().cumsum(1)
    return highest[:, 0] + cumulated[:, -1].log(), cumulated


def propose(
    target: Tensor, now: Tensor, proposals: str, allowed: Tensor, stream: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return a token proposed for each chain, (chains,), and whether it is accepted, bool.

    From the `conditional` itself, Hastings' ratio is 1; `target` (chains, vocabulary) are then sums
    of weights as `summed` gives them. Of a `uniform` proposal it is p(new) / p(now), and `target`
    are logits, -inf for tokens that aren't allowed: one that stands there always gives way. `now`
    (chains,) is what stands there.
    """
    uniform = torch.rand(len(target), generator=stream, device=target.device)
    choices = allowed.nonzero()[:, 0]
    if proposals == "conditional":
        threshold = (uniform * target[:, -1])[:, None]
        drawn = torch.searchsorted(target, threshold, right=True)[:, 0]
        # What rounding leaves above the last sum goes to the last token that is allowed.
        return drawn.clamp_max(int(choices[-1])), torch.ones_like(now, dtype=torch.bool)
    picked = torch.randint(len(choices), now.shape, generator=stream, device=now.device)
    proposed = choices[picked]
    gain = (target.gather(1, proposed[:, None]) - target.gather(1, now[:, None]))[:, 0]
    return proposed, uniform.log() < gain


def _save(
    progress: Progress,
    stream: torch.Generator,
    chains: Chains,
    scheme: Scheme,
    keep: Collection[int],
    path: str | os.PathLike[str],
) -> None:
    from safetensors.torch import save_file

    tensors = {"tokens": progress.tokens, "start": chains.tokens, "stream": stream.get_state()}
    tensors |= {f"{KEPT}{sweeps}": tokens for sweeps, tokens in progress.kept.items()}
    says: dict[str, Any] = {"sweeps": progress.sweeps, "records": progress.records}
    says |= {"scheme": vars(scheme), "keep": sorted(keep)}
    with atomic_path(path) as new:
        save_file(
            {name: values.cpu().contiguous() for name, values in tensors.items()},
            new,
            metadata={"chains": json.dumps(says)},
        )


def _restore(
    progress: Progress,
    stream: torch.Generator,
    chains: Chains,
    scheme: Scheme,
    keep: Collection[int],
    path: str | os.PathLike[str],
) -> None:
    from safetensors import safe_open

    read_header(Path(path))
    with safe_open(path, "pt") as file:
        says = json.loads((file.metadata() or {}).get("chains", "{}"))
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    same = says.get("scheme") == vars(scheme) and says.get("keep") == sorted(keep)
    if not same or not torch.equal(tensors.get("start", torch.empty(0)), chains.tokens.cpu()):
        raise CheckpointError(
            f"{path}: is the state of other chains; remove the file to begin anew."
        )
    progress.tokens.copy_(tensors["tokens"])
    progress.sweeps, progress.records = says["sweeps"], says["records"]
    progress.kept = {
        int(name.removeprefix(KEPT)): values.to(progress.tokens.device)
        for name, values in tensors.items()
        if name.startswith(KEPT)
    }
    stream.set_state(tensors["stream"])
