"""The routes, one module a room: each parses, asks the room, and shows what came of it."""
