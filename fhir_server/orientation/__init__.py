"""A need and the slots that may meet it: which come first, and why. Pure."""
