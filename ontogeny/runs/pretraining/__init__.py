"""Trajectories that are trained here, each seed by a job of its own.

In lockstep on one stack, two seeds of the toy tier's models made 0.74 and 0.79 of the updates that
two processes made on the same cores (`tests/bench/bench_seeds.py`): there is little for a stack to
save where nearly all is arithmetic.
"""
