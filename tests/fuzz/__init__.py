"""Mutated messages through the codec and the mapping: nothing but a FhirError may come out, and memory may not grow.

`python -m tests.fuzz --help`. The suite runs a slice of it (tests/property/test_fuzz.py).
"""
