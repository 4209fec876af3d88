"""Gates of a scenario's column: conditions that an asset's files must meet before anything is made from them."""

from dagster import AssetChecksDefinition, PartitionsDefinition

from townlet_pipeline.artefacts import files
from townlet_pipeline.artefacts.check import Finding, gate
from townlet_pipeline.artefacts.partitions import scenarios
from townlet_pipeline.artefacts.store import StoreResource

#: Fewest agent-steps per person, on average, that a capture needs to be learned from.
LEAST_STEPS_PER_PERSON = 10
#: Ticks and worlds of a capture that are simulated again.
SLICE_TICKS, SLICE_WORLDS = 32, 4


def lineage_intact(asset: str, partitions: PartitionsDefinition[str] = scenarios) -> AssetChecksDefinition:
    """A gate: an asset's files, and all that they were made from, have the hashes on record."""

    def check(store: StoreResource, scenario: str) -> Finding:
        """Every file of this asset, and of all that it was made from, back to the scenario, has the hash on record."""
        from townlet.lineage import trace

        nodes = list(trace(files.main_file(store, scenario, asset)).everything())
        count = sum(len(node.files) for node in nodes)
        return Finding(True, f"{count} files are as recorded", {"files": count, "artefacts": len(nodes)})

    return gate(asset, "lineage_intact", partitions)(check)


@gate("rollout_capture")
def capture_integrity(store: StoreResource, scenario: str) -> Finding:
    """Every file of the capture has the bytes, hash, schema and rows that the manifest says."""
    from townlet.capture import verify_capture

    manifest = verify_capture(files.manifest(store, scenario))
    count = len(manifest.shards) + 2
    return Finding(True, f"{count} files are as the manifest says", {"files": count, "rows": manifest.rows})


@gate("rollout_capture")
def slice_reproduces(store: StoreResource, scenario: str) -> Finding:
    """The beginning of the capture, simulated again, is the same to the bit."""
    from townlet.stages.reproduction import differences_when_repeated

    manifest, source = files.manifest(store, scenario), files.scenario_copy(store, scenario)
    steps, different = differences_when_repeated(manifest, source, ticks=SLICE_TICKS, worlds=SLICE_WORLDS)
    sentence = f"{steps:,} agent-steps are the same" if not different else f"different: {', '.join(different)}"
    return Finding(not different, sentence, {"agent_steps": steps, "different_columns": len(different)})


@gate("replay_manifest")
def replay_is_current(store: StoreResource, scenario: str) -> Finding:
    """The capture in the store is the one that was verified."""
    from townlet.stages.verified_capture import require_verified

    require_verified(files.manifest(store, scenario), files.verification(store, scenario))
    return Finding(True, "the manifest has the hash that was verified", {})


@gate("replay_manifest")
def enough_to_learn(store: StoreResource, scenario: str) -> Finding:
    """The capture has enough agent-steps per person to learn from."""
    from townlet.files.storage import read_json

    replay = read_json(files.verification(store, scenario), "a verified capture")
    steps = replay["agent_steps"] / len(replay["people"])
    sentence = f"{steps:,.0f} agent-steps per person, at least {LEAST_STEPS_PER_PERSON} are needed"
    return Finding(steps >= LEAST_STEPS_PER_PERSON, sentence, {"agent_steps_per_person": steps})


@gate("trained_policy")
def finite_weights(store: StoreResource, scenario: str) -> Finding:
    """The weights have the hash and shapes that the policy's card says, and every one is a finite number."""
    from townlet.behavior.policy_file import load_policy

    network, _ = load_policy(files.policy(store, scenario))
    weights = sum(parameter.numel() for parameter in network.parameters())
    return Finding(True, f"{weights:,} finite weights", {"weights": weights})


@gate("ppo_telemetry")
def telemetry_schema(store: StoreResource, scenario: str) -> Finding:
    """Every line of the training log keeps the telemetry schema, and the lines follow each other."""
    from townlet.telemetry import validate_log

    result = validate_log(files.log(store, scenario))
    sentence = "\n".join(map(str, result.faults)) or f"{len(result.records)} records are valid"
    return Finding(result.valid, sentence, {"records": len(result.records), "faults": len(result.faults)})


@gate("validated_telemetry")
def table_matches_log(store: StoreResource, scenario: str) -> Finding:
    """The table has the rows, columns and values of the log."""
    import pyarrow.parquet as pq

    from townlet.telemetry import read_records, telemetry_table

    expected = telemetry_table(read_records(files.log(store, scenario)))
    found = pq.read_table(files.telemetry_table(store, scenario))
    same = found.equals(expected)
    sentence = f"{found.num_rows} rows, {found.num_columns} columns" + ("" if same else ", which are not the log's")
    return Finding(same, sentence, {"rows": found.num_rows, "columns": found.num_columns})


@gate("policy_evaluation")
def worlds_are_unseen(store: StoreResource, scenario: str) -> Finding:
    """The evaluation is of the present policy, in worlds of a seed that it was not trained with."""
    from townlet.evaluation import read_evaluation
    from townlet.files.storage import read_json

    result = read_evaluation(files.evaluation(store, scenario))
    card = read_json(files.main_file(store, scenario, "trained_policy"), "a policy's card")
    if result["policy_sha256"] != card["sha256"]:
        return Finding(False, f"of the policy {result['policy_sha256']}, found {card['sha256']}", {})
    seen = {*result["seeds_trained_with"], card["provenance"]["seed"]}
    sentence = f"seed {result['seed']}; {', '.join(map(str, sorted(seen)))} were trained with"
    return Finding(result["seed"] not in seen, sentence, {"seed": result["seed"]})


ALL = [
    *map(lineage_intact, ("scenario", "rollout_playback", "telemetry_alerts", "summary_report", "policy_evaluation")),
    capture_integrity,
    slice_reproduces,
    replay_is_current,
    enough_to_learn,
    finite_weights,
    telemetry_schema,
    table_matches_log,
    worlds_are_unseen,
]
