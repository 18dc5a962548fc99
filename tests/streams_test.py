#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Streams that break and go on, WebSockets: streams_test.py ORFEAS. Prints TAP."""
import contextlib
import os
import socket
import sys
import time

import server as servers
import tap

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


@tap.sentence("/streams/a-stream-of-a-waiting-job-shows-signs-of-life")
def heartbeat(folder):
    with serving(folder) as server:
        jobs = [start(server, size=900 + i, quality="high") for i in range(24)]
        made, response = server.open("GET", f"/api/v1/jobs/{jobs[-1]}/events", timeout=30)
        with made, response:
            first = response.readline()
            assert first.startswith((b"retry:", b":", b"id:", b"event:")), first
            text = first
            while b"retry: 2000" not in text:
                text += response.readline()
        for job in jobs:
            server.request("POST", f"/api/v1/jobs/{job}/cancel", body=b"")


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
        jobs = [start(server, size=900 + i, quality="high") for i in range(8)]
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


# --- WebSockets ---------------------------------------------------------------------------------------------------

@tap.sentence("/streams/one-socket-follows-many-jobs")
def many(folder):
    with serving(folder) as server, servers.WebSocket(server) as ws:
        assert ws.status == 101 and ws.response.headers["Sec-WebSocket-Accept"]
        jobs = [start(server, size=300 + i) for i in range(3)]
        for job in jobs:
            ws.send({"type": "subscribe", "job": job})
        heard = {job: [] for job in jobs}
        for event in ws:
            if event["event"] in ("subscribed", "pong"):
                continue
            heard[event["job"]].append(event)
            if all(events and events[-1]["event"] == "done" for events in heard.values()):
                break
        for events in heard.values():
            whole(events)


@tap.sentence("/streams/a-socket-goes-on-where-another-was")
def socket_resumes(folder):
    with serving(folder) as server:
        job = start(server)
        with servers.WebSocket(server) as ws:
            ws.send({"type": "subscribe", "job": job})
            first = next(event for event in ws if "seq" in event)
        with servers.WebSocket(server) as ws:
            ws.send({"type": "subscribe", "job": job, "last_event_id": first["seq"]})
            seen = [first]
            for event in ws:
                if "seq" in event:
                    seen.append(event)
                if event["event"] == "done":
                    break
        whole(seen)


@tap.sentence("/streams/what-a-socket-cannot-do-is-said")
def complains(folder):
    with serving(folder) as server, servers.WebSocket(server) as ws:
        messages = iter(ws)
        for said, code in [(b"no json", "bad_message"), (b"[]", "bad_message"), (b'{"type":"dance"}', "bad_message"),
                           (b'{"type":"subscribe"}', "bad_message"), (b'{"type":"ping","loud":true}', "bad_message"),
                           (b'{"type":"subscribe","job":"job_00000000000000000000000000"}', "not_found"),
                           (b'{"type":"unsubscribe","job":"job_00000000000000000000000000"}', "not_subscribed"),
                           (b'{"type":"subscribe","job":"../etc"}', "bad_message"), (b" " * 8000, "bad_message")]:
            ws.send(said)
            told = next(messages)
            assert told["event"] == "problem" and told["code"] == code and told["detail"], (said[:40], told)
        ws.send({"type": "ping"})
        assert next(messages)["event"] == "pong"


@tap.sentence("/streams/frames-that-break-the-rules-close-the-socket")
def broken_frames(folder):
    rules = [("unmasked", lambda ws: ws.send_frame(1, b"{}", masked=False), {1002, None}),
             ("not UTF-8", lambda ws: ws.send_frame(1, b"\xff\xfe"), {1007, None}),
             ("opcode 3", lambda ws: ws.send_frame(3, b""), {1002, None}),
             ("a ping in two", lambda ws: ws.send_frame(9, b"a", final=False), {1002, 1005, None}),
             ("a long ping", lambda ws: ws.send_frame(9, b"a" * 200), {1002, 1005, None}),
             ("two megabytes", lambda ws: ws.send_frame(1, b" " * (2 << 20)), {1009, None}),
             ("binary", lambda ws: ws.send_frame(2, b"{}"), {1003, 1002, 1007, None})]
    with serving(folder) as server:
        for what, act, codes in rules:
            with servers.WebSocket(server, timeout=20) as ws:
                with contextlib.suppress(ConnectionError, BrokenPipeError):
                    act(ws)
                with contextlib.suppress(ConnectionError):
                    list(ws)
                assert ws.code in codes, (what, ws.code)
        with servers.WebSocket(server) as ws:  # in pieces, with a ping between
            ws.send_frame(1, b'{"type":', final=False)
            ws.send_frame(9, b"hello")
            ws.send_frame(0, b'"ping"}')
            assert next(iter(ws))["event"] == "pong"


@tap.sentence("/streams/what-asks-for-no-socket-gets-none")
def no_upgrade(folder):
    with serving(folder) as server:
        answer = server.get("/api/v1/ws")
        assert answer.status in (400, 426), answer
        assert answer.json()["code"] == "upgrade_required", answer
        with servers.WebSocket(server, headers=[("Origin", "http://evil.example")]) as ws:
            assert ws.status == 403, ws.status
        with servers.WebSocket(server, headers=[("Origin", f"http://127.0.0.1:{server.port}")]) as ws:
            assert ws.status == 101, ws.status
        with servers.WebSocket(server, headers=[("Sec-WebSocket-Version", "8")]) as ws:
            assert ws.status in (400, 426), ws.status


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


@tap.sentence("/streams/sockets-that-leave-are-let-go")
def leave(folder):
    with serving(folder) as server:
        job, descriptors = start(server, size=900, quality="high"), server.descriptors()
        for how in ("close", "reset"):
            sockets = [servers.WebSocket(server) for _ in range(50)]
            for ws in sockets:
                ws.send({"type": "subscribe", "job": job})
                if how == "reset":
                    ws.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                ws.response.close()
                ws.socket.close()
        tap.until(lambda: server.descriptors() <= descriptors + 8, 15, "descriptors are back", 0.05)


sys.exit(tap.main())
