"""Models: publish, look at, delete."""

from collections.abc import Sequence
from urllib.parse import quote

from modelyard.client.aio.session import AsyncSession
from modelyard.client.aio.waiting import AsyncPatience
from modelyard.client.errors import ApiError, OperationFailed, Subject, UnknownName
from modelyard.client.records import Json, Model, record, rows


class AsyncModels:
    """The `/models` calls (contract §3)."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def list(self, **filters: str | int) -> list[Model]:
        answer = await self._session.call("GET", "/models", params=filters)
        return [record(row, Model) for row in rows(answer, "models")]

    async def get(self, model_id: str) -> Model:
        return record(await self._session.call("GET", f"/models/{model_id}"), Model)

    async def find(self, key: str) -> Model:
        """The model with this id, this `name/version`, or the newest of this name."""
        chosen = await self._named(key)
        return max(chosen, key=lambda m: m.create_at) if chosen else await self.get(quote(key, safe=""))

    async def only(self, key: str) -> Model:
        """As `find`; UnknownName when a name without a version leaves a choice."""
        chosen = await self._named(key)
        if len(chosen) > 1:
            versions = ", ".join(f"{m.model_name}/{m.model_version}" for m in chosen)
            raise UnknownName(f"model {key!r} has {len(chosen)} versions, name one: {versions}")
        return chosen[0] if chosen else await self.get(quote(key, safe=""))

    async def _named(self, key: str) -> Sequence[Model]:
        name, _, version = key.partition("/")
        named = [m for m in await self.list(model_name=name) if m.model_name == name]
        chosen = [m for m in named if not version or m.model_version == version]
        if not chosen and version:
            raise UnknownName(f"there is no model {name!r} with version {version!r} in this project")
        return chosen

    async def publish(
        self, name: str, version: str, source_location: str, model_type: str = "auto", **optional: object
    ) -> str:
        """Begin to publish; the id of the model. Publishing goes on after this returns: see `wait`.

        `model_type` "auto": what the package's config.json says.
        """
        body: Json = {
            "model_name": name,
            "model_version": version,
            "model_type": model_type,
            "source_location": source_location,
            **optional,
        }
        return str((await self._session.call("POST", "/models", body=body))["model_id"])

    async def wait(self, model_id: str, patience: AsyncPatience | None = None) -> Model:
        """The model once it is published; OperationFailed says why it could not be."""
        model = await self.get(model_id)
        name = f"{model.model_name}/{model.model_version}"
        subject = Subject("model", name)
        if model.model_status == "publishing":
            model = await (patience or AsyncPatience(timeout_s=300)).until(
                lambda: self.get(model_id),
                lambda m: m.model_status != "publishing",
                f"model {name} is not published",
                subject,
            )
        if model.model_status != "published":
            why = model.error_msg or f"status {model.model_status}"
            raise OperationFailed(f"model {name} was not published: {why}", subject)
        return model

    async def delete(self, model_id: str) -> None:
        """ApiError when the model is in use."""
        answer = await self._session.call("DELETE", f"/models/{model_id}")
        for refused in rows(answer, "delete_failed_list"):
            raise ApiError(409, str(refused.get("error_code", "")), str(refused.get("error_msg", "not deleted")))
