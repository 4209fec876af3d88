"""The policy that comes with Townlet as an asset of the graph, which no run makes."""

from typing import Any

from dagster import AssetSpec, MetadataValue

from townlet.errors import InputError
from townlet.files.artefact_names import CARD_NAME, WEIGHTS_NAME
from townlet.files.storage import read_json, require_field
from townlet.policies import policies_folder
from townlet_pipeline.artefacts.external import GENERALIST, MADE_BY
from townlet_pipeline.artefacts.labels import OWNERS, tags

#: The policy's name, and the page with the results of the study that makes it.
NAME, RESULTS = "generalist", "docs/results/unseen-towns.md"
_GROUP = "training"


def policy_metadata() -> dict[str, Any]:
    """The metadata of the shipped policy as it is now: card, hash, size, seed, who made it, and the results.

    Of a policy that is damaged or missing, it says what is wrong.
    """
    folder = policies_folder() / NAME
    file, what = folder / CARD_NAME, "a policy's card"
    try:
        card = read_json(file, what)
        provenance = require_field(card, "provenance", file, what, dict)
        weights = require_field(card, "sha256", file, what, str)
        seed = require_field(card, "provenance.seed", file, what, int)
        steps = require_field(card, "provenance.agent_steps", file, what, int)
        size = sum((folder / name).stat().st_size for name in (CARD_NAME, WEIGHTS_NAME))
    except (InputError, OSError) as error:
        return {"headline": str(error)}
    study = provenance.get("study")
    made_by = study.get("made_by") if isinstance(study, dict) else None
    return {
        "headline": f"{weights[:12]}, seed {seed}, {steps:,} agent-steps, {size:,} bytes",
        "sha256": weights,
        "seed": seed,
        "bytes": size,
        MADE_BY: str(made_by or "townlet train"),
        "card": MetadataValue.json({name: value for name, value in card.items() if name != "observation"}),
        "results": RESULTS,
        "path": MetadataValue.path(str(file)),
        "command": "townlet lineage generalist",
    }


generalist_policy = AssetSpec(
    GENERALIST,
    group_name=_GROUP,
    kinds={"pytorch"},
    owners=OWNERS,
    tags=tags(_GROUP),
    description="The policy that comes with Townlet, `generalist`, for towns that nobody trained in. "
    "`townlet study unseen --ship` makes it; no run does. In the launchpad, `policy: generalist` of `simulator` "
    "records it and `from_policy: generalist` of `trainer` fine-tunes it; what was made with it lists it among its "
    "inputs.",
    metadata=policy_metadata(),
)
