# SPDX-License-Identifier: Apache-2.0
"""A server of our own on a free port of loopback, and clients that may do what no good client would."""
import contextlib
import http.client
import json
import os
import pathlib
import queue
import re
import resource
import signal
import socket
import struct
import subprocess
import threading
import time
import zlib

START_S = 60  # sanitizers are slow
ANSWER_S = 60


class Answer:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body

    def header(self, name):
        values = self.headers.get_all(name)
        return None if values is None else ", ".join(values)

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


class Server:
    """`orfeas serve`, started by us and ended by us, by its process id."""

    def __init__(self, program, data, *options, env=None, wrapper=(), file_limit=None, wait=True, log=None):
        def limits():
            if file_limit is not None:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, resource.RLIM_INFINITY))
        self.data, self.log = pathlib.Path(data), pathlib.Path(log or f"{data}.log")
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*wrapper, program, "serve", "--port", "0", "--data", str(data), *options], stdout=subprocess.PIPE,
                stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})},
                preexec_fn=limits if file_limit is not None else None)
        self.said = queue.Queue()
        self.port = None
        threading.Thread(target=self._listen, daemon=True).start()
        if wait:
            self.wait_ready()

    def _listen(self):
        for line in self.process.stdout:
            self.said.put(line.decode(errors="replace"))
        self.said.put(None)

    def wait_ready(self):
        try:
            line = self.said.get(timeout=START_S)
        except queue.Empty:
            line = None
        found = re.match(r"orfeas: listening on http://127\.0\.0\.1:(\d+)/", line or "")
        if not found:
            self.kill()
            raise AssertionError(f"the server did not start: {line!r}; {self.errors()[-600:]}")
        self.port = int(found[1])
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def pid(self):
        return self.process.pid

    def stop(self, seconds=60):
        """Asks it to end; its exit code. Cuts it when it does not listen."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the server did not end within {seconds} s of SIGTERM") from None

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(30)

    def errors(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def rss(self):
        """Bytes of memory that the process holds now."""
        pages = int(pathlib.Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def descriptors(self):
        """Sockets, blobs, ...; not the database's, which opens as many readers as were needed at one time."""
        folder, n = pathlib.Path(f"/proc/{self.pid}/fd"), 0
        for name in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):
                n += "orfeas.db" not in os.readlink(folder / name)
        return n

    # --- Talking --------------------------------------------------------------------------------------

    def connect(self, timeout=ANSWER_S, source=None):
        made = socket.create_connection(("127.0.0.1", self.port), timeout, source and (source, 0))
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def head(self, method, target, headers=(), length=None):
        lines = [f"{method} {target} HTTP/1.1"]
        names = {name.lower() for name, _ in headers}
        if "host" not in names:
            lines.append(f"Host: 127.0.0.1:{self.port}")
        lines += [f"{name}: {value}" for name, value in headers]
        if length is not None and not names & {"content-length", "transfer-encoding"}:
            lines.append(f"Content-Length: {length}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")

    def open(self, method, target, headers=(), body=None, timeout=ANSWER_S):
        """(socket, response) once the head of the answer is here."""
        made = self.connect(timeout)
        try:
            made.sendall(self.head(method, target, headers, None if body is None else len(body)))
            if body:
                send_or_refused(made, body)
            return made, begin(made, method)
        except BaseException:
            made.close()
            raise

    def request(self, method, target, headers=(), body=None, timeout=ANSWER_S):
        made, response = self.open(method, target, [*headers, ("Connection", "close")], body, timeout)
        with made, response:
            return Answer(response, response.read())

    def get(self, target, **headers):
        return self.request("GET", target, plain(headers))

    def post(self, target, form=None, value=None, **headers):
        """A form (see `multipart`) or JSON."""
        if form is not None:
            kind, body = multipart(form)
        else:
            kind, body = "application/json", json.dumps(value).encode() if value is not None else b""
        more = [("Content-Type", kind)] if body else []
        return self.request("POST", target, [*more, *plain(headers)], body)

    # --- What most tests do -----------------------------------------------------------------------------

    def generate(self, picture, target="/api/v1/generate-3d", headers=(), **fields):
        """Posts the picture; the answer."""
        kind, body = multipart([("image", ("picture.png", picture, "image/png")), *fields.items()])
        return self.request("POST", target, [("Content-Type", kind), *headers], body)

    def job(self, job):
        answer = self.get(f"/api/v1/jobs/{job}")
        assert answer.status == 200, (job, answer)
        return answer.json()


def plain(headers):
    return [(name.replace("_", "-"), value) for name, value in headers.items()]


def begin(made, method="GET"):
    response = http.client.HTTPResponse(made, method=method)
    response.begin()
    return response


def send_or_refused(made, body):
    """A server may refuse before it has read everything, and its answer is what counts."""
    try:
        made.sendall(body)
    except (ConnectionResetError, BrokenPipeError):
        pass


BOUNDARY = "a-boundary-of-the-tests"


