"""What a model makes of its context: n-grams, induction, linear regression."""
