"""The port, put together from its topics. One object per transaction."""

from modelyard.store.sql.identity import IdentityReading, IdentityWriting
from modelyard.store.sql.models import ModelReading, ModelWriting
from modelyard.store.sql.services import ServiceReading, ServiceWriting


class SqlReading(IdentityReading, ModelReading, ServiceReading):
    """`store.base.Reading`."""


class SqlWriting(IdentityWriting, ModelWriting, ServiceWriting, SqlReading):
    """`store.base.Writing`."""
