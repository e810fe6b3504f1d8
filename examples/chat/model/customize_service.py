"""A service that talks: each message is answered word by word over a WebSocket, or at once over HTTP."""

import asyncio

from model_service.model_service import SingleNodeService


class ChatService(SingleNodeService):
    def answer(self, text):
        return [word.capitalize() for word in text.split()]

    async def _inference(self, data):
        return {"text": " ".join(self.answer(data["text"]))}

    async def _websocket(self, connection):
        turns = 0
        async for text in connection:
            turns += 1
            for word in self.answer(text):
                await connection.send({"turn": turns, "word": word})
                await asyncio.sleep(0)  # where a real model computes the next one
            await connection.send({"turn": turns, "end": True})
