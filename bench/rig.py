# SPDX-License-Identifier: Apache-2.0
"""What bench/server stands on: the server, its peers and the load generator as processes."""
import contextlib
import getpass
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import tables

ROOT = tables.ROOT
LOAD = ROOT / "build" / "bench" / "load" / "load"
SAMPLES = ROOT / "tests" / "data"


def say(text):
    print(text, file=sys.stderr, flush=True)


# --- Processes -----------------------------------------------------------------------------------------------

def stop(process, seconds=20):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Server:
    """orfeas serve with a data folder of its own."""

    def __init__(self, folder, program, *arguments):
        self.data = pathlib.Path(tempfile.mkdtemp(dir=folder))
        command = [program, "serve", "--listen", "127.0.0.1", "--port", "0", "--data", self.data, "--drain", "1", *arguments]
        self.process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=open(self.data / "log", "wb"))
        first = self.process.stdout.readline().decode()
        found = re.search(r"http://([\d.]+):(\d+)/", first)
        if not found:
            raise RuntimeError(f"orfeas serve did not start: {(self.data / 'log').read_text()[-500:]}")
        self.host, self.port = found.group(1), int(found.group(2))
        self.url, self.pid = f"http://{self.host}:{self.port}", self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        stop(self.process)
        shutil.rmtree(self.data, ignore_errors=True)

    def ask(self, method, path, body=None, headers=None):
        """(status, headers, body) of one request on a connection of its own."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=120)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        result = answer.status, dict(answer.getheaders()), answer.read()
        connection.close()
        return result

    def make(self, picture, **fields):
        """The finished job of a picture."""
        body, kind = multipart(picture, fields)
        status, _, answer = self.ask("POST", "/api/v1/generate-3d", body, {"Content-Type": kind, "Prefer": "wait=60"})
        job = json.loads(answer)
        if status != 200 or job["status"] != "succeeded":
            raise RuntimeError(f"generate-3d: {status} {answer[:300]}")
        return job

    def send(self, picture, **fields):
        """The id of a job that is left to itself."""
        body, kind = multipart(picture, fields)
        status, _, answer = self.ask("POST", "/api/v1/generate-3d", body, {"Content-Type": kind, "Prefer": "respond-async"})
        if status != 202:
            raise RuntimeError(f"generate-3d: {status} {answer[:300]}")
        return json.loads(answer)["id"]

    def job(self, key):
        return json.loads(self.ask("GET", f"/api/v1/jobs/{key}")[2])

    def succeeded(self):
        """Jobs that have succeeded since the start, by the server's own count."""
        text = self.ask("GET", "/metrics")[2].decode()
        return sum(float(n) for labels, n in re.findall(r"^orfeas_jobs_total\{([^}]*)\} (\S+)", text, re.M) if 'outcome="succeeded"' in labels)


def wait_until(true, seconds=120):
    for _ in range(10 * seconds):
        if true():
            return
        time.sleep(0.1)
    raise RuntimeError("waited too long")


def multipart(picture, fields):
    mark = "orfeas-bench-4f1b"
    parts = [f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items()]
    parts.append(f'--{mark}\r\nContent-Disposition: form-data; name="image"; filename="{picture.name}"\r\n'
                 f"Content-Type: image/jpeg\r\n\r\n".encode() + picture.read_bytes() + f"\r\n--{mark}--\r\n".encode())
    return b"".join(parts), f"multipart/form-data; boundary={mark}"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, process):
    for _ in range(200):
        if process.poll() is not None:
            raise RuntimeError("a peer did not start")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError("a peer does not listen")


@contextlib.contextmanager
def peer(command, port, **environment):
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env={**os.environ, **environment})
    try:
        wait_for_port(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        stop(process)


def nginx(folder):
    """Serves `folder`, as its manual says for files: sendfile, one worker a core."""
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(f"""
user {getpass.getuser()}; worker_processes auto; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 4096; }}
http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000;
        client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
        uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
        server {{ listen 127.0.0.1:{port}; root {folder}/files; }} }}
""")
    return peer(["nginx", "-e", folder / "nginx.log", "-c", config], port)


def uvicorn(folder, job, *arguments):
    port = free_port()
    (folder / "job.json").write_text(json.dumps(job))
    return peer(["/usr/bin/python3", "-m", "uvicorn", "status:app", "--app-dir", ROOT / "bench" / "peers", "--port", port,
                 "--no-access-log", "--log-level", "warning", *arguments], port, JOB=str(folder / "job.json"))


# --- Load ----------------------------------------------------------------------------------------------------

def load(way, **options):
    """The report of a run of the load generator."""
    command = [str(LOAD), way, "--json"]
    for name, value in options.items():
        for one in value if isinstance(value, list) else [value]:
            command += ["--" + name, str(one)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    report = json.loads(done.stdout)
    for name, kind in report.get("kinds", {}).items():
        if kind["sent"] and not kind["expected"]:
            raise RuntimeError(f"{name}: no answer was as expected: {kind['faults']} {list(kind['by_status_ms'])}")
    say(f"  {way}: {report.get('rate_per_s', 0):.0f}/s, p50 {report['line_ms']['p50']} ms, p99 {report['line_ms']['p99']} ms")
    return report


def mix(folder, **kinds):
    """Writes a mix: kind={"request": ..., "expect": ..., header: ...}."""
    lines = []
    for name, keys in kinds.items():
        lines += [f"[{name}]"] + [f"{key}={value}" for key, value in keys.items()]
    handle, path = tempfile.mkstemp(dir=folder, suffix=".mix")
    os.write(handle, "\n".join(lines).encode())
    os.close(handle)
    return path


def the_kind(report):
    return next(iter(report["kinds"].values()))


def big_jpeg(folder):
    """A 12-megapixel photograph: the sample cup, enlarged."""
    path, grown = folder / "big.jpg", folder / "grown.v"
    width = int(subprocess.run(["vipsheader", "-f", "width", SAMPLES / "cup.jpg"], capture_output=True, text=True, check=True).stdout)
    subprocess.run(["vips", "resize", SAMPLES / "cup.jpg", grown, str(4240 / width)], check=True)
    subprocess.run(["vips", "jpegsave", grown, path, "--Q", "90", "--strip"], check=True)
    grown.unlink()
    return path
