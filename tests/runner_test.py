#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The process that runs jobs is killed, stopped, poisoned: runner_test.py ORFEAS ORFEAS-FAULTY. Prints TAP.

FAULT_ROUNDS says how often (20), FAULT_SEED repeats a run; the seed is printed."""
import os
import pathlib
import random
import signal
import sys
import threading
import time

import load as loads
import server as servers
import tap

ORFEAS, FAULTY = (os.path.abspath(path) for path in sys.argv[1:3])
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "20"))
SEED = int(os.environ.get("FAULT_SEED") or random.SystemRandom().randrange(1 << 31))
SIGNALS = [signal.SIGKILL, signal.SIGSEGV, signal.SIGSTOP]


def runners(server):
    """Process ids of its children."""
    found = []
    for task in pathlib.Path(f"/proc/{server.pid}/task").iterdir():
        try:
            found += [int(pid) for pid in (task / "children").read_text().split()]
        except OSError:
            pass
    return found


def wish(server, red, name="disc.png", quality="draft", **fields):
    """A small job; its id."""
    form = [("image", (name, servers.disc(200, red), "image/png")), ("generator", "inflate"), ("quality", quality)]
    answer = server.post("/api/v1/generate-3d", form=[*form, *fields.items()])
    assert answer.status in (200, 202), answer
    return answer.json()["id"]


def await_end(server, job, seconds=120):
    def over():
        seen = server.job(job)
        return seen if seen["status"] not in ("queued", "running") else None
    return tap.until(over, seconds, f"{job} ends", 0.05)


def beginnings(server, job):
    """How often a job had to start again, as its events tell."""
    with servers.Events(server, "GET", f"/api/v1/jobs/{job}/events", [("Accept", "application/x-ndjson")]) as told:
        return sum("starting again" in event.get("message", "") for event in told)


class Polls(threading.Thread):
    """One client that asks how things are, over one connection."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.took, self.cut, self.ending = server, [], 0, threading.Event()
        self.start()

    def run(self):
        with self.server.connect() as made:
            while not self.ending.wait(0.005):
                began = time.monotonic()
                try:
                    made.sendall(self.server.head("GET", "/api/v1/jobs?limit=1"))
                    servers.begin(made).read()
                except OSError:
                    self.cut += 1
                    return
                self.took.append(time.monotonic() - began)

    def p99(self):
        self.ending.set()
        self.join(30)
        return sorted(self.took)[len(self.took) * 99 // 100]


@tap.sentence("/fault/ends-and-stops-of-the-runner-break-no-connection-and-lose-no-job")
def killed(folder):
    dice, load = random.Random(SEED), loads.Load(SEED)
    with servers.Server(ORFEAS, folder / "data") as server:
        load.begin(server)
        time.sleep(1)
        calm = Polls(server)
        time.sleep(max(2, ROUNDS / 10))
        before = calm.p99()
        storm, sent = Polls(server), {}
        for _ in range(ROUNDS):
            time.sleep(dice.uniform(0.05, 0.6))
            alive = tap.until(lambda: runners(server), 20, "a runner is there", 0.02)
            what = dice.choice(SIGNALS)
            try:
                os.kill(dice.choice(alive), what)
            except ProcessLookupError:
                continue
            sent[what.name] = sent.get(what.name, 0) + 1
        after = storm.p99()
        load.end()
        faults = load.all_end(server)
        tap.comment(f"{load.tally()}, {sent}, seed {SEED}")
        tap.comment(f"polls: p99 {1e3 * before:.1f} ms before, {1e3 * after:.1f} ms while runners end")
        assert not faults, f"seed {SEED}: {len(faults)} faults: " + "; ".join(faults[:6])
        assert not calm.cut and not storm.cut, "a connection was cut"
        failed = [job for job, seen in load.witness.jobs.items() if seen["status"] == "failed"]
        assert not failed, [server.job(job)["error"] for job in failed[:3]]
        assert after < 3 * before + 0.05, "polls suffer"


@tap.sentence("/fault/of-a-hundred-jobs-only-the-one-that-crashes-fails")
def poison(folder):
    with servers.Server(FAULTY, folder / "data") as server:
        for name in ("poison-late.png", "poison-early.png", "poison-abort.png"):
            good = [wish(server, i, size=str(30 + i)) for i in range(50)]
            bad = wish(server, 100, name, "standard")
            good += [wish(server, i, size=str(100 + i)) for i in range(50)]
            seen = await_end(server, bad)
            assert seen["status"] == "failed" and "SIG" in seen["error"]["message"], seen
            tap.comment(f"{name}: {seen['error']['message']}")
            ends = [await_end(server, job)["status"] for job in good]
            assert ends == ["succeeded"] * 100, ends
            again = [beginnings(server, job) for job in good]
            tap.comment(f"{sum(n > 0 for n in again)} of 100 started again, at most {max(again)} times")
            assert max(again) <= 2, again


@tap.sentence("/fault/a-run-that-does-not-hear-is-canceled-within-a-second")
def deaf(folder):
    with servers.Server(FAULTY, folder / "data") as server:
        for i in range(3):
            bad = wish(server, 50 + i, "poison-deaf.png")
            tap.until(lambda: server.job(bad)["status"] == "running", 20, "it runs")
            time.sleep(0.2)
            other = wish(server, 80 + i, quality="standard")
            began = time.monotonic()
            assert server.request("POST", f"/api/v1/jobs/{bad}/cancel", body=b"").status in (200, 202)
            tap.until(lambda: server.job(bad)["status"] == "canceled", 10, "it is cancelled", 0.02)
            assert await_end(server, other)["status"] == "succeeded"
            tap.until(lambda: server.get("/health").json()["queue"]["running"] == 0, 10, "nothing runs", 0.02)
            tap.comment(f"nothing runs {time.monotonic() - began:.2f} s after")
        tap.until(lambda: len(runners(server)) == 1, 20, "one runner is left")


@tap.sentence("/fault/a-run-that-was-given-up-is-told-while-it-goes-on")
def degraded(folder):
    def told():
        seen = server.get("/readyz")
        assert seen.status == 200, seen
        return seen.json()["status"] == "degraded" and seen.json()["reasons"]

    with servers.Server(FAULTY, folder / "data", "--workers", "2") as server:
        both = [wish(server, 20 + i, "poison-deaf.png") for i in range(2)]  # the second keeps the runner for a while
        tap.until(lambda: all(server.job(job)["status"] == "running" for job in both), 20, "both run")
        assert server.get("/readyz").json() == {"status": "ok", "reasons": []}
        assert server.request("POST", f"/api/v1/jobs/{both[0]}/cancel", body=b"").status in (200, 202)
        tap.until(told, 10, lambda: server.get("/readyz"), 0.02)
        server.request("POST", f"/api/v1/jobs/{both[1]}/cancel", body=b"")
        tap.until(lambda: server.get("/readyz").json()["status"] == "ok", 30, "the runner is replaced")


@tap.sentence("/fault/a-server-ends-within-its-drain-whatever-runs")
def drained(folder):
    for seconds in ("0", "2"):
        with servers.Server(FAULTY, folder / f"data{seconds}", "--drain", seconds) as server:
            bad = wish(server, 1, "poison-deaf.png")
            tap.until(lambda: server.job(bad)["status"] == "running", 20, "it runs")
            began = time.monotonic()
            assert server.stop(30) == 0, server.errors()[-400:]
            took = time.monotonic() - began
            tap.comment(f"--drain {seconds}: ended in {took:.1f} s")
            assert took < int(seconds) + 8, took


@tap.sentence("/fault/a-second-signal-ends-a-server-at-once")
def second_signal(folder):
    with servers.Server(FAULTY, folder / "data", "--drain", "60") as server:
        bad = wish(server, 1, "poison-deaf.png")
        tap.until(lambda: server.job(bad)["status"] == "running", 20, "it runs")
        server.process.terminate()
        time.sleep(0.6)
        assert server.process.poll() is None, "it drains"
        server.process.terminate()
        server.process.wait(5)


@tap.sentence("/fault/a-run-may-not-take-longer-than-its-limit")
def limited(folder):
    with servers.Server(FAULTY, folder / "data", "--run-limit", "1s") as server:
        seen = await_end(server, wish(server, 1, "poison-deaf.png"), 30)
        assert seen["status"] == "failed" and seen["error"]["code"] == "too_large", seen
        assert await_end(server, wish(server, 2))["status"] == "succeeded"


@tap.sentence("/fault/a-server-that-is-killed-25-times-fails-no-job")
def server_killed(folder):
    dice, data = random.Random(SEED + 5), folder / "data"
    server = servers.Server(ORFEAS, data)
    try:
        jobs = [wish(server, i, quality="standard", size=str(40 + i)) for i in range(100)]
        for _ in range(25):
            time.sleep(dice.uniform(0.5, 1.5))
            orphans = runners(server)
            server.kill()
            tap.until(lambda: not any(pathlib.Path(f"/proc/{pid}/exe").exists() for pid in orphans), 5,
                      "its runners end with it", 0.02)
            server = servers.Server(ORFEAS, data)
        ends = [await_end(server, job, 300)["status"] for job in jobs]
        assert ends == ["succeeded"] * 100, {end: ends.count(end) for end in ends}
        for job in jobs:
            assert server.get(f"/api/v1/jobs/{job}/result").status == 200, job
    finally:
        server.kill()


@tap.sentence("/fault/a-confined-runner-reads-every-kind-of-picture")
def confined(folder):
    pictures = sorted((pathlib.Path(__file__).parent / "corpus" / "image").iterdir())
    with servers.Server(ORFEAS, folder / "data") as server:
        for path in pictures:
            form = [("image", (path.name, path.read_bytes(), "application/octet-stream")), ("generator", "relief"),
                    ("quality", "draft")]
            answer = server.post("/api/v1/generate-3d", form=form)
            if answer.status == 422:  # damaged: refused before it runs
                continue
            seen = await_end(server, answer.json()["id"])
            assert seen["status"] == "succeeded", (path.name, seen["error"])
        answer = server.post("/api/v1/generate-3d", value={"generator": "text", "parameters": {"text": "ORFEAS"}})
        assert await_end(server, answer.json()["id"])["status"] == "succeeded"


tap.comment(f"seed {SEED}, {ROUNDS} rounds")
sys.exit(tap.main())
