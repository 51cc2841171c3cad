"""Speed, measured: Créneau beside its ceilings in the same run. `make bench`, or `python -m tests.benchmark --help`.

docs/performance.md tells how to read what it prints.
"""
