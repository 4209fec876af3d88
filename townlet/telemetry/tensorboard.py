"""Export of a training log to TensorBoard event files."""

from __future__ import annotations

import shutil
from pathlib import Path

from townlet.errors import InputError
from townlet.files.outputs import folder_place, make_folder, sync_folder
from townlet.telemetry.curves import points_of
from townlet.telemetry.validator import read_records


def export_tensorboard(log: Path, output: Path) -> int:
    """Write every number of a valid log into an event file in a new folder, and return the number of curves.

    The curves are those of :func:`~townlet.telemetry.curves.points_of`; wall time is training time since the start, in
    seconds. The folder appears complete or not at all.

    Raises InputError if the log is not valid, if the folder exists, since its curves would mix with these, or if
    TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        expected = "TensorBoard: pip install 'townlet[tensorboard]'"
        raise InputError.of("options", "export tensorboard", "no TensorBoard", expected) from None
    records = read_records(log)
    target = folder_place(output)
    if target.exists():
        raise InputError.of(output, "", "a folder or file of that name", "a new folder")
    make_folder(target.parent)
    part = target.with_name(f".{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    tags: set[str] = set()
    try:
        writer = SummaryWriter(part)
        for point in points_of(records):
            tags.add(point.curve)
            writer.add_scalar(point.curve, point.value, point.step, walltime=point.seconds)
        writer.close()
        part.rename(target)
        sync_folder(target.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return len(tags)
