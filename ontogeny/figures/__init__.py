"""The style of all figures, their axes, and the forest of claims."""
