"""The machine that we run on: its memory, threads and processes, the compile cache, and the versions of
libraries.
"""
