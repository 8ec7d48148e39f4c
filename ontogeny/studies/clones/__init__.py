"""The study of clones: which order of interaction among tokens has been learned."""
