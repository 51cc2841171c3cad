"""Resources, their versions and what searches find them by."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_CODE = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_ID = sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql")
_NAME = sa.String(length=96).with_variant(sa.String(length=96, collation="C"), "postgresql")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "appointment_index",
        sa.Column("pk", _KEY, autoincrement=False, nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=True),
        sa.Column("end_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_appointment_index")),
    )
    op.create_index(
        "ix_appointment_index_end",
        "appointment_index",
        ["end_ms", "pk"],
        unique=False,
        postgresql_where=sa.text("pk > 0"),
        sqlite_where=sa.text("pk > 0"),
    )
    op.create_index("ix_appointment_index_start", "appointment_index", ["start_ms", "pk"], unique=False)
    op.create_index(
        "ix_appointment_index_status",
        "appointment_index",
        ["status", "pk"],
        unique=False,
        postgresql_where=sa.text("pk > 0"),
        sqlite_where=sa.text("pk > 0"),
    )
    op.create_table(
        "date_index",
        sa.Column("pk", _KEY, nullable=False),
        sa.Column("parameter", _NAME, nullable=False),
        sa.Column("low_ms", sa.BigInteger(), nullable=False),
        sa.Column("high_ms", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_date_index_high", "date_index", ["parameter", "high_ms", "pk"], unique=False)
    op.create_index("ix_date_index_low", "date_index", ["parameter", "low_ms", "pk"], unique=False)
    op.create_index("ix_date_index_pk", "date_index", ["pk", "parameter"], unique=False)
    op.create_table(
        "position_index",
        sa.Column("pk", _KEY, nullable=False),
        sa.Column("parameter", _NAME, nullable=False),
        sa.Column("x", sa.Double(), nullable=False),
        sa.Column("y", sa.Double(), nullable=False),
        sa.Column("z", sa.Double(), nullable=False),
    )
    op.create_index("ix_position_index_pk", "position_index", ["pk", "parameter"], unique=False)
    op.create_index("ix_position_index_point", "position_index", ["parameter", "z", "x", "y", "pk"], unique=False)
    op.create_table(
        "quantity_index",
        sa.Column("pk", _KEY, nullable=False),
        sa.Column("parameter", _NAME, nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("system", _CODE, nullable=False),
        sa.Column("code", _CODE, nullable=False),
        sa.Column("unit", _CODE, nullable=False),
    )
    op.create_index("ix_quantity_index_pk", "quantity_index", ["pk", "parameter"], unique=False)
    op.create_index("ix_quantity_index_value", "quantity_index", ["parameter", "value", "pk"], unique=False)
    op.create_table(
        "reference_index",
        sa.Column("pk", _KEY, nullable=False),
        sa.Column("parameter", _NAME, nullable=False),
        sa.Column("target_type", _ID, nullable=False),
        sa.Column("target_id", _CODE, nullable=False),
    )
    op.create_index("ix_reference_index_pk", "reference_index", ["pk", "parameter"], unique=False)
    op.create_index(
        "ix_reference_index_target", "reference_index", ["parameter", "target_id", "pk", "target_type"], unique=False
    )
    op.create_table(
        "resource",
        sa.Column("pk", _KEY, autoincrement=True, nullable=False),
        sa.Column("type", _ID, nullable=False),
        sa.Column("id", _ID, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("owner", _ID, nullable=False),
        sa.Column("happened_ms", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("told", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_resource")),
        sa.UniqueConstraint("type", "id", name=op.f("uq_resource_type")),
    )
    op.create_index(
        "ix_resource_owner",
        "resource",
        ["owner", "type", "pk"],
        unique=False,
        postgresql_where=sa.text("NOT deleted"),
        sqlite_where=sa.text("NOT deleted"),
    )
    op.create_index(
        "ix_resource_type_pk",
        "resource",
        ["type", "pk"],
        unique=False,
        postgresql_where=sa.text("NOT deleted"),
        sqlite_where=sa.text("NOT deleted"),
    )
    op.create_index("ix_resource_type_updated", "resource", ["type", "updated_ms", "pk"], unique=False)
    op.create_table(
        "resource_version",
        sa.Column("pk", _KEY, autoincrement=True, nullable=False),
        sa.Column("type", _ID, nullable=False),
        sa.Column("id", _ID, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.Column("method", sa.String(length=8), nullable=False),
        sa.Column("owner", _ID, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_resource_version")),
        sa.UniqueConstraint("type", "id", "version", name=op.f("uq_resource_version_type")),
    )
    op.create_index(
        "ix_resource_version_owner", "resource_version", ["owner", "type", "updated_ms", "pk"], unique=False
    )
    op.create_index("ix_resource_version_type_updated", "resource_version", ["type", "updated_ms", "pk"], unique=False)
    op.create_table(
        "slot_index",
        sa.Column("pk", _KEY, autoincrement=False, nullable=False),
        sa.Column("schedule_id", _CODE, nullable=True),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=False),
        sa.Column("audience", sa.Integer(), nullable=False),
        sa.Column("open_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_slot_index")),
    )
    op.create_index(
        "ix_slot_index_end",
        "slot_index",
        ["end_ms", "pk"],
        unique=False,
        postgresql_where=sa.text("pk > 0"),
        sqlite_where=sa.text("pk > 0"),
    )
    op.create_index(
        "ix_slot_index_free",
        "slot_index",
        ["start_ms", "pk", "audience", "open_ms"],
        unique=False,
        postgresql_where=sa.text("status = 'free'"),
        sqlite_where=sa.text("status = 'free'"),
    )
    op.create_index("ix_slot_index_schedule", "slot_index", ["schedule_id", "start_ms", "pk"], unique=False)
    op.create_index(
        "ix_slot_index_schedule_free",
        "slot_index",
        ["schedule_id", "start_ms", "pk", "audience", "open_ms"],
        unique=False,
        postgresql_where=sa.text("status = 'free'"),
        sqlite_where=sa.text("status = 'free'"),
    )
    op.create_index(
        "ix_slot_index_schedule_withdrawn",
        "slot_index",
        ["schedule_id", "start_ms", "pk"],
        unique=False,
        postgresql_where=sa.text("status = 'busy-unavailable'"),
        sqlite_where=sa.text("status = 'busy-unavailable'"),
    )
    op.create_index("ix_slot_index_start", "slot_index", ["start_ms", "pk"], unique=False)
    op.create_index(
        "ix_slot_index_status",
        "slot_index",
        ["status", "pk"],
        unique=False,
        postgresql_where=sa.text("pk > 0"),
        sqlite_where=sa.text("pk > 0"),
    )
    op.create_table(
        "string_index",
        sa.Column("pk", _KEY, nullable=False),
        sa.Column("parameter", _NAME, nullable=False),
        sa.Column("folded", _CODE, nullable=False),
        sa.Column("exact", _CODE, nullable=False),
    )
    op.create_index("ix_string_index_folded", "string_index", ["parameter", "folded", "pk"], unique=False)
    op.create_index("ix_string_index_pk", "string_index", ["pk", "parameter"], unique=False)
    op.create_table(
        "token_index",
        sa.Column("pk", _KEY, nullable=False),
        sa.Column("parameter", _NAME, nullable=False),
        sa.Column("system", _CODE, nullable=False),
        sa.Column("code", _CODE, nullable=False),
    )
    op.create_index("ix_token_index_code", "token_index", ["parameter", "code", "pk", "system"], unique=False)
    op.create_index("ix_token_index_pk", "token_index", ["pk", "parameter"], unique=False)
    op.create_table(
        "uri_index",
        sa.Column("pk", _KEY, nullable=False),
        sa.Column("parameter", _NAME, nullable=False),
        sa.Column("value", _CODE, nullable=False),
    )
    op.create_index("ix_uri_index_pk", "uri_index", ["pk", "parameter"], unique=False)
    op.create_index("ix_uri_index_value", "uri_index", ["parameter", "value", "pk"], unique=False)


def downgrade() -> None:
    """Drop them."""
    op.drop_table("uri_index")
    op.drop_table("token_index")
    op.drop_table("string_index")
    op.drop_table("slot_index")
    op.drop_table("resource_version")
    op.drop_table("resource")
    op.drop_table("reference_index")
    op.drop_table("quantity_index")
    op.drop_table("position_index")
    op.drop_table("date_index")
    op.drop_table("appointment_index")
