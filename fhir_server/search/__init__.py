"""What a search means: from parameters to a Query, and whether a resource in memory meets it. No SQL here."""
