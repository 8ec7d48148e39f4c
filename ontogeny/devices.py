"""Where tensors are computed on if nobody says."""

import torch


def default_device() -> torch.device:
    """Return the GPU if PyTorch sees one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def mixed_precision(precision: str, device: torch.device | str | None = None) -> torch.dtype | None:
    """Return the 16-bit type that a model's matrix products are taken in; None: 32 bits throughout.

    `precision` `auto` gives bfloat16 on a GPU that has it and float16 on an older one; on a CPU,
    and for `float32`, it is None. Weights, sums and normalisations stay in 32 bits
    (`torch.autocast`). `device` None means `default_device`. Raises `ValueError` for another
    `precision`.
    """
    if precision not in ("auto", "float32"):
        raise ValueError(f"precision is {precision!r}; expected 'auto' or 'float32'")
    device = default_device() if device is None else torch.device(device)
    if precision == "float32" or device.type != "cuda":
        return None
    return (
        torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    )
