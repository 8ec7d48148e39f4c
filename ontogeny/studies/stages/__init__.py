"""The study of stages: boundaries in training from the geometry of loss and function."""
