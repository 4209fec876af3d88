"""The assets of a scenario's column, one file per asset."""
