"""BERTs in a stack, written out: forwards and backwards, where they have to say something alone.

What `ontogeny.ensemble.ModuleStack` does for any module is done here with fewer products and passes
over memory, and on a CPU, in the commonest case, in machine code.
"""
