"""What always comes before what: a partial order, what it takes to tell it, and its skeleton."""

import networkx as nx
import numpy as np


def least_p(seeds: int) -> float:
    """Return the least p of an exact two-sided sign test with so many seeds."""
    return float(min(1.0, 2.0 ** (1 - seeds)))


def reduction(relation: np.ndarray) -> list[tuple[int, int]]:
    """Return the pairs of a partial order that the others don't imply, in order.

    `relation` (milestones, milestones) is boolean, transitive and without cycles, as `always` is:
    what precedes in every seed what precedes a third in every seed, precedes the third as well.
    """
    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(relation)))
    graph.add_edges_from(map(tuple, np.argwhere(relation).tolist()))
    return sorted(nx.transitive_reduction(graph).edges)
