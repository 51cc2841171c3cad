"""The first schema."""

from alembic import op

from fhir_server.storage.tables import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table as `storage.tables` describes it."""
    metadata.create_all(op.get_bind())


def downgrade() -> None:
    """Drop every table."""
    metadata.drop_all(op.get_bind())
