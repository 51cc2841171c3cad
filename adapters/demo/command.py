"""`creneau demo`: the fictional territory, the whole server over it, and one day lived in it."""

import os
import sys
from dataclasses import dataclass
from datetime import datetime

import click

from adapters.demo import load as territory
from adapters.demo import tables
from adapters.demo.listener import Listener
from adapters.demo.play import Endpoints, play
from adapters.processes import run_all
from adapters.service import bring_up_to_date
from fhir_server import bootstrap, settings
from fhir_server.kernel import dates

_PARTNERS = ("demo-vendor", "demo-vendor-2", "demo-agenda", "demo-samu", "demo-coordinator")
#: How long a hold lasts in the demonstration.
_HOLD_SECONDS = "8"


@dataclass(frozen=True, slots=True)
class Demonstration:
    """The choices of the command line."""

    http_port: int
    hospital_port: int
    samu_port: int
    database_url: str
    is_played: bool
    is_once: bool

    def run(self) -> int:
        """Load the territory, run the server, live the day. 0, or 1 when it did not start or a promise did not hold."""
        with Listener("127.0.0.1", 0) as hospital:
            return self._run(hospital)

    def _run(self, hospital: Listener) -> int:
        environment = os.environ | {
            "CRENEAU_DEMO": "true",
            # What the play prints is for people; the log of every request between its lines is not.
            "CRENEAU_LOG_LEVEL": os.environ.get("CRENEAU_LOG_LEVEL", "WARNING"),
            # The day has no five minutes to wait until a hold lapses.
            "CRENEAU_HOLD_SECONDS": os.environ.get("CRENEAU_HOLD_SECONDS", _HOLD_SECONDS),
            "CRENEAU_HTTP_PORT": str(self.http_port),
            "CRENEAU_DATABASE_URL": self.database_url,
            "CRENEAU_FEED_HOSPITAL_PORT": str(self.hospital_port),
            "CRENEAU_FEED_SAMU_PORT": str(self.samu_port),
            # The SAMU sees over FHIR what it sent over MLLP.
            "CRENEAU_FEED_SAMU_OWNER": "demo-samu",
            "CRENEAU_FEED_HOSPITAL_SEND_PORT": str(hospital.port),
        }
        chosen = settings.load(environment)
        self._load(chosen)
        return run_all(chosen, environment, lambda feeds: self._when_ready(chosen, hospital))

    def _load(self, chosen: settings.Settings) -> None:
        services = bootstrap.build(chosen)
        bring_up_to_date(chosen, services.store.database)
        today = datetime.now(dates.zone(tables.read().zone)).date()
        click.echo(f"{territory.load(services.store, today)} resources of the fictional territory written")
        services.close()

    def _when_ready(self, chosen: settings.Settings, hospital: Listener) -> int | None:
        click.echo(f"  partners   {', '.join(_PARTNERS)}: secret creneau-demo\n")
        verdict = 0
        if self.is_played:
            endpoints = Endpoints(
                fhir_url=chosen.base_url,
                token_url=f"{chosen.issuer}/oauth/token",
                hospital_port=self.hospital_port,
                samu_port=self.samu_port,
            )
            verdict = play(endpoints, hospital, sys.stdout)
        if self.is_once:
            return verdict
        click.echo("\nThe server goes on; Ctrl-C stops it.")
        return None
