"""Data, not code: default settings, feeds, partners and the demo territory. See docs/settings.md."""
