"""Measures of a model: arrays and models in, numbers out."""
