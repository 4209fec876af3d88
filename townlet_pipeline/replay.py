"""What verification of a capture hands to training."""

from townlet.stages.replay import describe_replay, manifest_sha256, require_verified

__all__ = ["describe_replay", "manifest_sha256", "require_verified"]
