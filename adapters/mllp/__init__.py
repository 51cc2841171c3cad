"""MLLP: frames on a TCP connection, a server and a client. Knows no HL7 beyond the framing bytes."""
