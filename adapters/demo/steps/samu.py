"""The SAMU's step: a caller is referred to the territory."""

from datetime import timedelta

from adapters.demo.day import Day
from adapters.demo.journal import summary
from adapters.demo.person import doctor


def refer(day: Day) -> None:
    """The SAMU refers a caller to the territory's doctors: REF^I12."""
    referral = f"SAMU{day.run}"
    exchange = day.send(
        day.endpoints.samu_port,
        "samu_I12",
        referral=referral,
        expiry=f"{day.now + timedelta(days=2):%Y%m%d%H%M%S}",
        **doctor(-1),
        **day.caller.hl7(),
    )
    request = day.only("ServiceRequest", [("identifier", referral)])
    patient = day.only("Patient", [("identifier", day.caller.number)])
    day.request = request
    day.journal.stored(summary(request, "status", "intent", "priority"), summary(patient, "birthDate"))
    day.journal.promise("the referral is acknowledged", "AA", exchange.get("MSA-1"))
    day.journal.promise("it is an active request", "active", request["status"])
    day.journal.promise("for the caller", f"Patient/{patient['id']}", request.get("subject", {}).get("reference"))
