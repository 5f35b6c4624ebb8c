"""Several runs at once, in threads: native runs release the GIL."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from threading import Event
from typing import TypeVar

Progress = Callable[[int, int | None], None]

T = TypeVar("T")


class _Stopped(Exception):
    """Another run has failed, or somebody has interrupted them all."""


def run_all(tasks: Sequence[Callable[[Progress], T]], threads: int | None = None) -> list[T]:
    """What the tasks give, in their order; the error of the first of them that fails.

    A task calls what it is given now and then, as a run calls its `progress`, and is ended there
    when another one fails or Ctrl-C is pressed.
    """
    stopping = Event()

    def progress(done: int, total: int | None) -> None:
        del done, total
        if stopping.is_set():
            raise _Stopped

    def guarded(task: Callable[[Progress], T]) -> T:
        if stopping.is_set():
            raise _Stopped
        try:
            return task(progress)
        except BaseException:
            stopping.set()
            raise

    workers = min(threads or _processors(), len(tasks)) or 1
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(guarded, task) for task in tasks]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            # After an error or an interruption nothing else is begun; what runs ends soon.
            if any(not future.done() or future.exception() for future in futures):
                stopping.set()
    errors = [future.exception() for future in futures]
    for error in errors:
        if error is not None and not isinstance(error, _Stopped):
            raise error
    return [future.result() for future in futures]


def _processors() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
