"""One call of the server's control route, which every part of the handle stands on."""

import json
from http.client import HTTPConnection
from typing import Any

HOST = "127.0.0.1"
MARGIN = 10.0
"""Seconds that the connection to the server outlives what it was asked to wait."""


class Calls:
    def __init__(self, port: int) -> None:
        self.port = port

    def control(self, route: str, /, *, timeout: float | None = None, **arguments: Any) -> Any:
        """One call of the server's control route; raises RuntimeError, or TimeoutError, with what it answers."""
        connection = HTTPConnection(HOST, self.port, timeout=(timeout or 60.0) + MARGIN)
        try:
            body = json.dumps({**arguments, "timeout": timeout})
            connection.request("POST", f"/_control/{route}", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            data = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status == 408:
            raise TimeoutError(data["error"])
        if answer.status != 200:
            raise RuntimeError(data["error"])
        return data["result"]
