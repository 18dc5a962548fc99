#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The server is killed, stopped and ended under load: crash_test.py ORFEAS. Prints TAP.

FAULT_ROUNDS says how often it is killed (20), FAULT_SEED repeats a run; the seed is printed."""
import hashlib
import os
import pathlib
import random
import signal
import sqlite3
import sys
import time

import load as loads
import server as servers
import tap

ORFEAS = os.path.abspath(sys.argv[1])
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "20"))
SEED = int(os.environ.get("FAULT_SEED") or random.SystemRandom().randrange(1 << 31))


def clean(load, server):
    """No fault was seen while all jobs came to their end."""
    faults = load.all_end(server)
    tap.comment(f"{load.tally()}, seed {SEED}")
    assert not faults, f"seed {SEED}: {len(faults)} faults: " + "; ".join(faults[:6])


def files_are_whole(data):
    """Rows and blobs as they lie on the disk."""
    with sqlite3.connect(f"file:{data / 'orfeas.db'}?mode=ro", uri=True) as rows:
        assert rows.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    names = [path for path in (data / "blobs").rglob("*") if path.is_file()]
    torn = [path.name for path in names if len(path.name) == 64
            and hashlib.sha256(path.read_bytes()).hexdigest() != path.name]
    assert not torn, f"blobs are not what their names say: {torn[:3]}"


def wait_for_a_moment(load, dice):
    """Some time, or just after something was promised or told."""
    what = dice.choice(["time", "time", "accepted", "stage", "done"])
    if what == "time":
        time.sleep(dice.uniform(0.02, 0.9))
    else:
        time.sleep(dice.uniform(0, 0.3))
        load.wait_for(what, 1)


@tap.sentence("/fault/kill-9-at-random-moments-loses-nothing-and-runs-nothing-twice")
def killed(folder):
    dice, load = random.Random(SEED), loads.Load(SEED)
    data, kills = folder / "data", 0
    server = servers.Server(ORFEAS, data)
    try:
        load.begin(server)
        while kills < ROUNDS:
            wait_for_a_moment(load, dice)
            load.pause()
            server.kill()
            kills += 1
            if dice.random() < 0.15:  # and again while it gets up
                server = servers.Server(ORFEAS, data, wait=False)
                time.sleep(dice.uniform(0, 0.15))
                server.kill()
                kills += 1
            server = servers.Server(ORFEAS, data)
            load.life += 1
            load.all_still_there(server)
            load.begin(server)
        load.end()
        tap.comment(f"{kills} kills")
        clean(load, server)
        assert server.stop() == 0, server.errors()[-400:]
        files_are_whole(data)
    finally:
        load.ending.set()
        server.kill()


@tap.sentence("/fault/sigterm-under-load-answers-everybody-and-ends-with-0")
def drained(folder):
    dice, load = random.Random(SEED + 1), loads.Load(SEED + 1)
    data = folder / "data"
    for _ in range(max(2, ROUNDS // 10)):
        server = servers.Server(ORFEAS, data)
        try:
            if load.life:
                load.life += 1
                load.all_still_there(server)
            load.begin(server)
            time.sleep(dice.uniform(0.3, 1.2))
            load.drain()
            began = time.monotonic()
            assert server.stop(45) == 0, f"exit {server.process.returncode}: {server.errors()[-400:]}"
            tap.comment(f"ended in {time.monotonic() - began:.1f} s")
        finally:
            server.kill()
    with servers.Server(ORFEAS, data) as server:
        load.begin(server)
        time.sleep(0.3)
        load.end()
        clean(load, server)


@tap.sentence("/fault/a-stopped-process-goes-on-where-it-was")
def stopped(folder):
    dice, load = random.Random(SEED + 2), loads.Load(SEED + 2)
    with servers.Server(ORFEAS, folder / "data") as server:
        load.begin(server)
        for _ in range(max(3, ROUNDS // 10)):
            time.sleep(dice.uniform(0.1, 0.5))
            server.process.send_signal(signal.SIGSTOP)
            time.sleep(dice.choice([0.1, 0.5, 3]))
            server.process.send_signal(signal.SIGCONT)
        time.sleep(0.3)
        load.end()
        clean(load, server)


tap.comment(f"seed {SEED}, {ROUNDS} rounds")
sys.exit(tap.main())
