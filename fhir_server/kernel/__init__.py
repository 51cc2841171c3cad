"""What everything stands on: errors, dates, paths, ids, clock, JSON, log. Imports nothing of the house."""
