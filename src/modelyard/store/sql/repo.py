"""The port, put together from its topics. One object per transaction."""

from modelyard.store.sql.administration import AdministrationReading, AdministrationWriting
from modelyard.store.sql.apps import AppReading, AppWriting
from modelyard.store.sql.identity import IdentityReading, IdentityWriting
from modelyard.store.sql.models import ModelReading, ModelWriting
from modelyard.store.sql.services import ServiceReading, ServiceWriting


class SqlReading(IdentityReading, ModelReading, ServiceReading, AppReading, AdministrationReading):
    """`store.base.ReadTransaction`."""


class SqlWriting(IdentityWriting, ModelWriting, ServiceWriting, AppWriting, AdministrationWriting, SqlReading):
    """`store.base.WriteTransaction`."""
