"""Small facts about this database as a whole, by name."""

from sqlalchemy import select

from bot.storage import schema
from bot.storage.sql import Connection, insert


async def get(conn: Connection, key: str) -> str | None:
    value: str | None = await conn.scalar(select(schema.meta.c.value).where(schema.meta.c.key == key))
    return value


async def put(conn: Connection, key: str, value: str) -> None:
    new = insert(conn, schema.meta).values(key=key, value=value)
    await conn.execute(new.on_conflict_do_update(index_elements=["key"], set_={"value": value}))
