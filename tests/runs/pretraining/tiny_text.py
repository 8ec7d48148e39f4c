"""Small corpora and recipes for the tests of training. Also run as a program, to be killed."""

import json
import random
import sys

from ontogeny.corpora.corpus import write_split
from ontogeny.runs.pretraining.launching import pretrain
from ontogeny.runs.recipes import read_recipe

TINY = {
    "layers": 1,
    "heads": 2,
    "width": 16,
    "batch_size": 8,
    "sequence_length": 16,
    "learning_rate": 5e-3,
}


def write_text(path, sentences, seed):
    """Write sentences in which the two words of one of five pairs take turns."""
    draw = random.Random(seed)
    rows = []
    for number in range(sentences):
        start = draw.randrange(10)
        words = [
            f"w{2 * (start // 2) + (start + place) % 2}" for place in range(draw.randint(4, 20))
        ]
        rows.append({"sentence_id": str(number), "document_id": "0", "words": words})
    write_split(rows, path)
    return path


def tiny_recipe(**settings):
    return read_recipe({**TINY, **settings}, "tiny")


if __name__ == "__main__":
    settings, arguments = json.loads(sys.argv[1]), json.loads(sys.argv[2])
    pretrain(tiny_recipe(**settings), run="tiny", **arguments)
