# SPDX-License-Identifier: Apache-2.0
"""Loaded by schemathesis (SCHEMATHESIS_HOOKS): files in forms are texts of Latin letters.

Its own class for bytes, Binary, is refused by its own filters ("Unsupported type: 'Binary'") for about every second
seed, which ends the fuzzing of that operation. What bytes do to the readers is tried by our own fuzzers."""
import schemathesis
from hypothesis import strategies as st

schemathesis.openapi.format("binary", st.text(st.characters(max_codepoint=255), max_size=200))
