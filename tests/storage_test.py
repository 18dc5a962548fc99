#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Disks that fill up, databases that are locked or torn, clocks that jump: storage_test.py ORFEAS. Prints TAP."""
import contextlib
import glob
import hashlib
import os
import pathlib
import random
import resource
import sqlite3
import subprocess
import sys
import time

import load as loads
import server as servers
import tap

ORFEAS = os.path.abspath(sys.argv[1])
SEED = int(os.environ.get("FAULT_SEED") or random.SystemRandom().randrange(1 << 31))
WORKS = {"generator": "inflate", "mode": "preview"}


def works(server, red, seconds=60):
    """A job goes through."""
    answer = server.generate(servers.disc(48, red), headers=[("Prefer", "wait=60")], **WORKS)
    assert answer.status == 200, answer
    assert answer.json()["status"] == "succeeded", answer
    return answer.json()["id"]


def problem(answer, statuses, codes):
    assert answer.status in statuses, answer
    told = answer.json()
    assert told["code"] in codes, told
    assert "/" not in told["detail"].replace("/api/", ""), f"names a path: {told['detail']}"
    if answer.status == 503:
        assert (answer.header("Retry-After") or "").isdigit(), answer.headers
    return told


def ready(server):
    said = []
    tap.until(lambda: said.append(server.get("/readyz")) or said[-1].status == 200, 15,
              lambda: f"it is ready again: {said[-1]}")


def digests(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.iterdir()) if path.is_file() and path.name.startswith("orfeas.db")}


# --- Disks ----------------------------------------------------------------------------------------------------------

class SmallDisk:
    """A file system of its own that is filled to the last byte."""
    tells = True  # /readyz sees how full it is

    def __init__(self, folder):
        self.disk = folder / "disk"
        self.disk.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m", "none", str(self.disk)], capture_output=True)
        if done.returncode:
            raise PermissionError(done.stderr)
        self.server = servers.Server(ORFEAS, self.disk / "data")

    def fill(self):
        with open(self.disk / "filler", "wb", buffering=0) as out, contextlib.suppress(OSError):
            while out.write(bytes(1 << 16)):
                pass

    def free(self):
        (self.disk / "filler").unlink()

    def close(self):
        self.server.kill()
        subprocess.run(["umount", "-l", str(self.disk)], check=True)


