"""The studies, each in its own rooms."""
