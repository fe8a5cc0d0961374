"""What the shapes of this API have in common: camelCase on the wire, as the specification has it; snake_case too."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Shape(BaseModel):
    """An object of a request or an answer; how to check one is worked out when the first comes, not at the start."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, defer_build=True)
