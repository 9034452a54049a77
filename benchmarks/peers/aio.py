"""asyncio with aiohttp and aioboto3: as many messages at once as there are connections."""

from __future__ import annotations

import asyncio

import aioboto3
import aiohttp
from aiobotocore.config import AioConfig
from common import CONNECTIONS, STUB, TOKEN, claim, outcome, payload, serve


class Worker:
    """Keeps its loop, session and client, as a warm Lambda worker does."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(self._open())

    async def _open(self) -> None:
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS),
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        config = AioConfig(max_pool_connections=CONNECTIONS)
        self._dynamodb = await aioboto3.Session().client("dynamodb", config=config).__aenter__()

    async def _one(self, name: str) -> None:
        await self._dynamodb.put_item(**claim(name))
        async with self._http.post(f"{STUB}/v23.0/1/messages", json=payload()) as answer:
            wamid = (await answer.json())["messages"][0]["id"]
        await self._dynamodb.update_item(**outcome(name, wamid))

    async def _all(self, ids: list[str]) -> None:
        left = iter(ids)

        async def lane() -> None:
            for name in left:
                await self._one(name)

        await asyncio.gather(*(lane() for _ in range(CONNECTIONS)))

    def work(self, ids: list[str]) -> None:
        """All of them."""
        self._loop.run_until_complete(self._all(ids))

    def close(self) -> None:
        """No more."""
        self._loop.run_until_complete(self._http.close())
        self._loop.run_until_complete(self._dynamodb.__aexit__(None, None, None))


if __name__ == "__main__":
    worker = Worker()
    serve(worker.work)
    worker.close()
