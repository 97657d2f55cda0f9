"""A cluster of several nodes on this machine, as `ray.cluster_utils` makes them for tests."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

MEMORY = 100 * 1024 * 1024
"""Bytes that each node may share; Ray accepts no less."""


@pytest.fixture(scope="package")
def cluster() -> Iterator[Any]:
    """A head without cores of its own for workers, and two nodes of one core each."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = os.environ["RAY_ENABLE_AUTO_CONNECT"] = (
        "0"  # read once, by what follows
    )
    pytest.importorskip("ray", reason="the extra [cluster] is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ray.cluster_utils import Cluster

        logging.getLogger("ray").setLevel(logging.ERROR)
        made = Cluster(
            initialize_head=True,
            head_node_args={"num_cpus": 0, "object_store_memory": MEMORY, "include_dashboard": False},
        )
        for _ in range(2):
            made.add_node(num_cpus=1, object_store_memory=MEMORY)
        made.wait_for_nodes()
        yield made
        made.shutdown()
