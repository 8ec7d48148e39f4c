"""The page: all studies on one clock, in one file that a browser draws from tables."""
