"""The `use_deployment` fixture's type: call it with a field of `Deployment` to change that one."""

from typing import Any, Protocol


class UseDeployment(Protocol):
    """Configures this process until the test ends."""

    def __call__(self, **values: Any) -> None: ...
