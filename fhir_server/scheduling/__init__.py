"""The territory's rules: what a write to a type means for slots, claims and those who must be told.

Rules are functions given a unit of work. They use the store below them and never call an interaction above them.
"""
