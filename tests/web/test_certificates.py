"""The web shows the certificate that lies in its file, without being started again."""

from __future__ import annotations

import asyncio
import ssl

import pytest
import tokens
from starlette.applications import Starlette

from remixd.config import Address
from remixd.web import server
from remixd.web.server import WebServer


async def shown_by(address: Address, authority: tokens.Authority) -> bytes:
    """The certificate that a server shows."""
    trusting = ssl.create_default_context(cafile=authority.path)
    _, writer = await asyncio.open_connection(address.host, address.port, ssl=trusting)
    certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return certificate


async def until(condition):
    async with asyncio.timeout(5):
        while not await condition():  # noqa: ASYNC110 (nobody tells)
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("garbage", ["no certificate", None])
def test_a_renewed_certificate_is_shown_and_garbage_changes_nothing(tmp_path, monkeypatch, garbage):
    told = []
    monkeypatch.setattr(server.log, "error", lambda text, *parts: told.append(text % parts))
    monkeypatch.setattr(server, "CERTIFICATE_S", 0.01)
    authority = tokens.Authority(tmp_path)
    certificate, key = authority.issue("server")

    async def live() -> None:
        web = WebServer(Starlette(), certificate, key)
        address = await web.start(Address("127.0.0.1", 0))
        try:
            before = await shown_by(address, authority)
            if garbage is None:
                certificate.unlink()
            else:
                certificate.write_text(garbage)

            async def is_told() -> bool:
                return bool(told) and "stays as it was" in told[-1]

            await until(is_told)
            assert await shown_by(address, authority) == before
            authority.issue("server")

            async def is_new() -> bool:
                return await shown_by(address, authority) != before

            await until(is_new)
        finally:
            await web.stop()

    asyncio.run(live())
