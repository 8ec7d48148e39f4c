"""The study of syntactic attention structure: when attention follows syntax, and what it brings."""
