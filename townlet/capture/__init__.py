"""Captures: rollouts recorded to disk, and read back with every file checked."""

from townlet.capture.manifest import Manifest, parse_manifest
from townlet.capture.read import Capture, read_capture, read_events, verify_capture
from townlet.capture.record import CaptureResult, capture_rollout
from townlet.files.artefact_names import MANIFEST_NAME, METRICS_NAME

__all__ = [
    "MANIFEST_NAME",
    "METRICS_NAME",
    "Capture",
    "CaptureResult",
    "Manifest",
    "capture_rollout",
    "parse_manifest",
    "read_capture",
    "read_events",
    "verify_capture",
]
