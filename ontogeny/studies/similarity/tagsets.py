"""The sets of tags that taggers and diagnostic classifiers learn."""

# Those that a corpus annotates, word by word.
ANNOTATED = ("upos", "xpos", "deprel", "entity")
# Those of a file of the user's own, by the key that names its column.
SEMANTIC = {"semantic_coarse": "coarse", "semantic_fine": "fine"}
# A word's tag is the document that it stands in.
TOPIC = "topic"
TAGSETS = (*ANNOTATED, *SEMANTIC, TOPIC)

# Two sets of tags for the same thing, the coarse one first.
COARSE_AND_FINE = (("upos", "xpos"), tuple(SEMANTIC))
