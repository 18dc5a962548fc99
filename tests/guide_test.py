#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the guide shows works as it stands there: guide_test.py ORFEAS SOURCE_ROOT. Prints TAP.

The curl commands of every block are run one after the other by a shell, with pictures as large as photographs are; only
the port and the names of jobs and meshes are put in."""
import base64
import json
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile

import server as servers
import tap

ORFEAS, ROOT = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
DATA = ROOT / "tests" / "data"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "guide").glob("*.md"))]


# --- What stands there ----------------------------------------------------------------------------------------------

def blocks(text):
    """Of Markdown: fenced, or indented by four."""
    block, fenced = [], False
    for line in [*text.splitlines(), ""]:
        if line.startswith("```"):
            fenced = not fenced
            inside = None
        else:
            inside = line if fenced else line[4:] if line.startswith("    ") else None
        if inside is not None:
            block.append(inside)
        elif block:
            yield block
            block = []


def commands(block):
    """Shell commands of a block, whole; what a prompt does not precede in a block with prompts is an answer."""
    prompts, whole = any(line.startswith("$ ") for line in block), ""
    for line in block:
        if not whole and prompts and not line.startswith("$ "):
            continue
        whole += line.removeprefix("$ ") if not whole else "\n" + line
        if not re.search(r"(\\|\|\||\||&&)$", line):
            yield whole
            whole = ""


def shown(page):
    """Of each block with a curl in it: its commands, those that set a variable for it included."""
    for block in blocks(page.read_text()):
        found = [c for c in commands(block) if re.search(r"\bcurl\b", c) or re.match(r"\w+=\$\(", c)]
        if any("curl" in c for c in found):
            yield found


# --- Where it is run ------------------------------------------------------------------------------------------------

def photograph(name):
    """A JPEG of tests/data with as many notes in it as make half a megabyte: a shell takes 128 kB in one word."""
    data, note = (DATA / name).read_bytes(), b"\xff\xef" + struct.pack(">H", 65535) + os.urandom(65533)
    return data[:2] + note * 8 + data[2:]


def lay_out(folder):
    files = {"cup.jpg": photograph("cup.jpg"), "photo.jpg": photograph("portrait.jpg"), "cup.stl": servers.box_stl(),
             "cup-mask.png": servers.disc(), "logo.png": servers.disc(500),
             "front.png": (DATA / "house-front.png").read_bytes(), "left.png": (DATA / "house-left.png").read_bytes(),
             "back.png": (DATA / "house-back.png").read_bytes(), "a.png": (DATA / "house-front.png").read_bytes(),
             "b.png": (DATA / "house-right.png").read_bytes()}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / ".curlrc").write_text("fail-with-body\nsilent\nshow-error\nmax-time = 200\n")


class Place:
    """A server with a finished job, a mesh and a message that nobody took."""

    def __init__(self, server):
        self.server = server
        answer = server.generate(servers.disc(), headers=[("Prefer", "wait=60")])
        assert answer.status == 200, answer
        self.job = answer.json()["id"]
        mesh = server.request("POST", "/api/v1/meshes", [("Content-Type", "application/octet-stream")], servers.box_stl())
        assert mesh.status == 201, mesh
        self.mesh = mesh.json()["id"]
        # a name passes, the address it means is this machine's own: it is given up at once
        hooked = server.generate(servers.disc(red=7), webhook=f"http://{socket.gethostname()}:9/")
        assert hooked.status in (200, 202), hooked
        self.hook = str(tap.until(lambda: server.get("/api/v1/webhooks").json()["dead"], 60, "a message is given up")[0]["id"])

    def put_in(self, command):
        command = command.replace("127.0.0.1:8080", f"127.0.0.1:{self.server.port}")
        command = re.sub(r"job_01JD\.\.\.|\bJOB\b", self.job, command)
        command = re.sub(r"mesh_3f2a\.\.\.", self.mesh, command)
        return command.replace("/webhooks/7/", f"/webhooks/{self.hook}/")


def run(script, pattern):
    """In a folder of its own, with the files that the guide speaks of."""
    with tempfile.TemporaryDirectory(dir=pattern.parent) as name:
        folder = pathlib.Path(name, "here")
        shutil.copytree(pattern, folder)
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=folder, capture_output=True, timeout=300,
                              env={**os.environ, "HOME": str(folder)}, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, (script, done.returncode, done.stdout[-300:], done.stderr[-300:])
        made = [path.name for path in folder.iterdir() if not (pattern / path.name).exists() or
                path.read_bytes() != (pattern / path.name).read_bytes()]
        assert done.stdout or made or "-X POST" in script, (script, "it says nothing and makes nothing")
        for each in made:
            assert (folder / each).stat().st_size > 80, (script, each, "is no model")


def works(page, found):
    def sentence(folder):
        secret, pattern = folder / "secret", folder / "pattern"
        secret.write_text("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
        secret.chmod(0o600)
        pattern.mkdir()
        lay_out(pattern)
        with servers.Server(ORFEAS, folder / "data", "--webhook-secret-file", str(secret)) as server:
            place = Place(server)
            for block in found:
                before = [c for c in block if not re.search(r"\bcurl\b", c)]
                for command in block:
                    if command not in before:
                        run(place.put_in("\n".join([*before, command])), pattern)
        tap.comment(f"{sum(len(block) for block in found)} commands of {page.name}")
    return sentence


for each_page in PAGES:
    if each_found := list(shown(each_page)):
        tap.sentence(f"/guide/what-{each_page.stem.lower()}-shows-with-curl-works")(works(each_page, each_found))


def longest_of_glb(data):
    """In metres: the positions' bounds under the root's scale."""
    size = int.from_bytes(data[12:16], "little")
    gltf = json.loads(data[20:20 + size])
    root = gltf["nodes"][gltf["scenes"][0]["nodes"][0]]
    bounds = [gltf["accessors"][p["attributes"]["POSITION"]] for mesh in gltf["meshes"] for p in mesh["primitives"]]
    return max(max(b["max"][axis] for b in bounds) - min(b["min"][axis] for b in bounds)
               for axis in range(3)) * root.get("scale", [1])[0]


def longest_of_stl(data):
    corners = [struct.unpack_from("<9f", data, 96 + 50 * i) for i in range(int.from_bytes(data[80:84], "little"))]
    return max(max(c[at] for c in corners for at in (axis, axis + 3, axis + 6)) -
               min(c[at] for c in corners for at in (axis, axis + 3, axis + 6)) for axis in range(3))


@tap.sentence("/guide/clients-of-hunyuan3d-get-models-of-two-units")
def two_units(folder):
    image = base64.b64encode((DATA / "cup.jpg").read_bytes()).decode()
    with servers.Server(ORFEAS, folder / "data") as server:
        for kind, measure in (("glb", longest_of_glb), ("stl", longest_of_stl)):
            wish = {"image": image, "octree_resolution": 128, "texture": True, "type": kind}
            answer = server.post("/generate", value=wish)
            assert answer.status == 200 and abs(measure(answer.body) - 2) < 1e-4, (kind, measure(answer.body))
        job = server.get("/api/v1/jobs").json()["jobs"][0]["id"]
        assert abs(longest_of_glb(server.get(f"/api/v1/jobs/{job}/result").body) - 0.1) < 1e-5, "its true size is kept"


@tap.sentence("/guide/every-metric-that-is-named-is-there-and-has-a-source")
def metrics(folder):
    page = (ROOT / "docs" / "guide" / "metrics.md").read_text()
    named = set(re.findall(r"`((?:orfeas|process)_[a-z_]+)`", page))
    where_told = {"orfeas_gpu_utilization_ratio", "orfeas_gpu_temperature_celsius", "orfeas_gpu_power_watts"}
    with servers.Server(ORFEAS, folder / "data", "--behind-proxy", "--rate", "12") as server:
        for red in range(13):  # the last is over the rate; what a kind needs is known after some runs
            server.generate(servers.disc(red=red), headers=[("Prefer", "wait=60")], generator="inflate", quality="draft")
        text = server.get("/metrics").body.decode()
    families = set(re.findall(r"^# TYPE (\S+)", text, re.M))
    sampled = {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"^([a-z_]+)[{ ]", text, re.M)}
    assert families - named == set(), families - named
    assert named - families <= where_told, named - families
    assert families - sampled == set(), families - sampled


sys.exit(tap.main())
