"""Models: statements."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import delete, insert, select

from modelyard.domain.model import Model
from modelyard.store.models import ModelQuery
from modelyard.store.sql import convert, queries
from modelyard.store.sql.session import Session, chunks
from modelyard.store.sql.tables import models


class ModelReading(Session):
    async def model(self, project_id: str | None, model_id: str) -> Model | None:
        statement = select(models).where(models.c.id == model_id)
        if project_id is not None:
            statement = statement.where(models.c.project_id == project_id)
        row = await self._row(statement)
        return None if row is None else convert.model(row)

    async def models_by_id(self, project_id: str | None, model_ids: Collection[str]) -> Mapping[str, Model]:
        by_id: dict[str, Model] = {}
        for some in chunks(sorted(set(model_ids))):
            statement = select(models).where(models.c.id.in_(some))
            if project_id is not None:
                statement = statement.where(models.c.project_id == project_id)
            by_id.update({row.id: convert.model(row) for row in await self._rows(statement)})
        return by_id

    async def models(self, project_id: str | None, query: ModelQuery) -> tuple[int, Sequence[Model]]:
        conditions = queries.model_conditions(project_id, query)
        total = int(await self._value(queries.counted(models, conditions)))
        order = queries.model_order(query.page)
        rows = await self._rows(queries.paged(models, conditions, query.page, order, models.c.id))
        return total, [convert.model(row) for row in rows]

    async def services_using(self, model_id: str) -> Sequence[str]:
        return [row.name for row in await self._rows(queries.users_of_model(model_id))]


class ModelWriting(ModelReading):
    async def add_model(self, model: Model) -> None:
        await self._add(insert(models).values(convert.model_row(model)), "model", f"{model.name} {model.version}")

    async def save_model(self, model: Model) -> None:
        await self._save(models, convert.model_row(model), "model", f"{model.name} {model.version}")

    async def delete_model(self, model_id: str) -> None:
        await self._run(delete(models).where(models.c.id == model_id))
