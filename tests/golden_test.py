#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Pictures in, measures out: golden_test.py ORFEAS SOURCE_ROOT. Prints TAP.

Each case of CASES makes a model of a real picture. What must hold for every one (closed, sized, standing,
the picture's outline kept) is asserted; volume and generator are compared with tests/golden.json, which
ORFEAS_GOLDEN=1 rewrites. Judges from outside open the results: the Khronos glTF validator, admesh,
PrusaSlicer, assimp; one that is not installed is a skipped test."""
import json
import math
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

ORFEAS, ROOT = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
DATA, GOLDEN = ROOT / "tests" / "data", ROOT / "tests" / "golden.json"
FOUR = ["house-front.png", "house-right.png", "house-back.png", "house-left.png"]
CASES = {  # name: pictures, arguments, is its outline that of the picture?
    "chair": (["chair.png"], [], True),
    "barrel": (["barrel.png"], [], True),
    "cactus": (["cactus.jpg"], [], True),
    "cup": (["cup.jpg"], [], True),
    "house": (FOUR, ["--views", "0,90,180,270"], False),
    "depth": (["cactus-depth16.png"], [], False),
    "gears": (["gears.svg"], ["--set", "bevel=round"], False),
    "gears-steps": (["gears.svg"], ["-g", "extrude", "--set", "colors=2", "--set", "base=2"], False),
    "portrait": (["portrait.jpg"], [], False),
    "lamp": (["portrait.jpg"], ["-g", "lithophane", "--set", "shape=cylinder"], False),
    "coin": (["portrait.jpg"], ["-g", "relief", "--set", "outline=coin", "--quality", "draft"], False),
    "map": (["heightmap16.png"], [], False),
    "sign": ([], ["-g", "text", "--set", "text=ORFEAS", "--set", "hole=6"], False),
    "engraved": ([], ["-g", "text", "--set", "style=engrave", "--set", "pose=lie"], False),
}


class Skip(Exception):
    pass


def needs(program):
    if not shutil.which(program):
        raise Skip(f"needs {program}")


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, timeout=600)
    assert done.returncode == 0, f"{command[0]}: exit {done.returncode}: {(done.stderr or done.stdout)[-400:]}"
    return done.stdout.decode(errors="replace") + ("" if command[0] == ORFEAS else done.stderr.decode(errors="replace"))


# --- Outlines --------------------------------------------------------------------------------------------

def read_grey(path):
    """Rows of a grey 8-bit PNG without interlacing, as `orfeas cutout --mask` writes it."""
    data, at, packed = path.read_bytes(), 8, b""
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IHDR":
            width, height, bits, color = struct.unpack_from(">IIBB", data, at + 8)
            assert (bits, color) == (8, 0), (bits, color)
        if kind == b"IDAT":
            packed += data[at + 8:at + 8 + size]
        at += 12 + size
    raw, rows, above = zlib.decompress(packed), [], bytearray(width)
    for y in range(height):
        kind, row = raw[y * (width + 1)], bytearray(raw[y * (width + 1) + 1:(y + 1) * (width + 1)])
        for x in range(width):
            left, up, corner = row[x - 1] if x else 0, above[x], above[x - 1] if x else 0
            guess = left + up - corner
            nearest = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))[2]
            row[x] = (row[x] + (0, left, up, (left + up) // 2, nearest)[kind]) & 255
        rows.append(row)
        above = row
    return rows


def mask_of(rows, n):
    """The covered part of the picture fitted into n x n cells, longest side n."""
    ys = [y for y, row in enumerate(rows) if max(row) > 127]
    xs = [x for x in range(len(rows[0])) if any(rows[y][x] > 127 for y in ys)]
    scale = max(xs[-1] - xs[0], ys[-1] - ys[0]) + 1
    return {(x, y) for y in range(n) for x in range(n)
            if (sy := ys[0] + int((y + 0.5) * scale / n)) <= ys[-1] and (sx := xs[0] + int((x + 0.5) * scale / n)) <= xs[-1]
            and rows[sy][sx] > 127}


def front_of(stl, n):
    """Cells that the triangles of a binary STL (Z up, front -Y) cover, seen from the front; the same fit."""
    data = stl.read_bytes()
    corners = [struct.unpack_from("<9f", data, 84 + 50 * i + 12) for i in range(struct.unpack_from("<I", data, 80)[0])]
    xs, zs = [c for t in corners for c in t[0::3]], [c for t in corners for c in t[2::3]]
    left, top, scale = min(xs), max(zs), max(max(xs) - min(xs), max(zs) - min(zs)) / n
    covered = set()
    for t in corners:
        p = [((t[k] - left) / scale, (top - t[k + 2]) / scale) for k in (0, 3, 6)]
        (ax, ay), (bx, by), (cx, cy) = p
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if abs(area) < 1e-12:
            continue
        for y in range(max(0, math.ceil(min(ay, by, cy) - 0.5)), min(n - 1, math.floor(max(ay, by, cy) - 0.5)) + 1):
            for x in range(max(0, math.ceil(min(ax, bx, cx) - 0.5)), min(n - 1, math.floor(max(ax, bx, cx) - 0.5)) + 1):
                u = ((bx - x - 0.5) * (cy - y - 0.5) - (cx - x - 0.5) * (by - y - 0.5)) / area
                v = ((cx - x - 0.5) * (ay - y - 0.5) - (ax - x - 0.5) * (cy - y - 0.5)) / area
                if u >= 0 and v >= 0 and u + v <= 1:
                    covered.add((x, y))
    return covered


# --- Golden ------------------------------------------------------------------------------------------------

def make(folder, name):
    pictures, arguments, _ = CASES[name]
    told = run(ORFEAS, "generate", *[DATA / p for p in pictures], "--set", "pose=stand", *arguments, "-o", folder / f"{name}.glb",
               "--format", "glb,stl,3mf", "--json")
    return json.loads(told.splitlines()[-1])


def check_case(folder, name, golden, fresh):
    told = make(folder, name)
    m = told["measures"]
    assert m["solid"] and m["volume_mm3"] > 0, m
    assert abs(max(m["size_mm"]) - 100) < 0.1, m["size_mm"]
    assert abs(m["low_mm"][1]) < 0.01 and abs(m["low_mm"][0] + m["high_mm"][0]) < 0.05, m
    fresh[name] = {"generator": told["generator"], "volume_cm3": round(m["volume_mm3"] / 1e3, 2), "shells": m["shells"]}
    if not os.environ.get("ORFEAS_GOLDEN"):
        want = golden[name]
        assert told["generator"] == want["generator"], f"{told['generator']}, golden {want['generator']}: {told['reason']}"
        assert abs(fresh[name]["volume_cm3"] / want["volume_cm3"] - 1) < 0.05, (fresh[name], want)
        assert m["shells"] == want["shells"], (m["shells"], want)
    if CASES[name][2]:
        run(ORFEAS, "cutout", DATA / CASES[name][0][0], "--mask", "--side", 640, "-o", folder / f"{name}-mask.png")
        a, b = mask_of(read_grey(folder / f"{name}-mask.png"), 160), front_of(folder / f"{name}.stl", 160)
        iou = len(a & b) / len(a | b)
        assert iou >= 0.96, f"outline IoU {iou:.3f}"


# --- Judges -------------------------------------------------------------------------------------------------

VALIDATE = """
const validator = require(process.argv[1]), fs = require("fs");
(async () => {
  for (const file of process.argv.slice(2)) {
    const found = (await validator.validateBytes(new Uint8Array(fs.readFileSync(file)))).issues;
    if (found.numErrors || found.numWarnings) { console.log(file, JSON.stringify(found.messages.slice(0, 5))); process.exitCode = 1; }
  }
})();
"""


def khronos(folder):
    needs("node")
    validator = ROOT / "node_modules" / "gltf-validator"
    if not validator.is_dir():
        raise Skip("needs node_modules/gltf-validator; npm install")
    run("node", "-e", VALIDATE, validator, *sorted(folder.glob("*.glb")))


def admesh(folder):
    needs("admesh")
    for path in sorted(folder.glob("*.stl")):
        text = run("admesh", path)
        for line in ["Total disconnected facets", "Degenerate facets", "Edges fixed", "Facets removed", "Facets added", "Facets reversed"]:
            numbers = re.findall(rf"{line}\s*:\s*(\d+)", text)
            assert numbers and set(numbers) == {"0"}, f"{path.name}: {line}: {numbers}"


def slicer(folder):
    needs("prusa-slicer")
    for name in ["chair.stl", "house.3mf", "gears-steps.3mf", "lamp.stl", "sign.3mf"]:
        text = run("prusa-slicer", "--export-gcode", "--output", folder / "out.gcode", folder / name)
        assert not re.search(r"repair|open edges|not manifold|errors", text, re.I), f"{name}: {text[-300:]}"
        assert "G1" in (folder / "out.gcode").read_text(errors="replace")[:200000], name


def assimp(folder):
    needs("assimp")
    for name in ["chair.glb", "house.stl", "gears.glb"]:
        assert re.search(r"Faces:\s+[1-9]", run("assimp", "info", folder / name)), name


JUDGES = {"the-khronos-validator-finds-nothing": khronos, "admesh-mends-nothing": admesh,
          "prusa-slicer-slices-without-repair": slicer, "assimp-reads-them": assimp}


def main():
    golden = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    fresh, number = {}, 0
    print(f"1..{len(CASES) + len(JUDGES)}")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        steps = [(f"/golden/{case}", lambda case=case: check_case(folder, case, golden, fresh)) for case in CASES]
        steps += [(f"/golden/{said}", lambda judge=judge: judge(folder)) for said, judge in JUDGES.items()]
        for said, step in steps:
            number += 1
            try:
                step()
                print(f"ok {number} {said}", flush=True)
            except Skip as why:
                print(f"ok {number} {said} # SKIP {why}", flush=True)
            except Exception as error:  # each sentence fails for itself
                print(f"not ok {number} {said}")
                print("\n".join(f"# {line}" for line in f"{type(error).__name__}: {error}".splitlines()), flush=True)
    if os.environ.get("ORFEAS_GOLDEN"):
        GOLDEN.write_text(json.dumps(fresh, indent=1, sort_keys=True) + "\n")


main()
