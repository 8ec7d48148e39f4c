"""The study of sparsity: how concentrated states and gradients become, and for which words."""
