"""Which of several processes that train one model this is."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import Any


def is_chief_process() -> bool:
    """Tell whether this process is the chief, by the rule of ``tf.distribute``.

    Returns
    -------
    bool
        Whether ``TF_CONFIG`` names it as the chief, or as the first worker where there is no chief;
        True too where there is no ``TF_CONFIG``, or one that says nothing of it.
    """
    config: Any = None
    with suppress(ValueError):
        config = json.loads(os.environ.get("TF_CONFIG") or "{}")
    task = config.get("task") if isinstance(config, dict) else None
    if not isinstance(task, dict) or "type" not in task:
        return True
    chiefs = {"chief", "master"}
    if task["type"] in chiefs:
        return True
    is_first = task["type"] == "worker" and task.get("index", 0) == 0
    return is_first and chiefs.isdisjoint(config.get("cluster") or ())
