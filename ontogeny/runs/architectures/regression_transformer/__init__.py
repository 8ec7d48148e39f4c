"""A transformer that learns linear regression in context (Garg et al. 2022, Raventos et al. 2023).

It reads no words but numbers, so it is none of the architectures that a text trains; its module
`models` has it, and `tasks` the endless data that it is trained on.
"""
