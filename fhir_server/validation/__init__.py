"""What a resource must satisfy before it is stored: the R4 schema, invariants, references, and a second opinion."""
