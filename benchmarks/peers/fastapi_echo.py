"""What one would write first: FastAPI, the body parsed and sent back as JSON."""

from fastapi import FastAPI, Request

app = FastAPI()


@app.post("/")
async def echo(request: Request) -> object:
    return await request.json()
