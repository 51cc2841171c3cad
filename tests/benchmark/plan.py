"""A query plan as data, whatever the database: its steps, what each reads, and which go through a large table."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from fhir_server.storage import tables

#: Rows from which a table is large.
LARGE = 10_000


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a plan."""

    depth: int
    text: str
    #: The large table it reads; empty for any other step.
    table: str = ""
    #: Rows it read to give its own, over all its turns; None where the database does not tell.
    read: int | None = None
    #: Whether an index condition bounds what it reads.
    is_bounded: bool = True
    #: Whether it went through the table, rather than end early.
    is_through: bool = False

    @property
    def flag(self) -> str:
        """How the report marks it."""
        if self.is_bounded:
            return ""
        return "**SCAN!**" if self.is_through else "unbounded"


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of one statement."""

    steps: tuple[Step, ...]
    #: Rows it returned or changed.
    returned: int
    #: What running it took in all, and whether that is what going through a large table takes.
    work: str
    is_heavy: bool


def large_tables(connection: Connection) -> dict[str, int]:
    """Rows of each table of resources, versions and index rows that is large."""
    counted = {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in tables.metadata.sorted_tables
        if table.name.startswith("resource") or table.name.endswith("_index")
    }
    return {name: rows for name, rows in counted.items() if rows > LARGE}
