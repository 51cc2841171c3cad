"""`creneau patient`: what a patient may ask the operator for."""

import getpass
from contextlib import closing
from dataclasses import replace

import click

from fhir_server.bootstrap import build
from fhir_server.kernel.actor import SYSTEM
from fhir_server.kernel.deed import Deed
from fhir_server.settings import Settings
from fhir_server.storage.erasure import Erased, erase


@click.group()
def patient() -> None:
    """What a patient may ask for (docs/privacy.md)."""


@patient.command("erase")
@click.argument("patient_id")
@click.confirmation_option(prompt="This cannot be undone. Erase the patient?")
@click.pass_obj
def patient_erase(settings: Settings, patient_id: str) -> None:
    """Erase a patient, and all resources, versions, messages and deliveries about the person.

    Refused while an appointment is to come. What was done is told in the audit trail, in the same commit.
    """
    found = erased(settings, patient_id)
    click.echo(
        f"Patient/{patient_id} is erased: {found.resources} resources, {found.versions} versions, "
        f"{found.messages} messages, {found.deliveries} deliveries, {found.answers} kept answers."
    )


def erased(settings: Settings, patient_id: str) -> Erased:
    """Erase a patient in the name of the operating system's user. Raises FhirError as `erase` does."""
    deed = Deed("command", "Patient", patient_id, name="patient-erase")
    actor = replace(SYSTEM, owner=f"operator:{getpass.getuser()}", deed=deed)
    with closing(build(settings)) as services:
        return services.store.transact(actor, lambda uow: erase(uow, patient_id))
