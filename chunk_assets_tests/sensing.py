"""A sensor's ticks as Dagster's daemon makes them, and the runs that they request."""

from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from chunk_assets_tests.films import Studio


@dataclass
class Sensing:
    """One sensor of a deployment; the cursor goes from one tick to the next.

    Attributes:
        cursor: What the last tick left.
        said: Why the last tick requested nothing; empty where it did.
        keys: The run keys there were: Dagster ignores a second request with one of them.
    """

    studio: Studio
    sensor: str
    cursor: str | None = None
    said: str = ""
    keys: set[str] = field(default_factory=set)

    def tick(self) -> list[dg.RunRequest]:
        """One evaluation; the requests of which Dagster would make runs."""
        sensor = self.studio.definitions.get_repository_def().get_sensor_def(self.sensor)
        every = self.studio.definitions.resources or {}
        with dg.build_sensor_context(
            instance=self.studio.instance,
            cursor=self.cursor,
            definitions=self.studio.definitions,
            sensor_name=self.sensor,
            resources={key: every[key] for key in sensor.required_resource_keys},
        ) as context:
            data = sensor.evaluate_tick(context)
        self.cursor, self.said = data.cursor, data.skip_message or ""
        new = [request for request in data.run_requests or [] if request.run_key not in self.keys]
        self.keys |= {str(request.run_key) for request in new}
        return new

    def launch(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """Execute a run that was requested."""
        return self.studio.definitions.resolve_job_def(str(request.job_name)).execute_in_process(
            run_config=dict(request.run_config or {}),
            instance=self.studio.instance,
            tags=dict(request.tags),
            raise_on_error=False,
        )

    def queue(self, request: dg.RunRequest, **tags: Any) -> dg.DagsterRun:
        """A run that was requested and has not ended."""
        job = self.studio.definitions.resolve_job_def(str(request.job_name))
        return self.studio.instance.create_run_for_job(
            job, tags={**request.tags, **tags}, status=dg.DagsterRunStatus.STARTED
        )