class NoGrowth:
    """Where nothing may be mounted: files of the server may not be written any more."""
    tells = False

    def __init__(self, folder):
        self.server = servers.Server(ORFEAS, folder / "data", file_limit=1 << 40)

    def fill(self):
        resource.prlimit(self.server.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))

    def free(self):
        resource.prlimit(self.server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def close(self):
        self.server.kill()


def small_disk(folder):
    try:
        if os.environ.get("FAULT_NO_MOUNT"):
            raise PermissionError
        return contextlib.closing(SmallDisk(folder))
    except (PermissionError, FileNotFoundError):
        return contextlib.closing(NoGrowth(folder))


@tap.sentence("/fault/a-full-disk-is-said-and-forgotten-when-there-is-room-again")
def full_disk(folder):
    with small_disk(folder) as disk:
        server = disk.server
        kept = works(server, 1)
        disk.fill()
        for red in range(2, 5):
            answer = server.generate(servers.disc(48, red), headers=[("Prefer", "wait=60")], **WORKS)
            problem(answer, (503, 507), ("storage_unavailable", "unavailable"))
        answer = server.request("POST", "/api/v1/uploads", [("Content-Type", "image/png")], servers.disc(300, 5))
        problem(answer, (503, 507), ("storage_unavailable", "unavailable"))
        assert server.job(kept)["status"] == "succeeded"
        assert server.get(f"/api/v1/jobs/{kept}/result").status == 200
        if disk.tells:
            tap.until(lambda: server.get("/readyz").status == 503, 10, "it says that it is not ready")
        assert server.get("/livez").status == 200
        disk.free()
        ready(server)
        works(server, 6)
        assert server.stop() == 0


@tap.sentence("/fault/a-disk-that-fills-while-jobs-run-loses-none-of-them")
def fills_meanwhile(folder):
    load = loads.Load(SEED, most_open=6)
    with small_disk(folder) as disk:
        load.begin(disk.server)
        for _ in range(4):
            time.sleep(0.3)
            disk.fill()
            time.sleep(0.4)
            disk.free()
        time.sleep(0.7)
        load.end()
        faults = load.all_end(disk.server)
        tap.comment(f"{load.tally()}, seed {SEED}")
        assert not faults, f"seed {SEED}: " + "; ".join(faults[:5])
        assert disk.server.stop() == 0


@tap.sentence("/fault/files-that-may-not-grow-are-a-full-disk-too")
def file_limit(folder):
    with servers.Server(ORFEAS, folder / "data", file_limit=2 << 20) as server:
        kept = works(server, 1)
        kind, body = servers.multipart([("image", ("big.png", noise(3 << 20), "image/png"))])
        answer = server.request("POST", "/api/v1/generate-3d", [("Content-Type", kind)], body)
        problem(answer, (413, 503, 507), ("storage_unavailable", "unavailable", "too_large"))
        assert server.job(kept)["status"] == "succeeded"
        works(server, 2)


def noise(size):
    """A real picture of about that many bytes."""
    width, height = 1024, size // 3072
    rows = b"".join(b"\0" + os.urandom(3 * width) for _ in range(height))
    return servers.png(width, height, rows, color=2, level=0)


# --- Databases ----------------------------------------------------------------------------------------------------------

@tap.sentence("/fault/a-database-that-another-process-locks-is-waited-for-and-said")
def locked(folder):
    with servers.Server(ORFEAS, folder / "data") as server:
        kept = works(server, 1)
        other = sqlite3.connect(folder / "data" / "orfeas.db", isolation_level=None, timeout=10)
        other.execute("BEGIN IMMEDIATE")
        try:
            began = time.monotonic()
            answer = server.generate(servers.disc(48, 2), **WORKS)
            tap.comment(f"answered {answer.status} after {time.monotonic() - began:.1f} s")
            told = problem(answer, (503,), ("storage_unavailable", "unavailable", "server_busy", "queue_full"))
            assert told["retryable"]
            assert server.job(kept)["status"] == "succeeded"
            assert server.get("/livez").status == 200
        finally:
            other.execute("ROLLBACK")
            other.close()
        works(server, 3)


@tap.sentence("/fault/a-short-lock-is-not-noticed")
def locked_briefly(folder):
    with servers.Server(ORFEAS, folder / "data") as server:
        works(server, 1)
        other = sqlite3.connect(folder / "data" / "orfeas.db", isolation_level=None, timeout=10)
        other.execute("BEGIN IMMEDIATE")
        kind, body = servers.multipart([("image", ("d.png", servers.disc(48, 2), "image/png")), *WORKS.items()])
        with server.connect() as made:
            made.sendall(server.head("POST", "/api/v1/generate-3d", [("Content-Type", kind)], len(body)) + body)
            time.sleep(0.3)
            other.execute("ROLLBACK")
            other.close()
            response = servers.begin(made)
            assert response.status in (200, 202), (response.status, response.read())


@tap.sentence("/fault/two-servers-do-not-share-a-folder")
def two_servers(folder):
    with servers.Server(ORFEAS, folder / "data") as server:
        kept = works(server, 1)
        done = subprocess.run([ORFEAS, "serve", "--port", "0", "--data", str(folder / "data")], capture_output=True,
                              timeout=60)
        said = done.stderr.decode()
        assert done.returncode not in (0, -6, -11) and "orfeas" in said and len(said) < 600, (done.returncode, said)
        assert server.job(kept)["status"] == "succeeded"
        works(server, 2)


def torn_header(data):
    return b"not a database at all" + data[21:]


def torn_page(data):
    dice, out = random.Random(SEED), bytearray(data)
    for page in range(1, len(out) // 4096):
        at = 4096 * page
        out[at:at + 200] = dice.randbytes(200)
    return bytes(out)


def cut_short(data):
    return data[:len(data) // 2 + 100]


def other_program(_):
    return b"SQLite format 3\0" + bytes(4080)


def of_the_future(path):
    with contextlib.closing(sqlite3.connect(path)) as rows:
        rows.execute("PRAGMA user_version = 999999")
        rows.commit()


@tap.sentence("/fault/a-torn-database-means-safe-mode-and-stays-as-it-is")
def corrupt(folder):
    data = folder / "data"
    with servers.Server(ORFEAS, data) as server:
        for red in range(12):
            works(server, red)
    whole = (data / "orfeas.db").read_bytes()
    for tear in (torn_header, torn_page, cut_short, other_program, of_the_future):
        for rest in glob.glob(str(data / "orfeas.db-*")):
            os.unlink(rest)
        (data / "orfeas.db").write_bytes(whole)
        if tear is of_the_future:
            of_the_future(data / "orfeas.db")
        else:
            (data / "orfeas.db").write_bytes(tear(whole))
        was = hashlib.sha256((data / "orfeas.db").read_bytes()).hexdigest()
        with servers.Server(ORFEAS, data) as server:
            in_safe_mode(server, tear.__name__)
            assert server.stop() == 0, tear.__name__
        is_ = hashlib.sha256((data / "orfeas.db").read_bytes()).hexdigest()
        assert is_ == was, f"{tear.__name__}: the file was changed"
    (data / "orfeas.db").write_bytes(whole)
    for rest in glob.glob(str(data / "orfeas.db-*")):
        os.unlink(rest)
    with servers.Server(ORFEAS, data) as server:
        assert len(server.get("/api/v1/jobs?limit=100").json()["jobs"]) == 12
        works(server, 50)


def in_safe_mode(server, what):
    tap.until(lambda: "safe mode" in server.errors() and "orfeas.db" in server.errors(), 5, f"{what}: it is said")
    assert server.get("/livez").status == 200, what
    ready = server.get("/readyz")
    assert ready.status == 503 and ready.json()["reasons"], (what, ready)
    assert server.get("/health").json()["status"] == "safe_mode", what
    assert server.get("/api/v1/generators").status == 200, what
    answer = server.generate(servers.disc(), **WORKS)
    problem(answer, (503,), ("storage_unavailable",))
    for target in ("/api/v1/jobs", "/api/v1/jobs/job_00000000000000000000000000", "/api/v1/cache/stats", "/metrics", "/"):
        answer = server.get(target)
        assert answer.status in (200, 503), (what, target, answer)
        assert str(server.data).encode() not in answer.body, (what, answer)


@tap.sentence("/fault/blobs-that-are-lost-or-torn-are-said")
def lost_blobs(folder):
    with servers.Server(ORFEAS, folder / "data") as server:
        job = works(server, 1)
        digest = server.job(job)["stages"][-1]["sha256"]
        found = [path for path in (folder / "data" / "blobs").rglob("*") if path.is_file() and digest.startswith(
            path.name) or path.name == digest or digest.endswith(path.name)]
        assert found, f"no blob {digest}"
        for path in found:
            path.unlink()
        answer = server.get(f"/api/v1/jobs/{job}/result")
        assert answer.status in (404, 410, 503), answer
        answer = server.generate(servers.disc(48, 1), headers=[("Prefer", "wait=60")], **WORKS)
        assert answer.status == 200 and answer.json()["status"] == "succeeded", answer
        again = answer.json()["id"]
        result = server.get(f"/api/v1/jobs/{again}/result")
        assert result.status == 200, f"the cache hands out what is lost: {result}, {answer}"


@tap.sentence("/fault/a-folder-that-cannot-be-made-is-said")
def no_folder(folder):
    (folder / "file").write_text("in the way")
    with servers.Server(ORFEAS, folder / "file" / "data", log=folder / "log") as server:
        tap.until(lambda: "safe mode" in server.errors() and str(folder / "file") in server.errors(), 5, "it is said")
        ready = server.get("/readyz")
        assert ready.status == 503 and str(folder).encode() not in ready.body, ready
        problem(server.generate(servers.disc(), **WORKS), (503,), ("storage_unavailable",))


@tap.sentence("/fault/a-port-that-is-taken-is-said")
def taken(folder):
    with servers.Server(ORFEAS, folder / "data") as server:
        done = subprocess.run([ORFEAS, "serve", "--port", str(server.port), "--data", str(folder / "other")],
                              capture_output=True, timeout=60)
        said = done.stderr.decode()
        assert done.returncode not in (0, -6, -11) and str(server.port) in said, (done.returncode, said)


# --- Clocks ------------------------------------------------------------------------------------------------------------------

def faketime(folder):
    found = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    if not found:
        raise tap.Skip("needs libfaketime")
    clock = folder / "clock"
    clock.write_text("+0")
    return clock, {"LD_PRELOAD": found[0], "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1",
                   "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}


@tap.sentence("/fault/clocks-that-jump-lose-no-job")
def clocks(folder):
    clock, env = faketime(folder)
    dice, load = random.Random(SEED), loads.Load(SEED, most_open=8)
    with servers.Server(ORFEAS, folder / "data", env=env) as server:
        load.begin(server)
        for _ in range(12):
            time.sleep(dice.uniform(0.1, 0.4))
            shift = dice.choice([-600, -61, -1, 1, 61, 600, -3600, 3600])
            load.note("clock")
            clock.with_suffix(".new").write_text(f"{shift:+d}")
            os.replace(clock.with_suffix(".new"), clock)
        time.sleep(0.3)
        load.end()
        faults = load.all_end(server)
        tap.comment(f"{load.tally()}, seed {SEED}")
        assert not faults, f"seed {SEED}: " + "; ".join(faults[:5])


@tap.sentence("/fault/a-restart-in-the-past-goes-on")
def restart_in_the_past(folder):
    clock, env = faketime(folder)
    clock.write_text("+7200")
    load = loads.Load(SEED + 1, most_open=8)
    with servers.Server(ORFEAS, folder / "data", env=env) as server:
        load.begin(server)
        time.sleep(0.6)
        load.pause()
        server.kill()
    clock.write_text("-7200")
    with servers.Server(ORFEAS, folder / "data", env=env) as server:
        load.life += 1
        load.all_still_there(server)
        load.begin(server)
        time.sleep(0.4)
        load.end()
        faults = load.all_end(server)
        assert not faults, f"seed {SEED}: " + "; ".join(faults[:5])


tap.comment(f"seed {SEED}")
sys.exit(tap.main())
