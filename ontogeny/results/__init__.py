"""Tables, what is computed from them alone, and the claims that are held against them."""
