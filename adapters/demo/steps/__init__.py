"""The steps of the day, by who acts. Each takes the day, and leaves in it what later steps need."""
