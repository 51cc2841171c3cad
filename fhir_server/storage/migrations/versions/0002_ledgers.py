"""What stands beside the resources: seats, messages, news, partners, keys."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "claim",
        sa.Column("slot_id", sa.String(length=64), nullable=False),
        sa.Column("seat", sa.Integer(), nullable=False),
        sa.Column("appointment_id", sa.String(length=64), nullable=False),
        sa.Column("claimed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("slot_id", "seat", name=op.f("pk_claim")),
    )
    op.create_index("ix_claim_appointment", "claim", ["appointment_id"], unique=False)
    op.create_table(
        "rota",
        sa.Column("schedule_id", sa.String(length=64), nullable=False),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.Column("made_until_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("schedule_id", name=op.f("pk_rota")),
    )
    op.create_index("ix_rota_made", "rota", ["made_until_ms", "schedule_id"], unique=False)
    op.create_table(
        "inbox",
        sa.Column("pk", _KEY, autoincrement=True, nullable=False),
        sa.Column("feed", sa.String(length=64), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("control_id", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("message_type", sa.String(length=32), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("effects", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_inbox")),
        sa.UniqueConstraint("feed", "control_id", "sender", "content_hash", name="uq_inbox_message"),
    )
    op.create_index("ix_inbox_state", "inbox", ["state", "pk"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("pk", _KEY, autoincrement=True, nullable=False),
        sa.Column("destination", sa.String(length=96), nullable=False),
        sa.Column("stream", sa.String(length=160), nullable=False),
        sa.Column("event", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("leased_until_ms", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_outbox")),
    )
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["due_ms", "pk"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
        sqlite_where=sa.text("state = 'waiting'"),
    )
    op.create_index("ix_outbox_stream", "outbox", ["destination", "stream", "pk"], unique=False)
    op.create_table(
        "partner",
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_partner")),
    )
    op.create_table(
        "signing_key",
        sa.Column("kid", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_signing_key")),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("signing_key")
    op.drop_table("partner")
    op.drop_table("outbox")
    op.drop_table("inbox")
    op.drop_table("rota")
    op.drop_table("claim")
