"""What a territory shows its funders: figures of a period, counted from the history, told without small groups."""
