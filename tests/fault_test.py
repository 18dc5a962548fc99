#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients that misbehave: fault_test.py ORFEAS. Prints TAP. Storage and clocks: storage_test.py; crashes: crash_test.py."""
import contextlib
import os
import select
import statistics
import sys
import threading
import time
import zlib

import server as servers
import tap

ORFEAS = os.path.abspath(sys.argv[1])
HARD = [("generator", "inflate"), ("quality", "high"), ("texture-size", "2048")]  # takes seconds


def hard_picture(red=0):
    return servers.disc(900, red)


def hard_form(red, **more):
    return servers.multipart([("image", ("disc.png", hard_picture(red), "image/png")), *HARD, *more.items()])


def quiet(server):
    """Answers of a server at rest: seconds, sorted."""
    took = []
    with server.connect() as made:
        for _ in range(200):
            began = time.monotonic()
            made.sendall(server.head("GET", "/api/v1/problems"))
            servers.begin(made).read()
            took.append(time.monotonic() - began)
    return sorted(took)


def warm(server):
    """What is opened once stays open: connections of the database."""
    for _ in range(8):
        server.get("/api/v1/jobs")


def unharmed(server, before, what):
    """Others are served as before: generous, for machines that do other things, too."""
    after = quiet(server)
    p95, was = after[190], before[190]
    tap.comment(f"{what}: median {1e3 * statistics.median(after):.2f} ms, p95 {1e3 * p95:.2f} ms (before {1e3 * was:.2f} ms)")
    assert p95 < 5 * was + 0.05, f"{what}: p95 {1e3 * p95:.1f} ms, before {1e3 * was:.1f} ms"


def let_go(server, descriptors, seconds=15):
    tap.until(lambda: server.descriptors() <= descriptors + 4, seconds,
              f"descriptors back at {descriptors} (now {server.descriptors()})", 0.05)


def is_cut(made, seconds):
    """The other side closes within that time."""
    made.settimeout(seconds)
    try:
        while made.recv(65536):
            pass
    except (ConnectionError, BrokenPipeError):
        pass
    except TimeoutError:
        return False
    return True


# --- Slow and half ---------------------------------------------------------------------------------------------------

@tap.sentence("/fault/slow-headers-hold-nobody-up-and-are-cut")
def slow_loris(folder):
    with servers.Server(ORFEAS, folder / "data") as server, contextlib.ExitStack() as stack:
        before, descriptors = quiet(server), server.descriptors()
        slow = [stack.enter_context(server.connect()) for _ in range(600)]
        for made in slow:
            made.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        for _ in range(3):
            for made in slow:
                with contextlib.suppress(OSError):
                    made.sendall(b"a")
            unharmed(server, before, "600 slow clients")
        began = time.monotonic()
        open_still = set(slow)
        while open_still and time.monotonic() - began < 30:
            ready, _, _ = select.select(list(open_still)[:500], [], [], 0.2)
            for made in ready:
                with contextlib.suppress(OSError):
                    if made.recv(4096):
                        continue
                open_still.discard(made)
            for made in list(open_still):  # still dripping
                with contextlib.suppress(OSError):
                    made.sendall(b"a")
        assert not open_still, f"{len(open_still)} of 600 slow clients are still there after 30 s"
        tap.comment(f"all cut after {time.monotonic() - began:.0f} s of dripping")
        let_go(server, descriptors)


@tap.sentence("/fault/a-body-that-drips-holds-nobody-up")
def slow_body(folder):
    kind, body = hard_form(1)
    with servers.Server(ORFEAS, folder / "data") as server, contextlib.ExitStack() as stack:
        before, descriptors = quiet(server), server.descriptors()
        for _ in range(200):
            made = stack.enter_context(server.connect())
            made.sendall(server.head("POST", "/api/v1/generate-3d", [("Content-Type", kind)], len(body)) + body[:300])
        unharmed(server, before, "200 bodies that drip")
        stack.close()
        let_go(server, descriptors)
        assert server.get("/api/v1/jobs").json()["jobs"] == []


@tap.sentence("/fault/half-closed-sockets-are-let-go")
def half_closed(folder):
    with servers.Server(ORFEAS, folder / "data") as server, contextlib.ExitStack() as stack:
        warm(server)
        descriptors = server.descriptors()
        for head in [b"", b"GET /livez HT", server.head("GET", "/livez"), server.head("GET", "/api/v1/jobs"),
                     server.head("POST", "/api/v1/uploads", [("Content-Type", "image/png")], 1000) + b"half"]:
            for _ in range(20):
                made = stack.enter_context(server.connect())
                made.sendall(head)
                made.shutdown(1)
        let_go(server, descriptors)
        assert server.get("/livez").status == 200


