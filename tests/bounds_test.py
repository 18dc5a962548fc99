#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What one client cannot do to the others: bounds_test.py ORFEAS. Prints TAP."""
import gzip
import json
import os
import sys

import server as servers
import tap

ORFEAS = os.path.abspath(sys.argv[1])


def serving(folder, *options):
    return servers.Server(ORFEAS, folder / "data", *options)


def half_sent(server, count, *headers):
    """Begins `count` requests whose bodies never come."""
    made = []
    for _ in range(count):
        connection = server.connect()
        connection.sendall(b"POST /api/v1/generate-3d HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                           b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000000\r\n" +
                           b"".join(header + b"\r\n" for header in headers) + b"\r\n")
        made.append(connection)
    return made


@tap.sentence("/bounds/what-never-arrives-holds-no-place-in-the-queue")
def holds_no_place(folder):
    with serving(folder) as server:
        made = half_sent(server, 1010)
        answer = server.generate(servers.disc())
        assert answer.status == 202, answer
        for connection in made:
            connection.close()


@tap.sentence("/bounds/one-address-sends-so-many-bodies-at-a-time-and-others-still-theirs")
def share_of_bodies(folder):
    with serving(folder, "--behind-proxy") as server:
        made = half_sent(server, 256, b"X-Forwarded-For: 9.9.9.9")
        picture = servers.disc()
        # the transport's threads see them in their own time: ask until the last has been seen
        while (answer := server.generate(picture, headers=[("X-Forwarded-For", "9.9.9.9")])).status != 429:
            assert answer.status in (200, 202), answer
        assert answer.json()["code"] == "rate_limited" and answer.header("Retry-After"), answer
        answer = server.generate(picture, headers=[("X-Forwarded-For", "9.9.9.8")])
        assert answer.status in (200, 202), answer
        for connection in made:
            connection.close()
        while server.generate(picture, headers=[("X-Forwarded-For", "9.9.9.9")]).status == 429:
            pass


@tap.sentence("/bounds/the-last-line-of-forwarded-addresses-counts")
def last_line(folder):
    def asks(server, *lines):
        return server.generate(servers.disc(), headers=[("X-Forwarded-For", line) for line in lines]).status

    with serving(folder, "--behind-proxy", "--rate", "5") as server:
        seen = [asks(server, f"5.5.5.{n}", "9.9.9.9") for n in range(8)]
        assert seen.count(429) == 3, seen
        assert asks(server, "9.9.9.9, 7.7.7.1:443") != 429 and asks(server, "7.7.7.2:443") != 429


@tap.sentence("/bounds/pings-without-reading-cost-no-memory")
def pings(folder):
    with serving(folder) as server, servers.WebSocket(server) as socket:
        before, sent = server.rss(), 0
        socket.socket.settimeout(1)
        frame = b"\x89\xfd\0\0\0\0" + bytes(125)
        try:
            while sent < 256 << 20:
                sent += socket.socket.send(frame * 1000)
        except TimeoutError:
            pass
        assert sent < 256 << 20 and server.rss() - before < 32 << 20, (sent, before, server.rss())
        assert server.get("/livez").status == 200


@tap.sentence("/bounds/strangers-have-a-rate-this-machine-has-none")
def default_rate(folder):
    def left(server, address):
        answer = server.generate(servers.disc(), headers=[("X-Forwarded-For", address)])
        assert answer.status in (200, 202), answer
        return answer.header("RateLimit-Policy"), answer.header("RateLimit")

    with serving(folder) as server:
        assert left(server, "9.9.9.9") == (None, None)
    with serving(folder, "--behind-proxy") as server:
        policy, rate = left(server, "9.9.9.9")
        assert "q=300;" in policy + ";" and "w=60" in policy, policy
        assert "r=299" in rate, rate
        statuses = [server.generate(servers.disc(), headers=[("X-Forwarded-For", "9.9.9.9")]).status for _ in range(330)]
        assert 429 in statuses and statuses.index(429) >= 299, statuses
        assert left(server, "9.9.9.8")[0] == policy


@tap.sentence("/bounds/behind-a-proxy-the-listed-sites-are-all-the-names-there-are")
def hosts(folder):
    def status(server, host, *more):
        return server.request("GET", "/api/v1/jobs", [("Host", host), *more]).status

    with serving(folder, "--behind-proxy", "--allow-origin", "https://models.example") as server:
        for host in ("models.example", "models.example:443", "127.0.0.1:8080", "localhost"):
            assert status(server, host) == 200, host
        for host in ("evil.example", "models.example.evil.example", "notmodels.example"):
            assert status(server, host) == 421, host
            assert status(server, host, ("X-Forwarded-For", "9.9.9.9")) == 421, host
    with serving(folder, "--behind-proxy") as server:  # which names are good is the proxy's business, and that is said
        assert status(server, "models.example") == 200
        tap.until(lambda: "--allow-origin" in server.errors(), 20, lambda: server.errors())


