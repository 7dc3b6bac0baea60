"""The application that forms are measured against: Starlette's `UploadFile`, spooled to disk in clear, nothing more."""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.settings import Settings
from gateway.web.asgi import server_options


async def take(request: Request) -> Response:
    """Let the framework spool the file to disk, and be done: the least that a handler could do."""
    async with request.form() as form:
        return Response(str(len(form)), 201)


def main() -> None:
    """Serve on the port given."""
    settings = Settings(data_dir=Path("/nowhere"), port=int(sys.argv[1]))
    uvicorn.run(Starlette(routes=[Route("/", take, methods=["POST"])]), **server_options(settings))


if __name__ == "__main__":
    main()
