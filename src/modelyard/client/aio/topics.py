"""Topics: what services tell, or you publish, goes to whoever is subscribed.

A topic is named, or given by its URN; a subscription by its URN.
"""

from urllib.parse import quote

from modelyard.client.aio.session import AsyncSession
from modelyard.client.errors import UnknownName
from modelyard.client.records import Json, rows

ROWS = 100
PAGE = 1000


class AsyncTopics:
    """The calls about topics, subscriptions and deliveries."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def _call(self, method: str, path: str, body: object = None, **params: str | int) -> Json:
        """Below /v2, where SMN's calls are."""
        url = (await self._session.url("")).rpartition("/v1/")
        return await self._session.at(
            method, f"{url[0]}/v2/{url[2]}/notifications{path}", body=body, params=params
        )

    async def _all(self, path: str, name: str) -> list[Json]:
        found: list[Json] = []
        while True:
            page = rows(await self._call("GET", path, offset=len(found), limit=ROWS), name)
            found += page
            if len(page) < ROWS:
                return found

    async def urn(self, topic: str) -> str:
        """Of a name, or of the URN that it is. Raises UnknownName."""
        if topic.startswith("urn:"):
            return topic
        if not topic:
            raise UnknownName("no topic is named: the name is empty")
        found = rows(await self._call("GET", "/topics", name=topic), "topics")
        if not found:
            raise UnknownName(f"no topic {topic!r}")
        return str(found[0]["topic_urn"])

    async def create(self, name: str, display_name: str = "") -> str:
        """The URN of the topic with this name, which is made if there is none."""
        answer = await self._call("POST", "/topics", {"name": name, "display_name": display_name})
        return str(answer["topic_urn"])

    async def all(self) -> list[Json]:
        return await self._all("/topics", "topics")

    async def show(self, topic: str) -> Json:
        return await self._call("GET", f"/topics/{_quoted(await self.urn(topic))}")

    async def rename(self, topic: str, display_name: str) -> None:
        await self._call("PUT", f"/topics/{_quoted(await self.urn(topic))}", {"display_name": display_name})

    async def delete(self, topic: str) -> None:
        """With its subscriptions, and what was published to it."""
        await self._call("DELETE", f"/topics/{_quoted(await self.urn(topic))}")

    async def subscribe(
        self, topic: str, protocol: str, endpoint: str, *, remark: str | None = None, format: str | None = None
    ) -> Json:
        """`subscription_urn`, and the `secret` of its signatures when it is new. None: as it is, or of a new one
        no remark, and the format smn."""
        said = {"remark": remark, "format": format}
        body = {"protocol": protocol, "endpoint": endpoint, **{k: v for k, v in said.items() if v is not None}}
        return await self._call("POST", f"/topics/{_quoted(await self.urn(topic))}/subscriptions", body)

    async def subscriptions(self, topic: str | None = None) -> list[Json]:
        """Of a topic, or of all."""
        of = "" if topic is None else f"/topics/{_quoted(await self.urn(topic))}"
        return await self._all(f"{of}/subscriptions", "subscriptions")

    async def unsubscribe(self, subscription_urn: str) -> None:
        await self._call("DELETE", f"/subscriptions/{_quoted(subscription_urn)}")

    async def secret(self, subscription_urn: str) -> str:
        """What Standard Webhooks signatures of its messages are checked with."""
        path = f"/notifications/subscriptions/{_quoted(subscription_urn)}/secret"
        return str((await self._session.call("GET", path))["secret"])

    async def publish(
        self, topic: str, message: str, *, subject: str = "", time_to_live_s: int | None = None
    ) -> str:
        """The id that every delivery of the message has."""
        body: Json = {"message": message, "subject": subject}
        if time_to_live_s is not None:
            body["time_to_live"] = str(time_to_live_s)
        answer = await self._call("POST", f"/topics/{_quoted(await self.urn(topic))}/publish", body)
        return str(answer["message_id"])

    async def deliveries(
        self,
        *,
        state: str = "",
        topic_urn: str = "",
        subscription_urn: str = "",
        service_id: str = "",
        message_id: str = "",
        limit: int = PAGE,
        page: int = 0,
    ) -> list[Json]:
        """Newest first; `state` dead: the dead letters. "" matches any."""
        only = {
            **{"state": state, "topic_urn": topic_urn, "subscription_urn": subscription_urn},
            **{"service_id": service_id, "message_id": message_id},
        }
        asked = {name: value for name, value in only.items() if value}
        params: dict[str, str | int] = {"limit": limit, "offset": page, **asked}
        return rows(await self._session.call("GET", "/notifications/deliveries", params=params), "deliveries")

    async def redeliver(self, **only: str) -> int:
        """Send dead letters again, all of them or `only` those of a message_id, subscription_urn, topic_urn or
        service_id: how many."""
        answer = await self._session.call("POST", "/notifications/deliveries/redeliver", body=only)
        return int(str(answer["redelivered"]))


def _quoted(urn: str) -> str:
    return quote(urn, safe="")
