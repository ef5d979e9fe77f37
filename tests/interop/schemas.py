"""The conventions' schemas that the store embeds, by jsonschema."""

import json
from pathlib import Path

import jsonschema

FOLDER = Path(__file__).resolve().parent.parent.parent / "drivers/zarr/schemas"


def check(attributes, *names):
    """Attributes of a node must keep the schemas of these conventions, and the general one."""
    for name in ("conventions", *names):
        schema = json.loads((FOLDER / f"{name}.json").read_text())
        jsonschema.Draft202012Validator(schema).validate(attributes)
