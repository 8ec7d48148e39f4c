"""Interactions among tokens: the best model of each order, and sampling from conditionals."""
