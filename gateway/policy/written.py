"""How actions and conditions are written, as JSON Schema for editors: what pydantic cannot say of parsed values."""

from __future__ import annotations

from typing import Any

from gateway.policy.conditions import ATTRIBUTES

_NUMBER: dict[str, Any] = {"type": ["string", "number"]}
ACTION: dict[str, Any] = {
    "oneOf": [
        {"enum": ["allow", "drop", "strip", "mute", "box", "crop", "block"]},
        *(
            {"type": "object", "additionalProperties": False, "required": [op], "properties": {op: shape}}
            for op, shape in {
                "aggregate": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["how", "by", "entity", "k", "dominance", "to"],
                    "properties": {
                        "how": {"enum": ["sum", "mean", "count"]},
                        "by": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 8},
                        "entity": {"type": "string"},
                        "k": {"type": "integer", "minimum": 3},
                        "dominance": _NUMBER,
                        "to": _NUMBER,
                        "unit": {"type": "string"},
                    },
                },
                "suppress": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["below"],
                    "properties": {"below": _NUMBER, "unit": {"type": "string"}},
                },
                "index": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["over", "base", "to"],
                    "properties": {
                        "over": {"type": "string"},
                        "base": _NUMBER,
                        "by": {"type": "array", "items": {"type": "string"}, "maxItems": 8},
                        "to": _NUMBER,
                    },
                },
                "generic_name": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["names"],
                    "properties": {
                        "names": {"type": "object", "minProperties": 1, "additionalProperties": {"type": "string"}}
                    },
                },
                "bucket": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["edges"],
                    "properties": {
                        "edges": {"type": "array", "items": _NUMBER, "minItems": 1, "maxItems": 50},
                        "unit": {"type": "string"},
                    },
                },
                "round": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["to"],
                    "properties": {"to": _NUMBER, "unit": {"type": "string"}},
                },
                "truncate_date": {"enum": ["year", "quarter", "month"]},
                "mask": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["keep_last"],
                    "properties": {"keep_last": {"type": "integer", "minimum": 0, "maximum": 4}},
                },
                "pseudonymise": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["scope", "prefix"],
                    "properties": {
                        "scope": {"enum": ["row", "table", "release"]},
                        "prefix": {"type": "string", "pattern": "^[A-Z]{1,4}$"},
                    },
                },
            }.items()
        ),
    ]
}
WHEN: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        name: {
            "oneOf": [
                {"type": "array", "minItems": 1, "items": {"type": ["string", "integer"]}},
                {
                    "type": "object",
                    "additionalProperties": False,
                    "minProperties": 1,
                    "properties": {"ge": {"type": ["string", "integer"]}, "le": {"type": ["string", "integer"]}},
                },
            ]
        }
        for name in sorted(ATTRIBUTES)
    },
}
