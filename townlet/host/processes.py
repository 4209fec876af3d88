"""Child processes: they end with the process that started them, and leave Ctrl-C to it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess


def exit_with_parent() -> None:
    """End this process as soon as its parent has ended, however that happens.

    A thread waits for the parent. Call it first in a process of :mod:`multiprocessing`; elsewhere it does nothing.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_exit_after, args=(parent,), daemon=True).start()


def _exit_after(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


@contextmanager
def interrupts_ignored() -> Iterator[None]:
    """Start processes here that never see Ctrl-C: what is ignored stays so in a new program.

    Whoever starts them tells them when to stop. In a thread other than the main one, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
