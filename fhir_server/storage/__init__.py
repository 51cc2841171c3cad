"""Resources, their versions and indexes, claims, inbox and outbox: the same tables on SQLite and PostgreSQL."""
