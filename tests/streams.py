# SPDX-License-Identifier: Apache-2.0
"""What the tests of streams and of sockets share: a server, jobs of about a second, a whole story."""
import contextlib
import os
import sys

import server as servers

ORFEAS = os.path.abspath(sys.argv[1])
STAGES = ["preview", "medium", "final", "finished"]
HARD = {"generator": "inflate", "quality": "high"}  # a second, or many under a sanitizer
SOFT = {"generator": "inflate", "quality": "standard"}


@contextlib.contextmanager
def serving(folder):
    with servers.Server(ORFEAS, folder / "data") as server:
        yield server
        assert server.process.poll() is None, server.errors()[-400:]


def start(server, size=500, **fields):
    answer = server.generate(servers.disc(size), headers=[("Prefer", "respond-async")], **{**SOFT, **fields})
    assert answer.status == 202, answer
    return answer.json()["id"]


def whole(events):
    """What came of a whole story: stages in order, numbers without a gap, one end."""
    kinds = [event["event"] for event in events]
    assert kinds[-1] == "done" and kinds.count("done") == 1 and "error" not in kinds, kinds
    assert [event["stage"] for event in events if event["event"] == "stage"] == STAGES, kinds
    numbers = [event["seq"] for event in events]
    assert numbers == list(range(1, len(numbers) + 1)), numbers
    shares = [event["progress"] for event in events if event["event"] in ("progress", "stage")]
    assert shares == sorted(shares), shares
