"""The interface as calls, one module a room: what a script says instead of a route."""
