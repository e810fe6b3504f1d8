"""A small client of the public API, for scripts and for the CLI. Knows the API and nothing else. This one blocks;
`modelyard.client.aio` has the same for asyncio, and is what this one is made from.

from modelyard.client import Client, Credentials

with Client(Credentials.from_environment()) as yard:
    service = yard.services.wait(yard.services.create("iris", [variant]))
    print(yard.predict(service, {"data": {"req_data": [{"sepal_length": 5.1}]}}))
"""

from modelyard.client.aio import AsyncClient
from modelyard.client.client import Client
from modelyard.client.credentials import Credentials
from modelyard.client.errors import (
    ApiError,
    Away,
    ClientError,
    LoggedOut,
    NotConfigured,
    OperationFailed,
    Unanswered,
    UnknownName,
    Unreachable,
    Unresolved,
    Untrusted,
    UnusableFile,
    WaitTimeout,
)
from modelyard.client.lines import LogFilter, LogLine, LogPage
from modelyard.client.outgoing import Upload
from modelyard.client.records import FailedRow, Model, Service, StoredObject, Task, UpdateRecord, Variant

__all__ = [
    "ApiError",
    "AsyncClient",
    "Away",
    "Client",
    "ClientError",
    "Credentials",
    "FailedRow",
    "LogFilter",
    "LogLine",
    "LogPage",
    "LoggedOut",
    "Model",
    "NotConfigured",
    "OperationFailed",
    "Service",
    "StoredObject",
    "Task",
    "Unanswered",
    "UnknownName",
    "Unreachable",
    "Unresolved",
    "Untrusted",
    "UnusableFile",
    "UpdateRecord",
    "Upload",
    "Variant",
    "WaitTimeout",
]
