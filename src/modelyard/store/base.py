"""The store port: every fact that must survive.

Its lookups and changes are in files by topic, the statements behind them in files of the same names in `sql`.

Contract:

- A `read()` sees one consistent state. A `write()` is serialised with every other writer, commits when its
  block ends without an error and rolls back otherwise; a commit that has begun is not cut off by a
  cancellation. No network call is made while one is open.
- What a write has committed survives a kill -9 of this process at any moment.
- Values in, values out: nothing of the database leaks. Rows belong to projects; a lookup with a project id
  never finds another project's row.
- Losing the database raises StoreUnavailableError; a broken uniqueness rule AlreadyExists (`domain.errors`).
"""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from modelyard.store.administration import AdministrationReads, AdministrationWrites
from modelyard.store.apps import AppReads, AppWrites
from modelyard.store.audit import AuditReads, AuditWrites
from modelyard.store.batch import BatchReads, BatchWrites
from modelyard.store.identity import IdentityReads, IdentityWrites
from modelyard.store.log_streams import LogStreamReads, LogStreamWrites
from modelyard.store.models import ModelReads, ModelWrites
from modelyard.store.notifications import NotificationReads, NotificationWrites
from modelyard.store.registries import RegistryReads, RegistryWrites
from modelyard.store.secrets import SecretReads, SecretWrites
from modelyard.store.services import ServiceReads, ServiceWrites
from modelyard.store.traces import TraceReads, TraceWrites


class StoreUnavailableError(Exception):
    """The database cannot be reached or written now."""


class SchemaError(Exception):
    """The database is not one that this release can use (a newer release wrote it, or it is not ours)."""


class NewerSchemaError(SchemaError):
    """A newer release wrote it."""


class ReadTransaction(
    IdentityReads,
    ModelReads,
    ServiceReads,
    AppReads,
    AdministrationReads,
    BatchReads,
    LogStreamReads,
    NotificationReads,
    AuditReads,
    TraceReads,
    RegistryReads,
    SecretReads,
    Protocol,
):
    """Lookups. A `project_id` narrows to that project; None finds in any (for the loops)."""


class WriteTransaction(
    IdentityWrites,
    ModelWrites,
    ServiceWrites,
    AppWrites,
    AdministrationWrites,
    BatchWrites,
    LogStreamWrites,
    NotificationWrites,
    AuditWrites,
    TraceWrites,
    RegistryWrites,
    SecretWrites,
    ReadTransaction,
    Protocol,
):
    """Lookups and changes inside one serialised transaction. `save_*` inserts or replaces the whole row."""


class Store(Protocol):
    """See the module's contract."""

    async def open(self) -> None:
        """Connect and bring the schema to this release."""

    async def close(self) -> None: ...

    def read(self) -> AbstractAsyncContextManager[ReadTransaction]: ...

    def write(self) -> AbstractAsyncContextManager[WriteTransaction]: ...
