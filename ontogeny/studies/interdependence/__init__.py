"""How the words of a language model depend on each other, and what a scaffold teaches it."""
