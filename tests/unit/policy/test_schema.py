"""The schema that editors use is the one that the models give, and knows every key."""

from __future__ import annotations

import json

from gateway.policy.load import packs_dir
from gateway.policy.schema import json_schema


def test_the_published_schema_is_current() -> None:
    published = json.loads((packs_dir() / "disclosure-policy.schema.json").read_text(encoding="utf-8"))
    assert published == json.loads(json.dumps(json_schema()))


def test_no_object_takes_unknown_keys() -> None:
    schema = json_schema()
    closed = [name for name, one in schema["$defs"].items() if one.get("type") == "object"]
    assert {"Rule", "Select", "Because", "Metadata"} <= set(closed)
    assert all(schema["$defs"][name]["additionalProperties"] is False for name in closed)
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert "apiVersion" in schema["properties"]
