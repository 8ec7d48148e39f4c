"""Annotated text, whatever its source, in one form."""
