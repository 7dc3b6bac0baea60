"""The JSON Schema of a policy file, for editors."""

from __future__ import annotations

from typing import Any

from gateway.policy.model import PolicyFile


def json_schema() -> dict[str, Any]:
    """JSON Schema 2020-12. The loader checks more than a schema can say; `policy lint` checks the rest."""
    schema = PolicyFile.model_json_schema(by_alias=True, mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Disclosure policy"}
