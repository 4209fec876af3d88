#!/usr/bin/env bash
# Guess:     Ctrl-C while a model is serialized is a KeyboardInterrupt, as in any other Python code.
# Versions:  pydantic 2.14.3, pydantic-core 2.50.4.
# Behaviour: a KeyboardInterrupt that arrives in a serializer written in Python comes out of model_dump() as a
#            PydanticSerializationError, an ordinary Exception, with the interrupt named in its text alone. A program
#            that catches errors there goes on. In a validator it stays a KeyboardInterrupt.
# Seen:      serializer: PydanticSerializationError True
#            validator: KeyboardInterrupt False
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3.11 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "pydantic==2.14.3" 2>/dev/null
cat > interrupt.py <<'PY'
import signal

from pydantic import BaseModel, field_serializer, field_validator


class Town(BaseModel):
    people: int

    @field_serializer("people")
    def written(self, people: int) -> int:
        signal.raise_signal(signal.SIGINT)
        return people


class Strict(BaseModel):
    people: int

    @field_validator("people")
    @classmethod
    def read(cls, people: int) -> int:
        signal.raise_signal(signal.SIGINT)
        return people


for name, call in (("serializer", Town(people=8).model_dump), ("validator", lambda: Strict(people=8))):
    try:
        call()
    except BaseException as error:
        print(f"{name}: {type(error).__name__} {isinstance(error, Exception)}")
PY
found=$(venv/bin/python interrupt.py)
echo "$found"
expected='serializer: PydanticSerializationError True
validator: KeyboardInterrupt False'
[ "$found" = "$expected" ] || { echo "it behaves otherwise now"; exit 1; }
