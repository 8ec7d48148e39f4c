"""Probes on frozen representations, many layers and tasks as one batched problem."""
