"""One way to deliver each. A channel is given a delivery and says how it went; it keeps nothing."""
