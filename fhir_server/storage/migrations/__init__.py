"""The schema's versions, applied by `creneau migrate` (Alembic)."""
