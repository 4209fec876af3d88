"""The base of all assets: store, files, locks, partitions, provenance, checks and metadata.

It does not affect the content of any artefact, so code versions leave it out.
"""
