"""Files: reads within bounds, atomic writes, hashes and locks."""
