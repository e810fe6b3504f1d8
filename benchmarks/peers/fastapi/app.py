"""FastAPI with uvicorn. It does not batch; the model is called on the event loop, the fastest way here."""

from typing import Any

import predict
from fastapi import FastAPI, Request
from fastapi.responses import ORJSONResponse, Response

app = FastAPI()
model = predict.load()


@app.post("/")
async def answer(request: Request) -> Response:
    body: Any = await request.json()
    if predict.KIND == "echo":
        return ORJSONResponse(body)
    return ORJSONResponse({"predictions": model(body["instances"]).tolist()})
