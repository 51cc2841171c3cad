"""Rotas: from the availability rules of a Schedule to the times that it offers. Pure: no store, no clock."""
