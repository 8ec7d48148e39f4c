"""Taggers: LSTMs of one layer that are trained to tag, for language models to be compared with.

"Training dynamics of neural language models" (Saphra 2021, chapter 4, section 3.1): a language
model's layer that comes to resemble a tagger's encodes what the tagger knows. A tagger predicts the
tag of the word it reads (`input`) or of the next word (`next`); its shuffled counterpart, trained
on the same tags in random order, is the floor.
"""

from ontogeny.measures.taggers.tag_sets import TAG_SETS, TaggedText, read_tags, tagged_text
from ontogeny.measures.taggers.training import Tagger, TaggerTraining, train_taggers

__all__ = [
    "TAG_SETS",
    "TaggedText",
    "Tagger",
    "TaggerTraining",
    "read_tags",
    "tagged_text",
    "train_taggers",
]
