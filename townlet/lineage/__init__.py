"""Lineage of a file: the way from any artefact to its scenario, with every hash checked."""

import townlet.lineage.soaks  # noqa: F401  It registers its kinds.
from townlet.lineage.artefact import Artefact, Claim, LineageError
from townlet.lineage.kinds import KINDS, Kind, register
from townlet.lineage.node import Node
from townlet.lineage.record import RECORD_NAME, LineageRecord, read_record, write_record
from townlet.lineage.walk import trace

__all__ = [
    "KINDS",
    "RECORD_NAME",
    "Artefact",
    "Claim",
    "Kind",
    "LineageError",
    "LineageRecord",
    "Node",
    "read_record",
    "register",
    "trace",
    "write_record",
]
