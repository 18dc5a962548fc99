#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""orfeas net pull against good and bad servers, all on this machine: net_pull_test.py ORFEAS.
nginx stands in for the hub; a server of our own behind it goes wrong on demand. Prints TAP."""
import contextlib
import hashlib
import http.server
import json
import os
import pathlib
import socket
import subprocess
import sys
import threading

import tap

ORFEAS = os.path.abspath(sys.argv[1])
REPO = "stabilityai/TripoSR"
CONFIG = b"cond_image_size: 512\n"
WEIGHTS = bytes(range(256)) * 4096  # 1 MiB


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def listing(weights=WEIGHTS, size=None):
    digest = hashlib.sha256(weights).hexdigest()
    size = size or len(weights)
    return json.dumps([
        {"type": "directory", "path": "examples", "size": 0},
        {"type": "file", "path": "../../evil", "size": 4},
        {"type": "file", "path": "config.yaml", "size": len(CONFIG)},
        {"type": "file", "path": "model.ckpt", "size": 133, "lfs": {"oid": digest, "size": size}},
        {"type": "file", "path": "examples/chair.png", "size": 9}]).encode()


def lay_out(root, weights=WEIGHTS, **how):
    tree = root / "api/models" / REPO / "tree"
    files = root / REPO / "resolve/main"
    tree.mkdir(parents=True)
    files.mkdir(parents=True)
    (tree / "main").write_bytes(listing(**how))
    (files / "config.yaml").write_bytes(CONFIG)
    (files / "model.ckpt").write_bytes(weights)


@contextlib.contextmanager
def nginx(folder, root, extra=""):
    """Serves `root`; `extra` goes into the server block. Ended by its own process."""
    port = free_port()
    conf = folder / f"nginx-{port}.conf"
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"])
    user = "user root;" if os.getuid() == 0 else ""
    conf.write_text(f"""{user} daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes 1;
