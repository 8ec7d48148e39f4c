"""Whether the checkpoints of a trajectory are what their steps say they are."""
