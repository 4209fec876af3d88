"""The machine we run on: memory, threads, processes, the compile cache, and versions of libraries."""
