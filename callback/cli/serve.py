"""`callback serve`: the API and the pages."""

import socket
from typing import Annotated

import typer
import uvicorn

from callback.app import served
from callback.channels.readiness import check_ready
from callback.cli import app
from callback.cli.common import check_schema, console, open_house
from callback.errors import Conflict, Invalid
from callback.log import configure_logging
from callback.texts import say


@app.command()
def serve(
    *,
    host: Annotated[str | None, typer.Option(help="Default: CALLBACK_HOST.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Default: CALLBACK_PORT; 0 takes a free one.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes; more than one needs PostgreSQL.")] = 1,
    behind: Annotated[
        str | None, typer.Option("--behind-proxy", help="Addresses of proxies whose X-Forwarded-For is believed.")
    ] = None,
) -> None:
    """Serve the API until it is stopped (Ctrl+C or SIGTERM); requests under way are finished."""
    with open_house() as house:
        if workers > 1 and not house.settings.is_postgresql:
            raise Invalid("workers_need_postgresql")
        check_schema(house)
        check_ready(house.settings)
        listener = listen(host or house.settings.host, house.settings.port if port is None else port)
        address, taken_port = listener.getsockname()[:2]
        console.print(
            say("account.serving", house.settings.language, host=address, port=taken_port),
            highlight=False,
            markup=False,
        )
        configure_logging(house.settings)
        config = uvicorn.Config(
            served(house) if workers == 1 else "callback.app:from_environment",
            factory=workers > 1,
            workers=workers,
            log_config=None,
            access_log=False,  # ours has the route's template instead of its address, and who called
            server_header=False,
            forwarded_allow_ips=behind or "",
            timeout_graceful_shutdown=30,
        )
        _run(config, listener)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket of ours. Raises `Conflict("port_taken")`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, or asyncio leaves Nagle's algorithm on and every page waits 40 ms for the reader's acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Conflict("port_taken", host=host, port=port, reason=error.strerror) from error
    listener.listen(2048)  # whoever reads the address may use it at once, and waits until the pages are laid out
    return listener


def _run(config: uvicorn.Config, listener: socket.socket) -> None:
    if config.workers == 1:
        uvicorn.Server(config).run(sockets=[listener])
        return
    from uvicorn.supervisors import Multiprocess  # noqa: PLC0415  starts multiprocessing machinery that one process needs not

    listener.set_inheritable(True)
    Multiprocess(config, sockets=[listener]).run()
