"""The JSON Schema of the configuration, for editors: completion, descriptions and red lines."""

import json
from typing import Any, Final

from pbx.config.files import INCLUDE
from pbx.config.model import Config

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """For one file; what a file leaves out may stand in another that includes it."""
    schema = Config.model_json_schema(mode="validation")
    names: dict[str, Any] = {"type": "string", "description": "A file, or a pattern of files"}
    schema["properties"][INCLUDE] = {
        "anyOf": [names, {"type": "array", "items": names}],
        "description": "Further files, relative to this one",
    }
    return {"$schema": DIALECT, **schema, "title": "Dzvin"}


def schema_text() -> str:
    """As it stands in `config/pbx.schema.json`."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
