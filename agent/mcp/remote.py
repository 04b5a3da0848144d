"""A server on another machine, over streamable HTTP or the older SSE; used only while the person switched that on."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import httpx2
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

from deskhand.agent.mcp.config import ServerConfig

MAX_RESPONSE = 16 << 20
"""Bytes of one response; an event stream counts as one response and is opened again by the client."""


class _Counted(httpx2.AsyncByteStream):
    """A body that ends with an error once it is too long."""

    def __init__(self, inner: httpx2.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        taken = 0
        async for piece in self._inner:
            taken += len(piece)
            if taken > MAX_RESPONSE:
                raise httpx2.ReadError(f"a response of more than {MAX_RESPONSE >> 20} MB")
            yield piece

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Bounded(httpx2.AsyncHTTPTransport):
    """The ordinary transport with bounded bodies."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        body = response.stream
        assert isinstance(body, httpx2.AsyncByteStream)  # noqa: S101 - of an asynchronous transport
        return httpx2.Response(
            response.status_code,
            headers=response.headers,
            stream=_Counted(body),
            extensions=response.extensions,
            request=request,
        )


@contextlib.asynccontextmanager
async def streams(config: ServerConfig, seconds: float) -> AsyncGenerator[Any]:
    """A transport as `mcp.Client` takes one.

    Args:
        config: of a remote server; its headers are sent to it alone, redirects stay within its origin.
        seconds: until a connection or an answer is given up.

    Raises:
        ConfigError: a header needs a variable that is not set.
    """
    headers = config.expanded(config.entry.headers)
    timeout = httpx2.Timeout(seconds)

    def client_of(
        headers: dict[str, str] | None = None, timeout: httpx2.Timeout | None = None, auth: httpx2.Auth | None = None
    ) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=_Bounded(), headers=headers, timeout=timeout, auth=auth)

    if config.entry.kind == "sse":
        async with sse_client(
            config.entry.url, headers, seconds, sse_read_timeout=3600, httpx_client_factory=client_of
        ) as made:
            yield made
        return
    async with (
        httpx2.AsyncClient(transport=_Bounded(), headers=headers, timeout=timeout) as client,
        streamable_http_client(config.entry.url, http_client=client) as made,
    ):
        yield made
