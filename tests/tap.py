# SPDX-License-Identifier: Apache-2.0
"""Sentences that programs must keep, told as TAP: what the tests in Python share."""
import os
import pathlib
import sys
import tempfile
import time
import traceback

TESTS = []


class Skip(Exception):
    """What the test needs is not here; the text says what."""


def sentence(name):
    """The function takes a folder of its own, gone afterwards."""
    def add(function):
        TESTS.append((name, function))
        return function
    return add


def until(condition, seconds, what, pause=0.01):
    """Waits until the condition gives something true, and gives it back."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(pause)


def comment(text):
    for line in str(text).splitlines():
        print(f"# {line}", flush=True)


def where():
    """The line of the test that failed."""
    frames = [frame for frame in traceback.extract_tb(sys.exc_info()[2]) if "/tests/" in frame.filename]
    return " < ".join(f"{pathlib.Path(f.filename).name}:{f.lineno}" for f in reversed(frames))


def main():
    """ONLY=part-of-a-name runs some of them."""
    tests, failed = [test for test in TESTS if os.environ.get("ONLY", "") in test[0]], 0
    print(f"1..{len(tests)}", flush=True)
    for number, (name, function) in enumerate(tests, 1):
        with tempfile.TemporaryDirectory(prefix="orfeas-test-") as folder:
            try:
                function(pathlib.Path(folder))
                print(f"ok {number} {name}", flush=True)
            except Skip as why:
                print(f"ok {number} {name} # SKIP {why}", flush=True)
            except Exception as error:  # each sentence fails for itself
                failed += 1
                print(f"not ok {number} {name}", flush=True)
                comment(f"{type(error).__name__}: {error}\n{where()}")
    return 1 if failed else 0
