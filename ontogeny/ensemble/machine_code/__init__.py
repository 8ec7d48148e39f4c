"""Machine code that numba makes of Python, for what PyTorch does in many small steps on a CPU.

A pass over memory for each step and a call for each operation cost more there than the arithmetic.
Here a part of a batch goes through a whole model while a core's caches hold it, and BLAS multiplies
the matrices. `ontogeny.ensemble` trains small models so, `ontogeny.measures.likelihood` reads
masked copies.

Compiling takes up to twenty seconds, once for each kind of processor: the result is kept where
`NUMBA_CACHE_DIR` says, beside the sources, or in the user's cache directory.
"""
