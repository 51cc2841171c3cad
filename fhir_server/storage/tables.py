"""The tables, the same on SQLite and PostgreSQL. Times are epoch milliseconds; bodies are the JSON text that is
answered.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: SQLite numbers rows by itself only in a column typed INTEGER.
Key = BigInteger().with_variant(Integer, "sqlite")

#: Compared and sorted by code point on every database and in memory, so that searches and cursors agree everywhere.
#: Columns joined to each other must share it, or PostgreSQL cannot use their indexes.
Code = Text().with_variant(Text(collation="C"), "postgresql")
Id = String(64).with_variant(String(64, collation="C"), "postgresql")
Name = String(96).with_variant(String(96, collation="C"), "postgresql")

#: What every row meets: see `ON_REQUEST`.
REQUEST = "pk > 0"

resource = Table(
    "resource",
    metadata,
    Column("pk", Key, primary_key=True, autoincrement=True),
    Column("type", Id, nullable=False),
    Column("id", Id, nullable=False),
    Column("version", Integer, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("deleted", Boolean, nullable=False),
    #: Partner or feed that made it: who sees it when its type is not shared.
    Column("owner", Id, nullable=False),
    #: When the last change happened according to who sent it: a late message never overwrites a newer state.
    Column("happened_ms", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    #: When feeds told each of its elements, as JSON; absent when its last change came by another way.
    Column("told", Text),
    UniqueConstraint("type", "id"),
    Index("ix_resource_type_pk", "type", "pk", postgresql_where=text("NOT deleted"), sqlite_where=text("NOT deleted")),
    #: What one partner made of a type that each sees its own of.
    Index(
        "ix_resource_owner",
        "owner",
        "type",
        "pk",
        postgresql_where=text("NOT deleted"),
        sqlite_where=text("NOT deleted"),
    ),
    Index("ix_resource_type_updated", "type", "updated_ms", "pk"),
)

resource_version = Table(
    "resource_version",
    metadata,
    Column("pk", Key, primary_key=True, autoincrement=True),
    Column("type", Id, nullable=False),
    Column("id", Id, nullable=False),
    Column("version", Integer, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    #: POST, PUT or DELETE, as history shows it.
    Column("method", String(8), nullable=False),
    Column("owner", Id, nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("type", "id", "version"),
    Index("ix_resource_version_type_updated", "type", "updated_ms", "pk"),
    Index("ix_resource_version_owner", "owner", "type", "updated_ms", "pk"),
)

# Typed index tables: what is hot. One row a resource. Index tables carry no foreign keys: their rows are derived,
# written and removed with the resource in one transaction, and a key check would lock the resource's row a second
# time.

slot_index = Table(
    "slot_index",
    metadata,
    Column("pk", Key, primary_key=True, autoincrement=False),
    #: Absent for a schedule known only by an identifier; for one elsewhere, its URL.
    Column("schedule_id", Code),
    Column("status", String(32), nullable=False),
    Column("start_ms", BigInteger, nullable=False),
    Column("end_ms", BigInteger, nullable=False),
    #: Bits of whom it is meant for, kept for, how they are seen (`kernel.audiences`), and when it opens to the former.
    Column("audience", Integer, nullable=False),
    Column("open_ms", BigInteger, nullable=False),
    Index("ix_slot_index_schedule", "schedule_id", "start_ms", "pk"),
    Index(
        "ix_slot_index_schedule_free",
        "schedule_id",
        "start_ms",
        "pk",
        "audience",
        "open_ms",
        postgresql_where=text("status = 'free'"),
        sqlite_where=text("status = 'free'"),
    ),
    Index(
        "ix_slot_index_schedule_withdrawn",
        "schedule_id",
        "start_ms",
        "pk",
        postgresql_where=text("status = 'busy-unavailable'"),
        sqlite_where=text("status = 'busy-unavailable'"),
    ),
    Index(
        "ix_slot_index_free",
        "start_ms",
        "pk",
        "audience",
        "open_ms",
        postgresql_where=text("status = 'free'"),
        sqlite_where=text("status = 'free'"),
    ),
    Index("ix_slot_index_start", "start_ms", "pk"),
    Index("ix_slot_index_status", "status", "pk", postgresql_where=text(REQUEST), sqlite_where=text(REQUEST)),
    Index("ix_slot_index_end", "end_ms", "pk", postgresql_where=text(REQUEST), sqlite_where=text(REQUEST)),
)

appointment_index = Table(
    "appointment_index",
    metadata,
    Column("pk", Key, primary_key=True, autoincrement=False),
    Column("status", String(32), nullable=False),
    #: Both absent for an appointment that has no time yet.
    Column("start_ms", BigInteger),
    Column("end_ms", BigInteger),
    Index("ix_appointment_index_start", "start_ms", "pk"),
    Index("ix_appointment_index_status", "status", "pk", postgresql_where=text(REQUEST), sqlite_where=text(REQUEST)),
    Index("ix_appointment_index_end", "end_ms", "pk", postgresql_where=text(REQUEST), sqlite_where=text(REQUEST)),
)

# Generic index tables, by kind of value. `parameter` is `Type.code`. Any number of rows a resource, without a key of
# their own: it would be one more index to write for each, and nothing asks for it.

token_index = Table(
    "token_index",
    metadata,
    Column("pk", Key, nullable=False),
    Column("parameter", Name, nullable=False),
    Column("system", Code, nullable=False),
    Column("code", Code, nullable=False),
    Index("ix_token_index_code", "parameter", "code", "pk", "system"),
    Index("ix_token_index_pk", "pk", "parameter"),
)

reference_index = Table(
    "reference_index",
    metadata,
    Column("pk", Key, nullable=False),
    Column("parameter", Name, nullable=False),
    #: Type and id of a resource of this server; for an absolute URL elsewhere the type is empty and the id is the URL.
    Column("target_type", Id, nullable=False),
    Column("target_id", Code, nullable=False),
    Index("ix_reference_index_target", "parameter", "target_id", "pk", "target_type"),
    Index("ix_reference_index_pk", "pk", "parameter"),
)

date_index = Table(
    "date_index",
    metadata,
    Column("pk", Key, nullable=False),
    Column("parameter", Name, nullable=False),
    #: The span of the value: `low_ms` inclusive, `high_ms` exclusive.
    Column("low_ms", BigInteger, nullable=False),
    Column("high_ms", BigInteger, nullable=False),
    Index("ix_date_index_low", "parameter", "low_ms", "pk"),
    Index("ix_date_index_high", "parameter", "high_ms", "pk"),
    Index("ix_date_index_pk", "pk", "parameter"),
)

string_index = Table(
    "string_index",
    metadata,
    Column("pk", Key, nullable=False),
    Column("parameter", Name, nullable=False),
    #: Folded: lower case, no accents, single spaces. Searched by prefix.
    Column("folded", Code, nullable=False),
    #: As written, for `:exact`.
    Column("exact", Code, nullable=False),
    Index("ix_string_index_folded", "parameter", "folded", "pk"),
    Index("ix_string_index_pk", "pk", "parameter"),
)

uri_index = Table(
    "uri_index",
    metadata,
    Column("pk", Key, nullable=False),
    Column("parameter", Name, nullable=False),
    Column("value", Code, nullable=False),
    Index("ix_uri_index_value", "parameter", "value", "pk"),
    Index("ix_uri_index_pk", "pk", "parameter"),
)

quantity_index = Table(
    "quantity_index",
    metadata,
    Column("pk", Key, nullable=False),
    Column("parameter", Name, nullable=False),
    Column("value", Double, nullable=False),
    Column("system", Code, nullable=False),
    Column("code", Code, nullable=False),
    #: The unit as printed, searched when no system is given.
    Column("unit", Code, nullable=False),
    Index("ix_quantity_index_value", "parameter", "value", "pk"),
    Index("ix_quantity_index_pk", "pk", "parameter"),
)

position_index = Table(
    "position_index",
    metadata,
    Column("pk", Key, nullable=False),
    Column("parameter", Name, nullable=False),
    #: A place as a point of the unit sphere: `z` grows with the latitude.
    Column("x", Double, nullable=False),
    Column("y", Double, nullable=False),
    Column("z", Double, nullable=False),
    Index("ix_position_index_point", "parameter", "z", "x", "y", "pk"),
    Index("ix_position_index_pk", "pk", "parameter"),
)

#: Columns whose index serves only statements that say `REQUEST`, which every row meets: to sort by them, or to learn
#: whether few rows have a value. SQLite would start from them where an index on moments is better.
ON_REQUEST = frozenset(
    {"slot_index.status", "slot_index.end_ms", "appointment_index.status", "appointment_index.end_ms"}
)

#: Codes that partial indexes are made for. Statements name them rather than bind them, or no planner uses the index.
LITERAL_CODES = {"slot_index.status": frozenset({"free"})}
