"""The least that can be done with a message: a FastAPI endpoint that inserts one row, for comparison."""

import os
import socket

import uvicorn
from fastapi import FastAPI, Request, Response
from sqlalchemy import create_engine, text
from starlette.concurrency import run_in_threadpool

engine = create_engine(os.environ["CALLBACK_DATABASE_URL"], pool_size=20, max_overflow=20)
app = FastAPI()
INSERT = text('INSERT INTO bare ("from", body, sid) VALUES (:from_, :body, :sid)')


@app.post("/api/v1/carrier/twilio/inbound")
async def inbound(request: Request) -> Response:
    """Reads the form, writes the row, commits."""
    form = await request.form()
    await run_in_threadpool(_insert, str(form["From"]), str(form["Body"]), str(form["MessageSid"]))
    return Response("<Response/>", media_type="text/xml")


def _insert(sender: str, body: str, sid: str) -> None:
    with engine.begin() as connection:
        connection.execute(INSERT, {"from_": sender, "body": body, "sid": sid})


if __name__ == "__main__":
    with engine.begin() as connection:
        connection.execute(text('CREATE TABLE bare (id bigserial PRIMARY KEY, "from" text, body text, sid text)'))
    listener = socket.socket(proto=socket.IPPROTO_TCP)  # as ours: without Nagle's algorithm
    listener.bind(("127.0.0.1", 0))
    print(f"127.0.0.1:{listener.getsockname()[1]}", flush=True)
    config = uvicorn.Config(app, log_config=None, access_log=False)
    uvicorn.Server(config).run(sockets=[listener])
