"""HL7 v2 codec: bytes to a loss-free tree and back, answers, dates, structure tables. Touches no database, no web."""
