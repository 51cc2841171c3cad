"""Commands of the operator's that the audit trail tells of: those that show patients' data, or change who may what."""

import getpass
from contextlib import closing
from dataclasses import replace
from typing import Any

import click

from fhir_server.bootstrap import build
from fhir_server.kernel.actor import SYSTEM
from fhir_server.kernel.deed import Deed
from fhir_server.settings import Settings


class ToldCommand(click.Command):
    """A command that is told before it runs, by its name and that of the operating system's user.

    It does not run when it cannot be told. Its arguments are left out, since they may be secrets.
    """

    def invoke(self, context: click.Context) -> Any:
        settings = context.find_object(Settings)
        if settings is not None:
            _tell(settings, "-".join(_names(context)))
        return super().invoke(context)


def _names(context: click.Context) -> list[str]:
    """The command with its groups, without the program."""
    return [*_names(context.parent), context.info_name or ""] if context.parent else []


def _tell(settings: Settings, name: str) -> None:
    actor = replace(SYSTEM, owner=f"operator:{getpass.getuser()}", deed=Deed("command", name=name))
    with closing(build(settings)) as services:
        services.store.transact(actor, lambda uow: None)
