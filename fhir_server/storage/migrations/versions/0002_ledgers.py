"""What stands beside the resources: seats, messages, news, partners, keys."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_CODE = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "claim",
        sa.Column("slot_id", sa.String(length=64), nullable=False),
        sa.Column("seat", sa.Integer(), nullable=False),
        sa.Column("appointment_id", sa.String(length=64), nullable=False),
        sa.Column("claimed_ms", sa.BigInteger(), nullable=False),
        sa.Column("tentative", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("slot_id", "seat", name=op.f("pk_claim")),
    )
    op.create_index("ix_claim_appointment", "claim", ["appointment_id"], unique=False)
    op.create_table(
        "hold",
        sa.Column("appointment_id", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("appointment_id", name=op.f("pk_hold")),
    )
    op.create_index("ix_hold_expires", "hold", ["expires_ms", "appointment_id"], unique=False)
    op.create_index("ix_hold_owner", "hold", ["owner", "expires_ms"], unique=False)
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
        "idempotency",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "key", name=op.f("pk_idempotency")),
    )
    op.create_index("ix_idempotency_at", "idempotency", ["at_ms"], unique=False)
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
    op.create_table(
        "partner_suspension",
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_partner_suspension")),
    )
    op.create_table(
        "access_change",
        sa.Column("pk", _KEY, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("subject", sa.String(length=128), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_access_change")),
    )
    op.create_index("ix_access_change_until", "access_change", ["until_ms"], unique=False)
    op.create_table(
        "used_assertion",
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("jti_hash", sa.String(length=64), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("client_id", "jti_hash", name=op.f("pk_used_assertion")),
    )
    op.create_index("ix_used_assertion_until", "used_assertion", ["until_ms"], unique=False)
    op.create_table(
        "wrong_secret",
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_wrong_secret")),
    )
    op.create_table(
        "audit_pending",
        sa.Column("pk", _KEY, autoincrement=True, nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_audit_pending")),
    )
    op.create_table(
        "audit",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("owner", _CODE, nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_at", "audit", ["at_ms", "number"], unique=False)
    op.create_index("ix_audit_owner", "audit", ["owner", "at_ms", "number"], unique=False)
    op.create_table(
        "audit_entity",
        sa.Column("reference", _CODE, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("reference", "number", name=op.f("pk_audit_entity")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "audit_journal",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("read_to", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_audit_journal")),
    )
    op.create_table(
        "figure_basis",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", "since_ms", name=op.f("pk_figure_basis")),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("figure_basis")
    op.drop_table("audit_journal")
    op.drop_table("audit_entity")
    op.drop_table("audit")
    op.drop_table("audit_pending")
    op.drop_table("wrong_secret")
    op.drop_table("used_assertion")
    op.drop_table("access_change")
    op.drop_table("partner_suspension")
    op.drop_table("signing_key")
    op.drop_table("partner")
    op.drop_table("idempotency")
    op.drop_table("outbox")
    op.drop_table("inbox")
    op.drop_table("rota")
    op.drop_table("hold")
    op.drop_table("claim")
