"""Where tensors are computed on if nobody says."""

import torch


def default_device() -> torch.device:
    """Return the GPU if PyTorch sees one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
