"""Two processes train one model: the chief records, and its numbers are those of one process."""

from __future__ import annotations

import json
import os
import pickle
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnngrad_widgets import GradientEngine, Recording
from rnngrad_widgets.callbacks.workers import is_chief_process
from tests.unit.recording import worker

pytest.importorskip("tf_keras", reason="only Keras 2 trains with MultiWorkerMirroredStrategy")


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody listens at."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.mark.long
def test_the_chief_of_two_workers_records(tmp_path: Path) -> None:
    ports = ",".join(map(str, free_ports(2)))
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "CUDA_VISIBLE_DEVICES": "",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    running = [
        subprocess.Popen(
            [sys.executable, worker.__file__, ports, str(index), str(tmp_path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
        )
        for index in range(2)
    ]
    said = [each.communicate(timeout=150)[0] for each in running]
    assert [each.returncode for each in running] == [0, 0], "\n".join(said)
    seen: list[dict[str, Any]] = [
        pickle.loads((tmp_path / f"{index}.pickle").read_bytes()) for index in range(2)
    ]
    assert [each["replicas"] for each in seen] == [2, 2]

    # training is the same in both, with the callbacks and without
    for other in (seen[0]["plain"], seen[1]["plain"], seen[1]["recorded"]):
        for mine, theirs in zip(seen[0]["recorded"], other, strict=True):
            np.testing.assert_array_equal(mine, theirs)
    # the other worker shows nothing
    assert seen[0]["shown"] == [0, 4, 8, None]
    assert seen[1]["shown"] == []

    recording = Recording.open(tmp_path / "run")
    assert recording.steps.tolist() == [0, 4, 8]
    model = worker.made()
    for place, weights in ((0, "first"), (-1, "recorded")):
        model.set_weights(seen[0][weights])
        alone = GradientEngine(model).compute(*worker.PROBE, quantities=worker.QUANTITIES)
        found = recording.snapshot(place)
        assert found.keys() == alone.keys()
        np.testing.assert_allclose(found.loss, alone.loss, rtol=1e-6)
        for key, tensor in alone.items():
            np.testing.assert_allclose(found[key].values, tensor.values, rtol=1e-5, atol=1e-8)


WORKERS = {"worker": ["a:1", "b:1"]}


@pytest.mark.parametrize(
    ("config", "is_chief"),
    [
        (None, True),
        ("", True),
        ("no JSON", True),
        ("[]", True),
        ({"cluster": WORKERS}, True),
        ({"cluster": WORKERS, "task": {"type": "worker", "index": 0}}, True),
        ({"cluster": WORKERS, "task": {"type": "worker", "index": 1}}, False),
        ({"cluster": WORKERS | {"chief": ["c:1"]}, "task": {"type": "chief", "index": 0}}, True),
        ({"cluster": WORKERS | {"chief": ["c:1"]}, "task": {"type": "worker"}}, False),
        ({"cluster": WORKERS, "task": {"type": "evaluator", "index": 0}}, False),
    ],
)
def test_who_is_the_chief(
    monkeypatch: pytest.MonkeyPatch, config: object, *, is_chief: bool
) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if config is not None:
        text = config if isinstance(config, str) else json.dumps(config)
        monkeypatch.setenv("TF_CONFIG", text)
    assert is_chief_process() is is_chief
