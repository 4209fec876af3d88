"""Names of the files by which captures, policies and other artefacts are recognised."""

#: A capture.
MANIFEST_NAME = "rollout_sample_manifest.json"
METRICS_NAME = "rollout_sample_metrics.json"
#: A policy.
CARD_NAME = "policy.json"
WEIGHTS_NAME = "policy.safetensors"
#: What is known of a policy made elsewhere.
OUTSIDE_POLICY_NAME = "outside_policy.json"
#: A verified capture, an evaluation and a baseline, as the pipeline names them.
VERIFIED_NAME = "replay.json"
EVALUATION_NAME = "evaluation.json"
BASELINE_NAME = "baseline.json"
#: A training: its log, and the checkpoint from which it resumes; a soak's checkpoint has the same name.
TRAINING_LOG_NAME = "ppo_telemetry.jsonl"
CHECKPOINT_NAME = "checkpoint.safetensors"
#: The diagnosis of a divergence, and the runs of other tools in which a training is tracked.
DIVERGENCE_NAME = "divergence.json"
TRACKING_NAME = "tracking.json"
REPORT_NAME = "report.html"
#: A soak, the verdict on it, and its report, whose three files share a stem.
SOAK_NAME = "soak.json"
DRIFT_NAME = "drift.json"
ACCEPTANCE_STEM = "acceptance"
#: Folders of a scenario's soaks in the store: each has a folder for each day, or for each week's first day.
NIGHTS = "nights"
WEEKENDS = "weekends"
