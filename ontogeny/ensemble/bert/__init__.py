"""BERTs in a stack, written out: forwards and backwards, where they have to say something alone.

On a CPU, the commonest case is computed in machine code.
"""
