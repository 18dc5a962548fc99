#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Streams that break and go on: streams_test.py ORFEAS. Prints TAP."""
import contextlib
import sys
import time

import server as servers
import tap
from streams import HARD, ORFEAS, serving, start, whole


@tap.sentence("/streams/a-live-job-tells-its-stages-as-they-are-made")
def live(folder):
    with serving(folder) as server:
        job, seen = start(server), []
        with servers.Events(server, "GET", f"/api/v1/jobs/{job}/events") as told:
            assert told.kind == "text/event-stream"
            for event in told:
                seen.append(event)
                assert event["job"] == job and event["last_id"] == str(event["seq"]), event
                if event["event"] == "stage":
                    answer = server.get(event["url"])
                    assert answer.status == 200 and len(answer.body) == event["bytes"], answer
        whole(seen)


@tap.sentence("/streams/a-broken-stream-goes-on-where-it-was")
def resumed(folder):
    with serving(folder) as server:
        job, seen, after, cuts = start(server), [], 0, 0
        while not seen or seen[-1]["event"] != "done":
            headers = [("Last-Event-ID", str(after))] if after else []
            with servers.Events(server, "GET", f"/api/v1/jobs/{job}/events", headers) as told:
                for count, event in enumerate(told, 1):
                    seen.append(event)
                    after = event["seq"]
                    if count == 2:
                        break
            cuts += 1
            assert cuts < 500, seen[-3:]
        assert cuts > 3
        whole(seen)


@tap.sentence("/streams/lines-of-json-go-on-by-a-parameter")
def lines(folder):
    with serving(folder) as server:
        job, accept = start(server), [("Accept", "application/x-ndjson")]
        with servers.Events(server, "GET", f"/api/v1/jobs/{job}/events", accept) as told:
            first = next(iter(told))
        with servers.Events(server, "GET", f"/api/v1/jobs/{job}/events?last_event_id={first['seq']}", accept) as told:
            assert told.kind == "application/x-ndjson"
            whole([first, *told])


@tap.sentence("/streams/a-number-of-the-future-is-no-reason-to-wait-for-ever")
def future(folder):
    with serving(folder) as server:
        job = start(server, size=64, quality="draft")
        tap.until(lambda: server.job(job)["status"] == "succeeded", 60, "the job is done")
        answer = server.get(f"/api/v1/jobs/{job}/events", Last_Event_ID="999999")
        assert answer.status == 204, answer  # "nothing more": browsers stop asking
        last = list(servers.Events(server, "GET", f"/api/v1/jobs/{job}/events"))[-1]["seq"]
        assert server.get(f"/api/v1/jobs/{job}/events", Last_Event_ID=str(last)).status == 204


@tap.sentence("/streams/two-clients-of-one-wish-hear-the-same-stages")
def twins(folder):
    kind, body = servers.multipart([("image", ("disc.png", servers.disc(700), "image/png")), *HARD.items()])
    headers = [("Content-Type", kind), ("Accept", "application/x-ndjson")]
    with serving(folder) as server:
        with servers.Events(server, "POST", "/api/v1/generate-progressive", headers, body) as one:
            first = next(iter(one))
            with servers.Events(server, "POST", "/api/v1/generate-progressive", headers, body) as two:
                heard = [[first, *one], list(two)]
        jobs = [{event["job"] for event in events} for events in heard]
        assert len(jobs[0]) == len(jobs[1]) == 1 and jobs[0] != jobs[1], jobs
        stages = [[(e["stage"], e["sha256"]) for e in events if e["event"] == "stage"] for events in heard]
        assert stages[0] == stages[1] and len(stages[0]) == 4, stages
        twin = server.job(jobs[1].pop())
        assert twin["coalesced"] or twin["cached"], twin


@tap.sentence("/streams/streams-end-with-a-word-when-the-server-stops")
def drained(folder):
    with servers.Server(ORFEAS, folder / "data") as server:
        jobs = [start(server, size=600 + i, quality="high") for i in range(4)]
        with servers.Events(server, "GET", f"/api/v1/jobs/{jobs[-1]}/events") as told, servers.WebSocket(server) as ws:
            iterator, messages = iter(told), iter(ws)
            next(iterator)
            ws.send({"type": "ping"})
            assert next(messages)["event"] == "pong"
            server.process.terminate()
            last = [event["event"] for event in iterator]
            assert last and last[-1] in ("reconnect", "done"), last
            list(messages)
            assert ws.code == 1001, ws.code
        assert server.process.wait(60) == 0, server.errors()[-400:]


@tap.sentence("/streams/eight-hundred-clients-of-one-job-are-all-told")
def thousand(folder):
    with serving(folder) as server, contextlib.ExitStack() as stack:
        job = start(server, size=900, quality="high")
        descriptors = server.descriptors()
        request = server.head("GET", f"/api/v1/jobs/{job}/events")
        clients = []
        for _ in range(800):
            made = stack.enter_context(server.connect())
            made.sendall(request)
            clients.append(made)
        began = time.monotonic()
        for made in clients:
            text = b""
            while piece := made.recv(1 << 16):
                text += piece
                if b"event: done" in text and text.endswith(b"0\r\n\r\n"):
                    break
            assert b"event: done" in text, text[-300:]
        tap.comment(f"all told after {time.monotonic() - began:.1f} s")
        stack.close()
        tap.until(lambda: server.descriptors() <= descriptors + 8, 15, "descriptors are back", 0.05)


sys.exit(tap.main())
