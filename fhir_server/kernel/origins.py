"""Where a request or a booking comes from: a closed list. Feeds and partners say in their files which they are."""

#: The regulation centre, the national SAS, a hospital, a vendor's software, the CPTS itself.
ORIGINS = ("samu", "sas", "hospital", "vendor", "cpts")

#: Of whom no file says anything (any more).
OTHER = "other"
