#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Operations on meshes as jobs, and at once: operations_test.py ORFEAS ORFEAS-FAULTY. Prints TAP."""
import hashlib
import math
import os
import pathlib
import signal
import struct
import sys
import time

import server as servers
import tap

ORFEAS, FAULTY = (os.path.abspath(path) for path in sys.argv[1:3])
LATER = {"Prefer": "respond-async"}
SLOW = {"level": "remesh", "cells": 250}  # seconds, whatever goes in


def torus(n, holes=True):
    """An STL of about 2 n n triangles, some of them missing."""
    def at(i, j):
        a, b = 2 * math.pi * i / n, 2 * math.pi * j / n
        return ((30 + 10 * math.cos(b)) * math.cos(a), 10 * math.sin(b), (30 + 10 * math.cos(b)) * math.sin(a))
    out, count = bytearray(), 0
    for i in range(n):
        for j in range(n):
            if holes and (i * n + j) % 97 == 0:
                continue
            a, b, c, d = at(i, j), at(i + 1, j), at(i + 1, j + 1), at(i, j + 1)
            for face in ((a, c, b), (a, d, c)):
                out += struct.pack("<12fH", 0, 0, 0, *face[0], *face[1], *face[2], 0)
                count += 1
    return bytes(80) + struct.pack("<I", count) + bytes(out)


def upload(server, body, name="torus.stl"):
    answer = server.request("POST", f"/api/v1/meshes?name={name}", [("Content-Type", "model/stl")], body)
    assert answer.status == 201, answer
    return answer.json()["id"]


def order(server, operation, inputs, parameters=None, **headers):
    return server.post(f"/api/v1/operations/{operation}", value={"inputs": inputs, "parameters": parameters or {}},
                       **headers)


def job_of(answer):
    assert answer.status in (200, 202), answer
    return answer.json()["id"]


def await_end(server, job, seconds=240):
    def over():
        seen = server.job(job)
        return seen if seen["status"] not in ("queued", "running") else None
    return tap.until(over, seconds, f"{job} ends", 0.05)


def await_step(server, job, step):
    tap.until(lambda: (server.job(job)["step"] or "").startswith(step), 60, f"{job} is at {step}", 0.01)


def runners(server):
    found = []
    for task in pathlib.Path(f"/proc/{server.pid}/task").iterdir():
        try:
            found += [int(pid) for pid in (task / "children").read_text().split()]
        except OSError:
            pass
    return found


def result(server, job):
    answer = server.get(f"/api/v1/jobs/{job}/result")
    assert answer.status == 200, answer
    return answer


@tap.sentence("/operations/what-takes-long-is-a-job-that-tells-how-far-it-is")
def heavy(folder):
    with servers.Server(ORFEAS, folder / "data") as server:
        mesh = upload(server, torus(230))
        answer = order(server, "repair", [{"mesh": mesh}])
        assert answer.status == 202, answer
        job = job_of(answer)
        assert answer.json()["operation"] == "repair" and answer.header("Location") == f"/api/v1/jobs/{job}"
        with servers.Events(server, "GET", f"/api/v1/jobs/{job}/events", [("Accept", "text/event-stream")]) as told:
            events = list(told)
        steps = {event.get("step") for event in events if event["event"] == "progress"}
        assert steps & {"load", "repair"}, steps
        stages = [event for event in events if event["event"] == "stage"]
        assert [stage["stage"] for stage in stages] == ["finished"], stages
        last = events[-1]
        assert last["event"] == "done" and last["status"] == "succeeded", last
        assert last["measures"]["solid"] and last["facts"]["holes"] > 0, last
        made = result(server, job)
        assert made.header("Content-Type") == "model/gltf-binary" and made.body[:4] == b"glTF"
        assert hashlib.sha256(made.body).hexdigest() == last["stages"][0]["sha256"]
        assert server.get(f"/api/v1/jobs/{job}/result?format=stl").status == 200
        again = order(server, "repair", [{"mesh": mesh}])
        assert again.status == 200 and again.json()["cached"], again
        facts = order(server, "measure", [{"job": job}])
        assert facts.status == 200 and facts.json()["solid"], facts


@tap.sentence("/operations/every-kind-of-result-is-fetched-as-what-it-is")
def kinds(folder):
    cases = [("measure", {}, "application/json", b"{"), ("view", {"width": 256}, "image/png", b"\x89PNG"),
             ("convert", {"format": "ply"}, "model/ply", b"ply"), ("convert", {"format": "obj"}, "application/zip", b"PK"),
             ("simplify", {"triangles": 200}, "model/gltf-binary", b"glTF")]
    with servers.Server(ORFEAS, folder / "data") as server:
        mesh = upload(server, torus(20))
        for operation, parameters, kind, begin in cases:
            now = order(server, operation, [{"mesh": mesh}], parameters)
            later = order(server, operation, [{"mesh": mesh}], parameters, **LATER)
            assert now.status == 200 and later.status == 202, (now, later)
            seen = await_end(server, job_of(later))
            assert seen["status"] == "succeeded" and seen["operation"] == operation, seen
            made = result(server, seen["id"])
            assert now.header("Content-Type") == made.header("Content-Type") == kind, made.headers
            assert now.body[:len(begin)] == begin and now.body == made.body, operation
            assert seen["stages"][0]["type"] == kind, seen["stages"]


