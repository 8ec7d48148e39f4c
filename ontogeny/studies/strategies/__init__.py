"""The strategies study: part of speech from context (an algorithm) or from embeddings (memory)."""
