"""Stages of training from a curve alone: their boundaries, how sure these are, what agrees."""

from ontogeny.measures.stage_boundaries.agreement import Agreement, agreement
from ontogeny.measures.stage_boundaries.bootstrap import Intervals, bootstrap_boundaries
from ontogeny.measures.stage_boundaries.boundaries import Stage, find_boundaries, stages

__all__ = [
    "Agreement",
    "Intervals",
    "Stage",
    "agreement",
    "bootstrap_boundaries",
    "find_boundaries",
    "stages",
]
