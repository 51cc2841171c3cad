"""Data, not code: message plans, segment rows, code tables and the overlays of each feed. See docs/mappings.md."""
