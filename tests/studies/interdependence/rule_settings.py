"""Settings of the synthetic LSTMs as a validated configuration has them, small."""

SETTINGS = {
    "settings": ["unfamiliar", "familiar", "repeated", "elsewhere"],
    "scaffold_lengths": [1, 3],
    "rule_count": 12,
    "rule_counts": [6],
    "seeds": [0, 1],
    "steps": [0, 4, 8],
    "tokens": 240,
    "types": 8,
    "phrases": 3,
    "outside": 4,
    "width": 5,
    "batch_size": 4,
    "sequence_length": 10,
    "learning_rate": 1.0,
    "max_gradient_norm": 0.25,
    "context": 2,
    "tests": 6,
    "runs_per_job": 64,
    "state_every": 3,
}
