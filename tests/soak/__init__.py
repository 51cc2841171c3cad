"""A soak: messages from several senders while processes are killed, and then a look whether all is there, once."""
