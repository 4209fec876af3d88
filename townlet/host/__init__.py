"""The machine: its memory, threads and processes, the compile cache, and what is installed."""
