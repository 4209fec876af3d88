"""Masking of secrets in texts that are written down or posted for others to read."""

import os
import re
from typing import Any

MASK = "…"

#: Environment variables whose value is a secret or contains one.
_VARIABLES = (
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "TOWNLET_POSTGRES_URL",
    "TOWNLET_WEBHOOK",
)
#: A shorter value may be an ordinary word.
_MIN_LENGTH = 6
#: User and password in a URL. A password may contain slashes and at-signs.
_CREDENTIALS = re.compile(r"(?<=://)[^\s\"'<>]*@")
_SECRET_NAMES = re.compile(r"password|passwd|secret|token|credential|api_?key|access_?key", re.IGNORECASE)


def mask_secrets(value: Any) -> Any:
    """Return a JSON value without credentials: those in URLs, under names like ``token``, and in variables."""
    if isinstance(value, dict):
        return {
            name: MASK if _SECRET_NAMES.search(str(name)) and isinstance(one, str) else mask_secrets(one)
            for name, one in value.items()
        }
    if isinstance(value, list | tuple):
        return [mask_secrets(one) for one in value]
    return _mask_text(value) if isinstance(value, str) else value


def _mask_text(text: str) -> str:
    for secret in (os.environ.get(name, "") for name in _VARIABLES):
        if len(secret) >= _MIN_LENGTH:
            text = text.replace(secret, MASK)
    return _CREDENTIALS.sub(f"{MASK}@", text)
