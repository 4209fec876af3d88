"""What every asset shares: files, locks, partitions, provenance, checks and the object store. None of it decides
a byte of an artefact.
"""
