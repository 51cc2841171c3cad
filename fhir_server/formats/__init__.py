"""The forms in which resources travel beside JSON, the form they are stored in."""
