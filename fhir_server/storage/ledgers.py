"""The tables beside the resources: seats taken, messages received, news owed, partners and keys.

Times are epoch milliseconds.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, Text, UniqueConstraint, text

from fhir_server.storage.tables import Key, metadata

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

rota = Table(
    "rota",
    metadata,
    #: A Schedule whose slots the server makes, or made until its rules went.
    Column("schedule_id", String(64), primary_key=True),
    #: How often its rules were changed: slots are made by the rules as they stand, or made again.
    Column("changes", Integer, nullable=False),
    #: Up to when its slots are made; 0 once the rules changed.
    Column("made_until_ms", BigInteger, nullable=False),
    Index("ix_rota_made", "made_until_ms", "schedule_id"),
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
    #: applied, refused (answered AE), rejected (answered AR) or waiting (a fragment, answered CA).
    Column("state", String(16), nullable=False),
    #: What was wrong, as the answer's ERR told it. Never patient data.
    Column("error", Text),
    Column("raw", LargeBinary, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    #: `Type/id/_history/version` of what the message wrote, one a line.
    Column("effects", Text, nullable=False),
    UniqueConstraint("feed", "control_id", "sender", "content_hash", name="uq_inbox_message"),
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