events {{}} http {{ access_log off; {temporary} server {{ listen 127.0.0.1:{port}; root {root}; {extra} }} }}""")
    process = subprocess.Popen(["/usr/sbin/nginx", "-c", str(conf), "-p", str(folder)], stderr=subprocess.DEVNULL)
    try:
        def open_now():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return True
        tap.until(open_now, 60, "nginx does not answer")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def pull(folder, url, *options, check=None):
    env = {**os.environ, "ORFEAS_NETS": str(folder / "nets")}
    done = subprocess.run([ORFEAS, "net", "pull", "triposr", "--from", url, *options], env=env, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=300)
    assert check is None or done.returncode == check, (done.returncode, done.stderr)
    return done


def have(folder):
    nets = folder / "nets"
    return {str(path.relative_to(nets)): path.read_bytes() for path in nets.rglob("*") if path.is_file()}


WHOLE = {"triposr/config.yaml": CONFIG, "triposr/model.ckpt": WEIGHTS}


@tap.sentence("/net-pull/fetches-the-files-of-a-net-and-nothing-else")
def good(folder):
    lay_out(folder / "hub")
    with nginx(folder, folder / "hub") as url:
        done = pull(folder, url, "--yes", check=0)
        assert "licence: MIT" in done.stderr and "GB" in done.stderr, done.stderr
        assert have(folder) == WHOLE, have(folder).keys()
        pull(folder, url + "/", "--yes", check=0)  # again: all is there


@tap.sentence("/net-pull/asks-first-and-takes-silence-for-no")
def asks(folder):
    lay_out(folder / "hub")
    with nginx(folder, folder / "hub") as url:
        done = pull(folder, url)
        assert done.returncode and "--yes" in done.stderr and not have(folder), done.stderr


@tap.sentence("/net-pull/goes-on-where-it-was-cut-off")
def resumes(folder):
    class Cut(http.server.BaseHTTPRequestHandler):
        ranges = []

        def do_GET(self):
            begin = int(self.headers["Range"][6:-1]) if "Range" in self.headers else 0
            self.ranges.append(begin)
            self.send_response(206 if begin else 200)
            self.send_header("Content-Length", str(len(WEIGHTS) - begin))
            if begin:
                self.send_header("Content-Range", f"bytes {begin}-{len(WEIGHTS) - 1}/{len(WEIGHTS)}")
            self.end_headers()
            end = len(WEIGHTS) if begin else len(WEIGHTS) // 2
            self.wfile.write(WEIGHTS[begin:end])

        def log_message(self, *_):
            pass

    lay_out(folder / "hub")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Cut) as behind:
        threading.Thread(target=behind.serve_forever, daemon=True).start()
        way = f"location ~ ckpt$ {{ proxy_pass http://127.0.0.1:{behind.server_port}; proxy_buffering off; }}"
        with nginx(folder, folder / "hub", way) as url:
            done = pull(folder, url, "--yes")
            assert done.returncode and "goes on from there" in done.stderr, done.stderr
            kept = have(folder)
            assert "triposr/model.ckpt" not in kept and 0 < len(kept["triposr/model.ckpt.part"]) < len(WEIGHTS), kept.keys()
            pull(folder, url, "--yes", check=0)
        behind.shutdown()
    assert have(folder) == WHOLE and Cut.ranges[0] == 0 and Cut.ranges[1] > 0, Cut.ranges


@tap.sentence("/net-pull/begins-anew-where-a-server-knows-no-ranges")
def no_ranges(folder):
    lay_out(folder / "hub")
    part = folder / "nets/triposr/model.ckpt.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * 1000)
    with nginx(folder, folder / "hub", "max_ranges 0;") as url:
        pull(folder, url, "--yes", check=0)
    assert have(folder) == WHOLE


@tap.sentence("/net-pull/keeps-nothing-of-bytes-that-are-not-those-published")
def lies(folder):
    lay_out(folder / "hub", weights=WEIGHTS[:-1] + b"!")
    with nginx(folder, folder / "hub") as url:
        done = pull(folder, url, "--yes")
        assert done.returncode and "not those that were published" in done.stderr.replace("\n", " "), done.stderr
    assert set(have(folder)) == {"triposr/config.yaml"}, have(folder).keys()


@tap.sentence("/net-pull/takes-no-more-bytes-than-were-listed")
def too_much(folder):
    lay_out(folder / "hub", weights=WEIGHTS * 2)
    with nginx(folder, folder / "hub") as url:
        done = pull(folder, url, "--yes")
        assert done.returncode and "more bytes came" in done.stderr, done.stderr
    assert set(have(folder)) == {"triposr/config.yaml"}, have(folder).keys()


@tap.sentence("/net-pull/a-slow-server-is-waited-for-while-bytes-come")
def slow(folder):
    lay_out(folder / "hub")
    with nginx(folder, folder / "hub", "limit_rate 512k;") as url:
        pull(folder, url, "--yes", check=0)
    assert have(folder) == WHOLE


@tap.sentence("/net-pull/says-what-a-server-that-fails-said")
def fails(folder):
    for status, word in [(500, "500"), (403, "licence"), (404, "is not there")]:
        (folder / str(status)).mkdir()
        lay_out(folder / str(status) / "hub")
        with nginx(folder / str(status), folder / str(status) / "hub", f"location ~ ckpt$ {{ return {status}; }}") as url:
            done = pull(folder / str(status), url, "--yes")
            assert done.returncode and word in done.stderr, (status, done.stderr)
    (folder / "page").mkdir()
    with nginx(folder, folder / "page", "location / { return 200 '<html>'; }") as url:
        done = pull(folder, url, "--yes")
        assert done.returncode and "no list of files" in done.stderr, done.stderr
    done = pull(folder, f"http://127.0.0.1:{free_port()}", "--yes")
    assert done.returncode and "127.0.0.1" in done.stderr, done.stderr
    done = pull(folder, "ftp://127.0.0.1", "--yes")
    assert done.returncode and "https://" in done.stderr, done.stderr


if not pathlib.Path("/usr/sbin/nginx").exists():
    print("1..0 # SKIP needs nginx")
    sys.exit(0)
sys.exit(tap.main())