# --- Clients that leave --------------------------------------------------------------------------------------------------

def blobs(folder):
    return sorted(path.name for path in (folder / "data" / "blobs").rglob("*") if path.is_file())


@tap.sentence("/fault/leaving-in-mid-upload-leaves-nothing")
def leaves_upload(folder):
    kind, body = hard_form(2)
    picture = hard_picture(2)
    with servers.Server(ORFEAS, folder / "data") as server:
        warm(server)
        descriptors, files = server.descriptors(), blobs(folder)
        for share in (0.02, 0.3, 0.6, 0.99):
            for target, type_, data in (("/api/v1/generate-3d", kind, body), ("/api/v1/uploads", "image/png", picture),
                                        ("/api/v1/generate-progressive", kind, body)):
                with server.connect() as made:
                    made.sendall(server.head("POST", target, [("Content-Type", type_)], len(data)) +
                                 data[:int(share * len(data))])
        let_go(server, descriptors)
        assert server.get("/api/v1/jobs").json()["jobs"] == []
        tap.until(lambda: blobs(folder) == files, 10, f"no file of half an upload is left: {blobs(folder)}")


def stream_to(server, stage, red=0, **fields):
    """A client of the progressive endpoint who has just seen that stage; (stream, job)."""
    kind, body = hard_form(red, **fields)
    told = servers.Events(server, "POST", "/api/v1/generate-progressive",
                          [("Accept", "application/x-ndjson"), ("Content-Type", kind)], body)
    for event in told:
        if event["event"] == "stage" and event["stage"] == stage:
            return told, event["job"]
        assert event["event"] not in ("done", "error"), event
    raise AssertionError("the stream ended")


def status_of(server, job):
    return server.job(job)["status"]


@tap.sentence("/fault/leaving-a-stream-cancels-the-job-within-a-second")
def leaves_stream(folder):
    with servers.Server(ORFEAS, folder / "data") as server:
        for red, stage in enumerate(["preview", "medium"]):
            told, job = stream_to(server, stage, red)
            told.close()
            began = time.monotonic()
            tap.until(lambda: status_of(server, job) == "canceled", 10, "the job is cancelled")
            took = time.monotonic() - began
            tap.comment(f"left after the {stage}: canceled in {took:.2f} s")
            assert took < 1.5, took
            tap.until(lambda: server.get("/health").json()["queue"]["running"] == 0, 2, "nothing runs")


@tap.sentence("/fault/leaving-a-stream-keeps-the-job-when-that-was-said")
def leaves_kept(folder):
    with servers.Server(ORFEAS, folder / "data") as server:
        told, job = stream_to(server, "preview", client_gone="keep")
        told.close()
        tap.until(lambda: status_of(server, job) == "succeeded", 120, "the job is done")


@tap.sentence("/fault/leaving-takes-nothing-from-a-twin-who-stays")
def leaves_twin(folder):
    with servers.Server(ORFEAS, folder / "data") as server:
        first, one = stream_to(server, "preview")
        kind, body = hard_form(0)
        answer = server.request("POST", "/api/v1/generate-3d", [("Content-Type", kind)], body)
        twin = answer.json()
        assert answer.status == 202 and twin["coalesced"] and twin["id"] != one, answer
        first.close()
        tap.until(lambda: status_of(server, one) == "canceled", 5, "the one who left is cancelled")
        tap.until(lambda: status_of(server, twin["id"]) in ("succeeded", "failed", "canceled"), 120, "the twin ends")
        assert status_of(server, twin["id"]) == "succeeded", server.job(twin["id"])


@tap.sentence("/fault/leaving-a-wait-cancels-the-job")
def leaves_wait(folder):
    kind, body = hard_form(3)
    with servers.Server(ORFEAS, folder / "data") as server:
        with server.connect() as made:
            made.sendall(server.head("POST", "/api/v1/generate-3d", [("Content-Type", kind), ("Prefer", "wait=60")],
                                     len(body)) + body)
            job = tap.until(lambda: server.get("/api/v1/jobs").json()["jobs"], 20, "the job is there")[0]["id"]
        tap.until(lambda: status_of(server, job) == "canceled", 2, "the job is cancelled")


@tap.sentence("/fault/leaving-a-stream-of-events-cancels-nothing")
def leaves_events(folder):
    kind, body = hard_form(4)
    with servers.Server(ORFEAS, folder / "data") as server:
        job = server.request("POST", "/api/v1/generate-3d", [("Content-Type", kind)], body).json()["id"]
        with servers.Events(server, "GET", f"/api/v1/jobs/{job}/events") as told:
            next(iter(told))
        tap.until(lambda: status_of(server, job) in ("succeeded", "failed", "canceled"), 120, "the job ends")
        assert status_of(server, job) == "succeeded"


