"""The decorator of the column's assets, which asks for usable options of the training before anything is made."""

import functools

from townlet_pipeline.artefacts.stage import stage
from townlet_pipeline.column.train import require_trainer_options

column_stage = functools.partial(stage, require=require_trainer_options)
