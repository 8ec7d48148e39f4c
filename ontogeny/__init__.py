"""Ontogeny: how language models acquire structure while they train.

The library behind the workflow: plain functions over arrays and tables, and files only at the
edges. It does not know that Snakemake exists.
"""
