"""Runs that are to be sampled: what keeps them from it, told from the configuration."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ontogeny.planning.suggestions import suggest

# Architectures that are trained here and see both sides. Their declarations would bring in the
# models, which what declares a study does without.
MASKED = ("bert", "factored")
SPECIAL = 2  # tokens that a tokenizer puts around a sentence


def unfit_samplers(
    key: str, samplers: Iterable[str], runs: Mapping[str, Any], longest: int
) -> Iterator[str]:
    """Yield what is wrong with runs that are to be sampled from sentences of `longest` words.

    A message begins with `key`, which names the samplers, or with `longest`. What isn't trained
    here is known only once it is loaded.
    """
    for name in samplers:
        if name not in runs:
            yield f"{key}: there is no run {name!r}{suggest(name, list(runs))}"
            continue
        architecture = runs[name].get("architecture")
        if architecture and architecture not in MASKED:
            yield (
                f"{key}: {name} is of the architecture {architecture}, which predicts each word "
                "from those before it: it can't give conditionals on both sides. Name masked runs."
            )
        reads = runs[name].get("sequence_length")
        if reads is not None and longest + SPECIAL > reads:
            yield (
                f"longest: sentences of {longest} words and {SPECIAL} special tokens don't fit "
                f"into {name}, which reads {reads} tokens; lower it."
            )