# --- Clients that do not read -----------------------------------------------------------------------------------------------

@tap.sentence("/fault/readers-that-stall-hold-nobody-up")
def stalled(folder):
    with servers.Server(ORFEAS, folder / "data") as server, contextlib.ExitStack() as stack:
        kind, body = hard_form(5)
        job = server.request("POST", "/api/v1/generate-3d", [("Content-Type", kind), ("Prefer", "wait=60")], body).json()
        tap.until(lambda: status_of(server, job["id"]) == "succeeded", 120, "the job is done")
        before, descriptors, memory = quiet(server), server.descriptors(), server.rss()
        for _ in range(100):
            made = stack.enter_context(server.connect())
            made.setsockopt(1, 8, 4096)  # a small receive buffer
            made.sendall(server.head("GET", f"/api/v1/jobs/{job['id']}/result"))
        for _ in range(100):
            made = stack.enter_context(server.connect())
            made.sendall(server.head("GET", f"/api/v1/jobs/{job['id']}/events") * 20)
        unharmed(server, before, "200 readers that stall")
        grown = (server.rss() - memory) / (1 << 20)
        tap.comment(f"memory grew by {grown:.1f} MiB")
        assert grown < 64, grown
        stack.close()
        let_go(server, descriptors)


# --- Much at one time ----------------------------------------------------------------------------------------------------------

def noise_png(megabytes, mark):
    """A real picture of about that size that does not pack; `mark` makes it differ."""
    width = 2048
    height = int(megabytes * 1e6 / (3 * width))
    rows = bytearray(os.urandom((1 + 3 * width) * height))
    rows[::1 + 3 * width] = bytes(height)
    rows[1:5] = mark.to_bytes(4, "big")
    header = (width).to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\0\0\0"
    return (b"\x89PNG\r\n\x1a\n" + servers.chunk(b"IHDR", header) + servers.chunk(b"IDAT", zlib.compress(bytes(rows), 0)) +
            servers.chunk(b"IEND", b""))


@tap.sentence("/fault/64-uploads-of-20-megabytes-at-one-time-take-no-memory")
def uploads(folder):
    picture, answers, peak = noise_png(20, 0), [], [0]
    at = picture.index(b"IDAT") + 30
    with servers.Server(ORFEAS, folder / "data") as server:
        server.request("POST", "/api/v1/uploads", [("Content-Type", "image/png")], picture)
        memory, over = server.rss(), threading.Event()

        def watch():
            while not over.wait(0.02):
                peak[0] = max(peak[0], server.rss())

        def bring(number):
            # a picture that differs in a text chunk before its end
            mine = picture[:-12] + servers.chunk(b"tEXt", b"n\0%d" % number) + picture[-12:]
            answers.append(server.request("POST", "/api/v1/uploads", [("Content-Type", "image/png")], mine, timeout=300).status)
        watcher = threading.Thread(target=watch)
        watcher.start()
        threads = [threading.Thread(target=bring, args=(number,)) for number in range(64)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.monotonic() - began
        over.set()
        watcher.join()
        grown = (peak[0] - memory) / (1 << 20)
        tap.comment(f"{64 * len(picture) / 1e6 / took:.0f} MB/s, memory grew by {grown:.1f} MiB at most")
        assert sorted(set(answers)) in ([201], [201, 503]) and answers.count(201) >= 32, sorted(answers)
        assert grown < 64, f"{grown:.0f} MiB"
        assert at


@tap.sentence("/fault/a-burst-beyond-the-queue-is-refused-politely")
def burst(folder):
    kind, body = servers.multipart([("image", ("d.png", servers.disc(900, 6), "image/png")), *HARD])
    statuses, refused = [], []
    with servers.Server(ORFEAS, folder / "data") as server:
        def press(number):
            with server.connect() as made:
                for i in range(40):
                    wish = body.replace(b"\r\n2048\r\n", b"\r\n%d\r\n" % (1024 + 40 * number + i))
                    made.sendall(server.head("POST", "/api/v1/generate-3d", [("Content-Type", kind)], len(wish)) + wish)
                    answer = servers.begin(made)
                    told = answer.read()
                    statuses.append(answer.status)
                    if answer.status == 503:
                        refused.append((answer.headers.get("Retry-After"), told))
        threads = [threading.Thread(target=press, args=(number,)) for number in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        tap.comment(f"{statuses.count(202)} accepted, {len(refused)} refused")
        assert set(statuses) <= {200, 202, 503}, set(statuses)
        assert all((after or "").isdigit() and b'"queue_full"' in told for after, told in refused), refused[:2]
        assert server.get("/livez").status == 200


sys.exit(tap.main())
