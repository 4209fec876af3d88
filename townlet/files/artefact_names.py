"""Names of the files by which captures, policies and other artefacts are recognised."""

#: A capture.
MANIFEST_NAME = "rollout_sample_manifest.json"
METRICS_NAME = "rollout_sample_metrics.json"
#: A policy.
CARD_NAME = "policy.json"
WEIGHTS_NAME = "policy.safetensors"
#: A verified capture, an evaluation and a baseline, as the pipeline names them.
VERIFIED_NAME = "replay.json"
EVALUATION_NAME = "evaluation.json"
BASELINE_NAME = "baseline.json"
