#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""WebSockets: sockets_test.py ORFEAS. Prints TAP."""
import contextlib
import socket
import sys

import server as servers
import tap
from streams import serving, start, whole


@tap.sentence("/sockets/one-socket-follows-many-jobs")
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


@tap.sentence("/sockets/a-socket-goes-on-where-another-was")
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


@tap.sentence("/sockets/what-a-socket-cannot-do-is-said")
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


@tap.sentence("/sockets/frames-that-break-the-rules-close-the-socket")
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


@tap.sentence("/sockets/what-asks-for-no-socket-gets-none")
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


@tap.sentence("/sockets/sockets-that-leave-are-let-go")
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
