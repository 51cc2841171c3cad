"""Visits told movement by movement: what an Encounter is, from the list of all that happened to it."""