@tap.sentence("/operations/a-key-names-one-order")
def keys(folder):
    with servers.Server(ORFEAS, folder / "data") as server:
        inputs = [{"mesh": upload(server, torus(12))}]
        key = {"Idempotency_Key": "one", **LATER}
        first = order(server, "simplify", inputs, {"triangles": 100}, **key)
        again = order(server, "simplify", inputs, {"triangles": 100}, **key)
        assert job_of(first) == job_of(again) and again.header("Idempotency-Replayed") == "true", again
        for other in (order(server, "simplify", inputs, {"triangles": 50}, **key), order(server, "repair", inputs, **key)):
            assert other.json()["code"] == "idempotency_conflict", other


@tap.sentence("/operations/a-job-that-is-canceled-stops-within-a-second")
def canceled(folder):
    with servers.Server(ORFEAS, folder / "data") as server:
        mesh = upload(server, torus(60))
        job = job_of(order(server, "repair", [{"mesh": mesh}], {"level": "remesh", "cells": 600}, **LATER))
        await_step(server, job, "repair")
        began = time.monotonic()
        assert server.request("POST", f"/api/v1/jobs/{job}/cancel", body=b"").status == 200
        assert await_end(server, job)["status"] == "canceled"
        tap.until(lambda: server.get("/health").json()["queue"]["running"] == 0, 30, "nothing runs", 0.02)
        tap.comment(f"nothing runs {time.monotonic() - began:.2f} s after")
        assert order(server, "measure", [{"mesh": mesh}]).status == 200


@tap.sentence("/operations/a-runner-that-is-killed-takes-no-job-with-it")
def killed(folder):
    with servers.Server(ORFEAS, folder / "data") as server:
        mesh = upload(server, torus(60))
        job = job_of(order(server, "repair", [{"mesh": mesh}], SLOW, **LATER))
        await_step(server, job, "repair")
        for runner in runners(server):
            os.kill(runner, signal.SIGKILL)
        assert order(server, "measure", [{"mesh": mesh}]).status == 200
        seen = await_end(server, job)
        assert seen["status"] == "succeeded" and seen["measures"]["solid"], seen
        with servers.Events(server, "GET", f"/api/v1/jobs/{job}/events", [("Accept", "application/x-ndjson")]) as told:
            assert any("starting again" in event.get("message", "") for event in told)


@tap.sentence("/operations/of-many-jobs-only-the-one-that-crashes-fails")
def poison(folder):
    with servers.Server(FAULTY, folder / "data") as server:
        def repair(triangles, name):
            mesh = upload(server, torus(triangles), name)
            return job_of(order(server, "repair", [{"mesh": mesh}], {"cells": 60}, **LATER))
        good = [repair(12 + i, f"good{i}.stl") for i in range(6)]
        bad = repair(30, "poison-early.stl")
        good += [repair(40 + i, f"good{i}.stl") for i in range(6)]
        seen = await_end(server, bad)
        assert seen["status"] == "failed" and "SIGSEGV" in seen["error"]["message"], seen
        ends = [await_end(server, job)["status"] for job in good]
        assert ends == ["succeeded"] * 12, ends


@tap.sentence("/operations/a-job-goes-on-after-a-restart-and-its-replay-makes-the-same")
def restarted(folder):
    server = servers.Server(ORFEAS, folder / "data")
    try:
        mesh = upload(server, torus(60))
        job = job_of(order(server, "repair", [{"mesh": mesh}], SLOW, **LATER))
        await_step(server, job, "repair")
        server.kill()
        server = servers.Server(ORFEAS, folder / "data")
        seen = await_end(server, job)
        assert seen["status"] == "succeeded" and seen["operation"] == "repair", seen
        replayed = server.request("POST", f"/api/v1/jobs/{job}/replay", body=b"")
        assert replayed.status == 202, replayed
        other = await_end(server, job_of(replayed))
        assert other["id"] != job and other["recipe"] == seen["recipe"] and not other["cached"], other
        assert result(server, other["id"]).body == result(server, job).body
    finally:
        server.stop()


@tap.sentence("/operations/what-crashes-while-somebody-waits-is-told-and-harms-no-other")
def crashes_at_once(folder):
    with servers.Server(FAULTY, folder / "data", env={"ORFEAS_FAULTY_STEP": "draw"}) as server:
        mesh = upload(server, torus(20))
        job = job_of(order(server, "repair", [{"mesh": mesh}], {"level": "remesh", "cells": 120}, **LATER))
        for _ in range(3):  # once it is known, no runner is tried any more
            answer = server.get(f"/api/v1/meshes/{mesh}/view")
            assert answer.status == 422 and answer.json()["code"] == "mesh_unreadable", answer
            assert "SIGSEGV" in answer.json()["detail"], answer
        assert server.get(f"/api/v1/meshes/{mesh}/file?format=glb").status == 200
        assert await_end(server, job)["status"] == "succeeded"
        told = server.get("/health").json()["runner"]
        assert 2 <= told["crashed"] <= 3 and told["status"] == "ready", told


@tap.sentence("/operations/the-server-itself-reads-no-model")
def outside(folder):
    """What the runner cannot do is not done: with it stopped nothing is read, and nothing else waits."""
    with servers.Server(ORFEAS, folder / "data") as server:
        mesh = upload(server, torus(20))
        for runner in runners(server):
            os.kill(runner, signal.SIGSTOP)
        assert server.get(f"/api/v1/meshes/{mesh}").status == 200
        began = time.monotonic()
        assert server.get(f"/api/v1/meshes/{mesh}/file?format=ply").status == 200  # by its successor
        tap.comment(f"answered after {time.monotonic() - began:.1f} s")
        assert server.get("/health").json()["runner"]["replaced"] == 1


if __name__ == "__main__":
    sys.exit(tap.main())
