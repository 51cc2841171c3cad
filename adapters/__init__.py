"""Other tongues: HL7 v2 over MLLP today. Adapters use the server's services; the server never imports an adapter."""
