"""Attention computed step by step, which yields its weights and can be differentiated anyhow."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


@contextmanager
def eager_attention(model: Any) -> Iterator[None]:
    """Have a transformer compute attention in plain operations in the block; afterwards as before.

    Fused kernels are faster, but give no weights and no gradients for each example. A model that
    has no such choice, as one without attention, is left as it is.
    """
    before = getattr(model.config, "_attn_implementation", None)
    if before == "eager" or not hasattr(model, "set_attn_implementation"):
        yield
        return
    with suppress(ValueError):
        model.set_attn_implementation("eager")
    try:
        yield
    finally:
        if before is not None:
            model.set_attn_implementation(before)