def multipart(fields):
    """[(name, text)] or [(name, (filename, bytes, type))] -> (Content-Type, body)."""
    out = b""
    for name, value in fields:
        out += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"'.encode()
        if isinstance(value, tuple):
            filename, data, kind = value
            out += f'; filename="{filename}"\r\nContent-Type: {kind}\r\n\r\n'.encode() + data
        else:
            out += b"\r\n\r\n" + str(value).encode()
        out += b"\r\n"
    return f"multipart/form-data; boundary={BOUNDARY}", out + f"--{BOUNDARY}--\r\n".encode()


# --- Streams ------------------------------------------------------------------------------------------------

class Events:
    """Reads a stream of events: Server-Sent Events, or JSON one a line. Closes with the block."""

    def __init__(self, server, method, target, headers=(), body=None, timeout=ANSWER_S):
        self.socket, self.response = server.open(method, target, headers, body, timeout)
        self.kind = (self.response.headers.get("Content-Type") or "").split(";")[0]
        self.began = time.monotonic()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.response.close()
        self.socket.close()

    def __iter__(self):
        return self._sse() if self.kind == "text/event-stream" else self._lines()

    def _lines(self):
        for line in self.response:
            event = json.loads(line) if line.strip() else {"event": "heartbeat"}
            if event["event"] != "heartbeat":
                yield event

    def _sse(self):
        event = {}
        for line in self.response:
            text = line.decode().rstrip("\n").rstrip("\r")
            if not text:
                if "data" in event:
                    told = json.loads(event["data"])
                    yield {**told, "event": event.get("event"), "last_id": event.get("id")}
                event = {}
            elif not text.startswith(":"):
                name, _, value = text.partition(":")
                event[name] = event.get(name, "") + value.removeprefix(" ")


# --- WebSocket (RFC 6455), the client's side ------------------------------------------------------------------

class WebSocket:
    def __init__(self, server, target="/api/v1/ws", headers=(), timeout=ANSWER_S):
        base = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", "AAECAwQFBgcICQoLDA0ODw==")]
        given = {name.lower() for name, _ in headers}
        kept = [pair for pair in base if pair[0].lower() not in given]
        self.socket, self.response = server.open("GET", target, [*kept, *headers], None, timeout)
        self.status, self.stream = self.response.status, self.response.fp
        self.code = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.response.close()
        self.socket.close()

    def send_frame(self, opcode, payload, final=True, masked=True):
        size = len(payload)
        length = size if size < 126 else 126 if size < 65536 else 127
        head = bytes([opcode | (0x80 if final else 0), length | (0x80 if masked else 0)])
        head += struct.pack(">H", size) if length == 126 else struct.pack(">Q", size) if length == 127 else b""
        mask = b"\x11\x22\x33\x44"
        if masked:
            payload = bytes(b ^ mask[i & 3] for i, b in enumerate(payload))
        self.socket.sendall(head + (mask if masked else b"") + payload)

    def send(self, value):
        self.send_frame(1, value if isinstance(value, bytes) else json.dumps(value).encode())

    def frame(self):
        """(opcode, payload); (None, b"") at the end."""
        head = self.stream.read(2)
        if len(head) < 2:
            return None, b""
        assert not head[1] & 0x80, "a server must not mask"
        size = head[1] & 0x7F
        if size > 125:
            size = int.from_bytes(self.stream.read(2 if size == 126 else 8), "big")
        return head[0] & 0x0F, self.stream.read(size)

    def __iter__(self):
        """Messages, parsed; pings are answered. After a close `code` says why."""
        while True:
            opcode, payload = self.frame()
            if opcode == 9:
                self.send_frame(10, payload)
            elif opcode == 8:
                self.code = int.from_bytes(payload[:2], "big") if payload else 1005
                return
            elif opcode is None:
                return
            elif opcode == 1:
                yield json.loads(payload)


# --- Pictures -------------------------------------------------------------------------------------------------

def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, rows, color=6, level=6):
    """`rows` are the bytes of all rows, each with its filter byte; color 6 is RGBA, 2 RGB, 0 grey."""
    header = struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, level)) +
            chunk(b"IEND", b""))


def disc(size=64, red=200):
    """A disc on nothing; another `red` is another picture."""
    half, rows = size / 2, b""
    inside, outside = bytes([red % 256, 120, red // 256 % 256, 255]), bytes(4)
    for y in range(size):
        reach = (0.75 * half) ** 2 - (y + 0.5 - half) ** 2
        wide = int(reach ** 0.5) if reach > 0 else 0
        left = int(half) - wide
        rows += b"\0" + outside * left + inside * (2 * wide) + outside * (size - left - 2 * wide)
    return png(size, size, rows)


def box_stl(size=10.0):
    """A closed box as binary STL, millimetres."""
    corners = [(x * size, y * size, z * size) for z in (0, 1) for y in (0, 1) for x in (0, 1)]
    faces = [(0, 2, 3), (0, 3, 1), (4, 5, 7), (4, 7, 6), (0, 1, 5), (0, 5, 4), (2, 6, 7), (2, 7, 3), (0, 4, 6),
             (0, 6, 2), (1, 3, 7), (1, 7, 5)]
    out = bytes(80) + struct.pack("<I", len(faces))
    for face in faces:
        out += struct.pack("<12fH", 0, 0, 0, *(v for corner in face for v in corners[corner]), 0)
    return out
