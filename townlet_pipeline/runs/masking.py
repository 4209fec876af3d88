"""Secrets in what is written down or posted for others to read."""

import os
import re
from typing import Any

MASK = "…"

#: Variables whose value is one, or holds one.
_VARIABLES = (
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "TOWNLET_POSTGRES_URL",
    "TOWNLET_WEBHOOK",
)
#: A shorter value may be a word of any text.
_LEAST = 6
#: User and password of an address. A password may hold slashes and at-signs.
_CREDENTIALS = re.compile(r"(?<=://)[^\s\"'<>]*@")
_NAMES = re.compile(r"password|passwd|secret|token|credential|api_?key|access_?key", re.IGNORECASE)


def masked(value: Any) -> Any:
    """A value as JSON has it, without credentials: those in addresses, those under such a name, those of variables."""
    if isinstance(value, dict):
        return {
            name: MASK if _NAMES.search(str(name)) and isinstance(one, str) else masked(one)
            for name, one in value.items()
        }
    if isinstance(value, list | tuple):
        return [masked(one) for one in value]
    return _masked_text(value) if isinstance(value, str) else value


def _masked_text(text: str) -> str:
    for secret in (os.environ.get(name, "") for name in _VARIABLES):
        if len(secret) >= _LEAST:
            text = text.replace(secret, MASK)
    return _CREDENTIALS.sub(f"{MASK}@", text)
