#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A conversation with a fresh server: api_test.py ORFEAS SOURCE_ROOT FILE.http. Prints TAP.

tests/api/README.md describes the files. When .venv is there (make venv) every answer is also held against the
server's own OpenAPI document."""
import os
import pathlib
import struct
import sys
import tempfile
import uuid
import zlib
import zipfile
import io

import conversation
import judge
import server as servers
import tap

ORFEAS, ROOT, FILE = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve(), pathlib.Path(sys.argv[3])
DATA = ROOT / "tests" / "data"


# --- Files that conversations send ------------------------------------------------------------------------------

def header_says(width, height):
    """A small PNG whose header claims another size."""
    picture = bytearray(servers.disc())
    picture[16:24] = struct.pack(">II", width, height)
    picture[29:33] = struct.pack(">I", zlib.crc32(bytes(picture[12:29])))
    return bytes(picture)


def zeros_png(width, height):
    """Really that large, and nothing but zeros: a thousand times smaller packed than unpacked."""
    pack, row = zlib.compressobj(9), bytes(width + 1)
    packed = b"".join(pack.compress(row) for _ in range(height)) + pack.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + servers.chunk(b"IHDR", header) + servers.chunk(b"IDAT", packed) +
            servers.chunk(b"IEND", b""))


def checks(size):
    """Rows of squares: a shape with a lot of edge."""
    row = b"".join((b"\xff\xff\xff" if at // 40 % 2 else b"\x10\x60\xa0") for at in range(size))
    other = bytes(255 - byte for byte in row)
    return b"".join(b"\0" + (row if at // 40 % 2 else other) for at in range(size))


def zip_bomb():
    """A 3MF whose model unpacks to 300 MB of blanks."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        with archive.open("3D/3dmodel.model", "w") as model:
            for _ in range(300):
                model.write(b" " * (1 << 20))
    return made.getvalue()


LAUGHS = (b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa">' +
          b"".join(b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(9)) +
          b']><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text>&j;</text></svg>')
READS_FILES = (b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
               b'<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><text y="20">&f;</text></svg>')


class Files(dict):
    """Made when they are first asked for; what is not made here lies in tests/data."""
    MADE = {
        "disc.png": servers.disc,
        "other.png": lambda: servers.disc(red=77),
        "third.png": lambda: servers.disc(red=1234),
        "fourth.png": lambda: servers.disc(red=4321),
        "big.png": lambda: servers.disc(512),
        "slow.png": lambda: servers.disc(900, red=999),
        "endless.png": lambda: servers.png(4000, 4000, checks(4000), color=2),
        "noise.png": lambda: servers.png(1024, 700, b"".join(b"\0" + os.urandom(3072) for _ in range(700)), 2, 0),
        "cut.png": lambda: servers.disc()[:90],
        "text.png": lambda: b"This is no picture.\n" * 20,
        "empty.png": lambda: b"",
        "claims.png": lambda: header_says(100000, 100000),
        "bomb.png": lambda: zeros_png(30000, 30000),
        "laughs.svg": lambda: LAUGHS,
        "reads.svg": lambda: READS_FILES,
        "clear.png": lambda: servers.png(32, 32, (b"\0" + bytes(4 * 32)) * 32),
        "cube.stl": servers.box_stl,
        "cut.stl": lambda: servers.box_stl()[:200],
        "claims.stl": lambda: servers.box_stl()[:80] + struct.pack("<I", 0xFFFFFFFF) + servers.box_stl()[84:],
        "claims.glb": lambda: struct.pack("<4sIII4s", b"glTF", 2, 0xFFFFFFF0, 0xFFFFFF00, b"JSON") + b"{}" * 20,
        "bomb.3mf": zip_bomb,
    }

    def __missing__(self, name):
        self[name] = self.MADE[name]() if name in self.MADE else (DATA / name).read_bytes()
        return self[name]


# --- The conversation -----------------------------------------------------------------------------------------------

def main():
    talk = conversation.Conversation(FILE)
    with tempfile.TemporaryDirectory(prefix="orfeas-test-") as folder:
        secret = pathlib.Path(folder, "secret")
        secret.write_text("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
        secret.chmod(0o600)
        options = [option.replace("{{secret}}", str(secret)) for option in talk.options]
        with servers.Server(ORFEAS, pathlib.Path(folder, "data"), *options) as server:
            judges = judge.Judge(server, [folder, str(ROOT), str(pathlib.Path(ORFEAS).parent), "/proc/", "/usr/", "/etc/"])
            known = {"files": Files(), "port": server.port, "unique": uuid.uuid4().hex, "again": uuid.uuid4().hex}

            def holds(exchanges):
                def run(_):
                    for exchange in exchanges:
                        conversation.speak(exchange, server, known, judges.look)
                return run
            for name, exchanges in talk.sentences:
                tap.sentence(f"/api/{FILE.stem}/{name}")(holds(exchanges))
            tap.sentence(f"/api/{FILE.stem}/the-server-ends-without-complaint")(lambda _: ended(server))
            code = tap.main()
            if not judges.schemas:
                tap.comment("answers were not held against the OpenAPI document: make venv")
        return code


def ended(server):
    assert server.process.poll() is None, f"it ended by itself: {server.process.returncode}: {server.errors()[-600:]}"
    assert server.stop() == 0, f"exit {server.process.returncode}: {server.errors()[-600:]}"
    said = [line for line in server.errors().splitlines() if "CRITICAL" in line or "Sanitizer" in line]
    assert not said, said[:3]


sys.exit(main())
