"""A running `chunk-assets dev`, and what a person clicks in its Dagit, through GraphQL."""

import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from chunk_assets_tests.cli.commands import Running

_SENSOR = """query($selector: SensorSelector!) {
  sensorOrError(sensorSelector: $selector) { ... on Sensor { id sensorState { selectorId } } } }"""

_TICKS = """query($selector: SensorSelector!) {sensorOrError(sensorSelector: $selector) {
    ... on Sensor {sensorState {ticks(limit: 3) {status}}}}}"""
A_LOOP = 6
"""Seconds in which Dagster's daemon looks at each sensor once, and a little more."""
_STOP = """mutation($id: String!) { stopSensor(id: $id) {
  __typename ... on StopSensorMutationResult { instigationState { status } } } }"""

_BACKFILL = """mutation($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId }
  ... on PythonError { message } } }"""

_BACKFILL_STATUS = """query($id: String!) { partitionBackfillOrError(backfillId: $id) {
  ... on PartitionBackfill { status error { message } } } }"""

REPOSITORY = {"repositoryName": "__repository__", "repositoryLocationName": "chunk_assets"}


def free_port() -> int:
    """A free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Dagit:
    """The webserver of a running `dev`."""

    def __init__(self, port: int):
        self.port = port

    def ask(self, query: str, **variables: Any) -> Any:
        """What GraphQL answers; an error fails the test."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            body = json.dumps({"query": query, "variables": variables})
            connection.request("POST", "/graphql", body, {"Content-Type": "application/json"})
            answer = json.load(connection.getresponse())
        finally:
            connection.close()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def stop_sensor(self, name: str) -> None:
        """Switch a sensor off, and wait until the tick has ended that may be going on."""
        found = self.ask(_SENSOR, selector={**REPOSITORY, "sensorName": name})["sensorOrError"]
        stopped = self.ask(_STOP, id=found["id"])["stopSensor"]
        assert stopped["instigationState"]["status"] == "STOPPED"
        time.sleep(A_LOOP)  # the daemon may just be beginning one
        selector = {**REPOSITORY, "sensorName": name}

        def is_still() -> bool:
            state = self.ask(_TICKS, selector=selector)["sensorOrError"]["sensorState"]
            return all(tick["status"] != "STARTED" for tick in state["ticks"])

        until(is_still, seconds=60)

    def backfill(self, assets: list[str], partitions: list[str]) -> str:
        """Materialize partitions of assets, as the dialogue's button does; gives the backfill."""
        launched = self.ask(
            _BACKFILL,
            params={
                "assetSelection": [{"path": [asset]} for asset in assets],
                "partitionNames": partitions,
            },
        )["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        return launched["backfillId"]

    def backfill_status(self, backfill: str) -> str:
        """Dagster's word for how it stands."""
        found = self.ask(_BACKFILL_STATUS, id=backfill)["partitionBackfillOrError"]
        assert not found["error"], found
        return found["status"]


@contextmanager
def dev() -> Iterator[Dagit]:
    """Run `chunk-assets dev` with this process's environment, until the block ends."""
    port = free_port()
    poll_seconds = "4"  # the default
    with Running.start("dev", "--port", port, CHUNK_ASSETS_SENSOR_PATIENCE=poll_seconds) as running:
        running.until("Ctrl-C ends everything.")
        yield Dagit(port)
        running.interrupt()
        running.ended()


def until(is_so: Callable[[], bool], seconds: float, every: float = 0.5) -> None:
    """Wait until it is so, but no longer than that."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not so after {seconds} s"
        time.sleep(every)
