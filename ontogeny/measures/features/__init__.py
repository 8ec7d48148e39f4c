"""Word vectors of every layer of a transformer, from one forward pass over a corpus."""

from ontogeny.measures.features.extraction import Features, Pooling, extract, open_features, write

__all__ = ["Features", "Pooling", "extract", "open_features", "write"]
