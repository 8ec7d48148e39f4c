"""Parsed sentences for the tests of regularizers."""

import random

from ontogeny.corpora.corpus import write_split


def random_tree(draw, length):
    """Return the heads, 1-based with 0 for the root, of a random tree over `length` words."""
    order = list(range(1, length + 1))
    draw.shuffle(order)
    heads = {order[0]: 0}
    for place in range(1, length):
        heads[order[place]] = order[draw.randrange(place)]
    return [heads[word] for word in range(1, length + 1)]


def chain(draw, length):
    """Return the heads of a tree in which each word depends on the one before it."""
    return list(range(length))


def write_parsed_text(path, sentences, seed, *, parsed=1.0, lengths=(4, 14), make_tree=random_tree):
    """Write random sentences with their trees; a share `1 - parsed` of them has none."""
    draw = random.Random(seed)
    rows = []
    for number in range(sentences):
        length = draw.randint(*lengths)
        words = [f"w{draw.randrange(12)}" for _ in range(length)]
        head = make_tree(draw, length) if draw.random() < parsed else None
        rows.append({"sentence_id": str(number), "document_id": "0", "words": words, "head": head})
    write_split(rows, path)
    return path
