"""The tables beside the resources: seats taken, messages received, news owed, partners and keys.

Times are epoch milliseconds.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, Text, UniqueConstraint, text

from fhir_server.storage.tables import Code, Key, metadata

claim = Table(
    "claim",
    metadata,
    #: A slot's seat belongs to one appointment: the key that makes double booking impossible.
    Column("slot_id", String(64), primary_key=True),
    Column("seat", Integer, primary_key=True),
    Column("appointment_id", String(64), nullable=False),
    Column("claimed_ms", BigInteger, nullable=False),
    #: 1 while the appointment is pending: the seat is held, not booked yet; else 0.
    Column("tentative", Integer, nullable=False),
    Index("ix_claim_appointment", "appointment_id"),
)

hold = Table(
    "hold",
    metadata,
    #: A pending Appointment that gives its seats back at a moment unless it is booked before.
    Column("appointment_id", String(64), primary_key=True),
    #: Partner that holds, for its quota.
    Column("owner", String(64), nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Index("ix_hold_expires", "expires_ms", "appointment_id"),
    Index("ix_hold_owner", "owner", "expires_ms"),
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

idempotency = Table(
    "idempotency",
    metadata,
    #: A partner and what it calls one thing that it asks for (`Idempotency-Key`).
    Column("owner", String(64), primary_key=True),
    Column("key", String(255), primary_key=True),
    #: A digest of what was asked: the same key with another content is a mistake.
    Column("fingerprint", String(64), nullable=False),
    #: What was answered, as JSON.
    Column("answer", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Index("ix_idempotency_at", "at_ms"),
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

partner_suspension = Table(
    "partner_suspension",
    metadata,
    #: A partner, of a file or a row, that is let in no more.
    Column("client_id", String(64), primary_key=True),
    Column("since_ms", BigInteger, nullable=False),
)

access_change = Table(
    "access_change",
    metadata,
    #: Grows in the order of commit: a process asks for what is beyond the last one it knows.
    Column("pk", Key, primary_key=True, autoincrement=True),
    #: token, partner or key.
    Column("kind", String(8), nullable=False),
    #: The jti revoked, or the client id or key id to look up anew.
    Column("subject", String(128), nullable=False),
    #: From when on nobody needs to know.
    Column("until_ms", BigInteger, nullable=False),
    Index("ix_access_change_until", "until_ms"),
)

used_assertion = Table(
    "used_assertion",
    metadata,
    #: The key that lets a client's assertion be used once, whichever process it is shown to.
    Column("client_id", String(64), primary_key=True),
    #: SHA-256 of the jti.
    Column("jti_hash", String(64), primary_key=True),
    Column("until_ms", BigInteger, nullable=False),
    Index("ix_used_assertion_until", "until_ms"),
)

wrong_secret = Table(
    "wrong_secret",
    metadata,
    #: A registered client whose secret somebody guessed at.
    Column("client_id", String(64), primary_key=True),
    Column("count", Integer, nullable=False),
    #: Until when no secret of it is looked at.
    Column("until_ms", BigInteger, nullable=False),
)

# The audit trail (docs/audit.md). Nothing in it is ever changed.

audit_pending = Table(
    "audit_pending",
    metadata,
    #: Events of changes and messages, written in their transactions, until they are sealed: moved into `audit`.
    Column("pk", Key, primary_key=True, autoincrement=True),
    Column("line", Text, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    #: One after the other without a gap: who seals gives the numbers.
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    #: When it happened, and who acted: what the line says, for searches.
    Column("at_ms", BigInteger, nullable=False),
    Column("owner", Code, nullable=False),
    #: The event as `audit.event` writes it.
    Column("line", Text, nullable=False),
    #: What `audit.chain` makes of the hash before it, the number and the line.
    Column("hash", String(64), nullable=False),
    Index("ix_audit_at", "at_ms", "number"),
    Index("ix_audit_owner", "owner", "at_ms", "number"),
)

audit_entity = Table(
    "audit_entity",
    metadata,
    #: `Type/id` of what an event is about.
    Column("reference", Code, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

audit_journal = Table(
    "audit_journal",
    metadata,
    #: A file of events that wait, and how many of its octets are sealed.
    Column("name", String(255), primary_key=True),
    Column("read_to", BigInteger, nullable=False),
)

figure_basis = Table(
    "figure_basis",
    metadata,
    #: Whose origin it is, or the territory's communes and postal codes: what figures are counted by.
    Column("kind", String(16), primary_key=True),
    Column("name", String(64), primary_key=True),
    #: When the server learnt it; 0 for what it learnt first.
    Column("since_ms", BigInteger, primary_key=True),
    Column("value", Text, nullable=False),
)
