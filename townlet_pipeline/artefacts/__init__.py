"""The base of all assets: store, files, locks, partitions, provenance, checks and metadata.

None of it decides a byte of an artefact, so code versions do not follow it.
"""
