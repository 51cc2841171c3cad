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
    LargeBinary,
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

resource = Table(
    "resource",
    metadata,
    Column("pk", Key, primary_key=True, autoincrement=True),
    Column("type", String(64), nullable=False),
    Column("id", Id, nullable=False),
    Column("version", Integer, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("deleted", Boolean, nullable=False),
    #: Partner or feed that made it: who sees it when its type is not shared.
    Column("owner", String(64), nullable=False),
    #: When the last change happened according to who sent it: a late message never overwrites a newer state.
    Column("happened_ms", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("type", "id"),
    Index("ix_resource_type_pk", "type", "pk", postgresql_where=text("NOT deleted"), sqlite_where=text("NOT deleted")),
    Index("ix_resource_type_updated", "type", "updated_ms", "pk"),
)

resource_version = Table(
    "resource_version",
    metadata,
    Column("pk", Key, primary_key=True, autoincrement=True),
    Column("type", String(64), nullable=False),
    Column("id", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    #: POST, PUT or DELETE, as history shows it.
    Column("method", String(8), nullable=False),
    Column("owner", String(64), nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("type", "id", "version"),
    Index("ix_resource_version_type_updated", "type", "updated_ms", "pk"),
    Index("ix_resource_version_updated", "updated_ms", "pk"),
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
    Index("ix_slot_index_schedule", "schedule_id", "start_ms", "pk"),
    Index(
        "ix_slot_index_schedule_free",
        "schedule_id",
        "start_ms",
        "pk",
        postgresql_where=text("status = 'free'"),
        sqlite_where=text("status = 'free'"),
    ),
    Index(
        "ix_slot_index_free",
        "start_ms",
        "pk",
        postgresql_where=text("status = 'free'"),
        sqlite_where=text("status = 'free'"),
    ),
    Index("ix_slot_index_start", "start_ms", "pk"),
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
)

# Generic index tables, by kind of value. `parameter` is `Type.code`. Any number of rows a resource.

token_index = Table(
    "token_index",
    metadata,
    Column("row", Key, primary_key=True, autoincrement=True),
    Column("pk", Key, nullable=False),
    Column("parameter", String(96), nullable=False),
    Column("system", Code, nullable=False),
    Column("code", Code, nullable=False),
    Index("ix_token_index_code", "parameter", "code", "pk", "system"),
    Index("ix_token_index_pk", "pk", "parameter"),
)

reference_index = Table(
    "reference_index",
    metadata,
    Column("row", Key, primary_key=True, autoincrement=True),
    Column("pk", Key, nullable=False),
    Column("parameter", String(96), nullable=False),
    #: Type and id of a resource of this server; for an absolute URL elsewhere the type is empty and the id is the URL.
    Column("target_type", String(64), nullable=False),
    Column("target_id", Code, nullable=False),
    Index("ix_reference_index_target", "parameter", "target_id", "pk", "target_type"),
    Index("ix_reference_index_pk", "pk", "parameter"),
)

date_index = Table(
    "date_index",
    metadata,
    Column("row", Key, primary_key=True, autoincrement=True),
    Column("pk", Key, nullable=False),
    Column("parameter", String(96), nullable=False),
    #: The span of the value: `low_ms` inclusive, `high_ms` exclusive.
    Column("low_ms", BigInteger, nullable=False),
    Column("high_ms", BigInteger, nullable=False),
    Index("ix_date_index_low", "parameter", "low_ms", "pk"),
    Index("ix_date_index_pk", "pk", "parameter"),
)

string_index = Table(
    "string_index",
    metadata,
    Column("row", Key, primary_key=True, autoincrement=True),
    Column("pk", Key, nullable=False),
    Column("parameter", String(96), nullable=False),
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
    Column("row", Key, primary_key=True, autoincrement=True),
    Column("pk", Key, nullable=False),
    Column("parameter", String(96), nullable=False),
    Column("value", Code, nullable=False),
    Index("ix_uri_index_value", "parameter", "value", "pk"),
    Index("ix_uri_index_pk", "pk", "parameter"),
)

quantity_index = Table(
    "quantity_index",
    metadata,
    Column("row", Key, primary_key=True, autoincrement=True),
    Column("pk", Key, nullable=False),
    Column("parameter", String(96), nullable=False),
    Column("value", Double, nullable=False),
    Column("system", Code, nullable=False),
    Column("code", Code, nullable=False),
    #: The unit as printed, searched when no system is given.
    Column("unit", Code, nullable=False),
    Index("ix_quantity_index_value", "parameter", "value", "pk"),
    Index("ix_quantity_index_pk", "pk", "parameter"),
)

#: Codes that partial indexes are made for. Statements name them rather than bind them, or no planner uses the index.
LITERAL_CODES = {"slot_index.status": frozenset({"free"})}

claim = Table(
    "claim",
    metadata,
    #: A slot's seat belongs to one appointment: the key that makes double booking impossible.
    Column("slot_id", String(64), primary_key=True),
    Column("seat", Integer, primary_key=True),
    Column("appointment_id", String(64), nullable=False),
    Column("claimed_ms", BigInteger, nullable=False),
    Index("ix_claim_appointment", "appointment_id"),
)

inbox = Table(
    "inbox",
    metadata,
    Column("pk", Key, primary_key=True, autoincrement=True),
    Column("feed", String(64), nullable=False),
    Column("sender", Text, nullable=False),
    Column("control_id", Text, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("message_type", String(32), nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    #: applied, refused (answered AE) or rejected (answered AR).
    Column("state", String(16), nullable=False),
    #: What was wrong, as the answer's ERR told it. Never patient data.
    Column("error", Text),
    Column("raw", LargeBinary, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    #: `Type/id/_history/version` of what the message wrote, one a line.
    Column("effects", Text, nullable=False),
    UniqueConstraint("feed", "sender", "control_id", "content_hash", name="uq_inbox_message"),
    Index("ix_inbox_state", "state", "pk"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("pk", Key, primary_key=True, autoincrement=True),
    Column("destination", String(96), nullable=False),
    #: Deliveries of one stream (`Appointment/abc`) to one destination keep their order.
    Column("stream", String(160), nullable=False),
    Column("event", String(64), nullable=False),
    Column("type", String(64), nullable=False),
    Column("id", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    #: waiting, delivered, dead or dropped.
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    #: Until when a dispatcher has it; another may take it after.
    Column("leased_until_ms", BigInteger, nullable=False),
    #: The bytes sent first; a resend repeats them unchanged.
    Column("payload", LargeBinary),
    Column("error", Text),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Index(
        "ix_outbox_due",
        "due_ms",
        "pk",
        postgresql_where=text("state = 'waiting'"),
        sqlite_where=text("state = 'waiting'"),
    ),
    Index("ix_outbox_stream", "destination", "stream", "pk"),
)

partner = Table(
    "partner",
    metadata,
    Column("client_id", String(64), primary_key=True),
    #: The partner's row as a TOML file would hold it, in JSON; secrets only as salted hashes.
    Column("body", Text, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
)

signing_key = Table(
    "signing_key",
    metadata,
    Column("kid", String(64), primary_key=True),
    #: Private JWK of the server's token signing key.
    Column("body", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)
