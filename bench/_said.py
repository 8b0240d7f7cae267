"""How the processes of a benchmark speak to the one that measures. Imports next to nothing."""

import json
import resource
from contextlib import suppress
from typing import Any


def say(value: Any) -> None:
    """Tell the measuring process."""
    print(json.dumps(value), flush=True)


def cpu_of(*pids: int) -> float:
    """CPU seconds of these processes and of their children, those that ended included."""
    import psutil

    used = 0.0
    for pid in pids:
        one = psutil.Process(pid)
        for each in (one, *one.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                used += each.cpu_times().user + each.cpu_times().system
        used += one.cpu_times().children_user + one.cpu_times().children_system
    return used


def cpu() -> float:
    """CPU seconds of this process, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
