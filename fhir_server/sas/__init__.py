"""The national SAS platform's view of the territory: what it asks, and the shapes that it takes."""
