"""Training runs: schedules, architectures, tokenizers, pretraining, local checkpoints."""