@tap.sentence("/bounds/a-file-that-is-cut-short-ends-its-download-and-nothing-else")
def cut_short(folder):
    count = 240000  # 12 MB of triangles: more than lies in the buffers of a socket that is not read
    body = bytes(80) + count.to_bytes(4, "little") + servers.box_stl()[84:] * (count // 12)
    with serving(folder) as server:
        made = server.request("POST", "/api/v1/meshes", [("Content-Type", "application/octet-stream")], body, timeout=300)
        assert made.status == 201, made
        target = f"/api/v1/meshes/{made.json()['id']}/file"
        digest = made.json()["sha256"]
        connection, response = server.open("GET", target)
        with connection, response:
            blob = folder / "data" / "blobs" / digest[:2] / digest[2:4] / digest
            assert blob.stat().st_size == len(body)
            os.truncate(blob, 100000)
            connection.settimeout(3)  # the bytes that were on their way come, then no more
            got = 0
            try:
                while piece := response.read1(1 << 16):
                    got += len(piece)
            except (TimeoutError, OSError):
                pass
            assert got < len(body), got
            for address in (f"{target}?format=glb", target, "/readyz", "/api/v1/jobs"):
                assert server.get(address).status in (200, 422), address
        answer = server.generate(servers.disc(), headers=[("Prefer", "wait=60")])
        assert answer.status == 200, answer
        assert server.stop() == 0, server.errors()[-400:]


@tap.sentence("/bounds/lists-are-packed-for-who-takes-it")
def packs(folder):
    with serving(folder) as server:
        for size in range(20, 40):
            server.generate(servers.disc(), size=size)
        plain, packed = server.get("/api/v1/jobs"), server.get("/api/v1/jobs", **{"Accept-Encoding": "gzip"})
        assert packed.header("Content-Encoding") == "gzip" and len(packed.body) < len(plain.body) / 4
        assert len(json.loads(gzip.decompress(packed.body))["jobs"]) == len(plain.json()["jobs"])


@tap.sentence("/bounds/a-listed-site-may-ask-cheaply-and-its-own-page-still-connects")
def origins(folder):
    site = "https://models.example"
    with serving(folder, "--allow-origin", site) as server:
        answer = server.request("OPTIONS", "/api/v1/jobs", [("Origin", site)])
        allowed = answer.header("Access-Control-Allow-Headers")
        assert all(name in allowed for name in ("If-None-Match", "Cache-Control", "If-Range", "Range")), allowed
        exposed = server.request("GET", "/api/v1/jobs", [("Origin", site)]).header("Access-Control-Expose-Headers")
        assert all(name in exposed for name in ("ETag", "Content-Disposition", "Content-Range", "Link")), exposed
        for origin in (site, f"http://127.0.0.1:{server.port}"):
            with servers.WebSocket(server, headers=[("Origin", origin)]) as socket:
                socket.send({"type": "ping"})
                assert next(iter(socket))["event"] == "pong"


@tap.sentence("/bounds/known-results-are-200-json-may-begin-with-a-mark-and-sizes-are-decimal")
def small_words(folder):
    with serving(folder) as server:
        first = server.generate(servers.disc(), headers=[("Prefer", "wait=60")])
        again = server.generate(servers.disc())
        assert (again.status, again.json()["status"]) == (200, "succeeded"), again
        assert again.header("Location") == f"/api/v1/jobs/{again.json()['id']}"
        assert first.status == 200
        marked = b"\xef\xbb\xbf" + json.dumps({"image": "x"}).encode()
        answer = server.request("POST", "/api/v1/generate-3d", [("Content-Type", "application/json")], marked)
        assert answer.json()["code"] != "invalid_json", answer
        form = [("image", ("a.png", servers.disc(), "image/png")), ("params", "\ufeff{\"size\": 50}")]
        assert server.post("/api/v1/generate-3d", form=form).status in (200, 202)
        assert server.generate(servers.disc(), params="{\"a\":" * 70 + "1" + "}" * 70).status == 422
        for hexadecimal in ({"size": "0x10"}, {"deadline": "0x10"}, {"views": "0x5A"}):
            assert server.generate(servers.disc(), **hexadecimal).status == 422, hexadecimal
        many = {f"tag{n}": "1" for n in range(60)}
        answer = server.generate(servers.disc(), **many)
        assert answer.json()["code"] != "invalid_multipart", answer


sys.exit(tap.main())
