"""A small synchronous client of the public API, for scripts and for the CLI. Knows the API and nothing else.

from modelyard.client import Client, Credentials

with Client(Credentials.from_environment()) as yard:
    service = yard.services.wait(yard.services.create("iris", [variant]))
    print(yard.predict(service, {"data": {"req_data": [{"sepal_length": 5.1}]}}))
"""

from modelyard.client.client import Client
from modelyard.client.credentials import Credentials
from modelyard.client.errors import (
    ApiError,
    ClientError,
    NotConfigured,
    OperationFailed,
    UnknownName,
    Unreachable,
    WaitTimeout,
)
from modelyard.client.records import Model, Service, UpdateRecord, Variant

__all__ = [
    "ApiError",
    "Client",
    "ClientError",
    "Credentials",
    "Model",
    "NotConfigured",
    "OperationFailed",
    "Service",
    "UnknownName",
    "Unreachable",
    "UpdateRecord",
    "Variant",
    "WaitTimeout",
]
