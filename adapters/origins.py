"""Whose requests and bookings come from where, as the files of feeds and partners say it."""

import logging
from collections.abc import Iterator

from adapters import feeds as feed_files
from fhir_server.auth import partners as partner_files
from fhir_server.auth.partners import Partner, PartnerError, Partners, parse
from fhir_server.figures import basis
from fhir_server.kernel import json
from fhir_server.settings import Settings
from fhir_server.storage.partners import PartnerTable
from fhir_server.storage.unit_of_work import Store

_log = logging.getLogger(__name__)


def record(settings: Settings, store: Store) -> None:
    """Keep what figures are counted by as the files say it now (`figures.basis`)."""
    origins = {partner.acts_for: partner.origin for partner in _partners(settings, store)}
    # A feed may send over HTTP as a client of its own name: its file comes first.
    origins |= {feed.owner: feed.origin for feed in feed_files.load(settings)}
    basis.record(store, settings, origins)


def _partners(settings: Settings, store: Store) -> Iterator[Partner]:
    rows = PartnerTable(store)
    try:
        yield from (parse(json.load(body.encode()), "partner") for body in rows.load())
        yield from Partners(partner_files.folders(settings), rows, is_demo=settings.demo).registered()
    except PartnerError as error:
        _log.warning("%s", error)
