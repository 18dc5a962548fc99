#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files of every format before judges from outside: format_judges_test.py FORMAT_FILES SOURCE_ROOT.
Prints TAP. A judge that is not installed is a skipped test."""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

WRITER, ROOT = sys.argv[1], pathlib.Path(sys.argv[2])
SOLIDS = ["cube", "torus", "bodies", "faces", "colored"]
TRIANGLES = {"cube": 12, "torus": 576, "bodies": 24, "faces": 12, "colored": 528, "touching": 24}
BOXES = {"cube": (20.2, 14.6, 20.0), "torus": (77.4, 77.4, 17.4)}  # mm, Z up
VALIDATE = """
const validator = require(process.argv[1]), fs = require("fs");
(async () => {
  const out = {};
  for (const file of process.argv.slice(2))
    out[file] = (await validator.validateBytes(new Uint8Array(fs.readFileSync(file)))).issues;
  console.log(JSON.stringify(out));
})();
"""
TESTS = []


class Skip(Exception):
    pass


def sentence(name):
    def add(function):
        TESTS.append((name, function))
        return function
    return add


def needs(program):
    if not shutil.which(program):
        raise Skip(f"needs {program}")


def run(*command, cwd=None):
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, errors="replace",
                          timeout=300)
    assert done.returncode == 0, f"{command[0]} {command[-1]}: exit {done.returncode}: {(done.stderr or done.stdout)[-400:]}"
    return done.stdout + done.stderr


# --- GLB ----------------------------------------------------------------------------------------------

@sentence("glb/the-khronos-validator-finds-nothing")
def khronos(files):
    needs("node")
    validator = ROOT / "node_modules" / "gltf-validator"
    if not validator.is_dir():
        raise Skip("needs node_modules/gltf-validator; npm install")
    paths = sorted(map(str, files.glob("glb*/*.glb")))
    issues = json.loads(run("node", "-e", VALIDATE, validator, *paths))
    assert len(issues) == len(paths) > 10
    for path, found in issues.items():
        assert not found["numErrors"] and not found["numWarnings"], f"{path}: {json.dumps(found['messages'][:3])}"


# --- STL ----------------------------------------------------------------------------------------------

def check_admesh(path):
    text = run("admesh", path)
    for line in ["Total disconnected facets", "Facets with 1 disconnected edge", "Degenerate facets", "Edges fixed",
                 "Facets removed", "Facets added", "Facets reversed", "Backwards edges", "Normals fixed"]:
        number = re.search(re.escape(line) + r"\s*:\s*(\d+)", text)
        assert number and number.group(1) == "0", f"{path}: {line}: {number and number.group(1)}"


@sentence("stl/admesh-has-nothing-to-mend")
def admesh(files):
    needs("admesh")
    for folder in ["stl", "stl-text"]:
        for name in SOLIDS:
            check_admesh(files / folder / f"{name}.stl")


# --- Slicing ------------------------------------------------------------------------------------------

def check_info(path):
    """PrusaSlicer repairs while it loads and then says what it changed."""
    text = run("prusa-slicer", "--info", path)
    assert "manifold = yes" in text and "manifold = no" not in text, f"{path}: {text[-400:]}"
    changed = re.findall(r"(open_edges|edges_fixed|degenerate_facets|facets_removed|facets_reversed|backwards_edges)", text)
    assert not changed, f"{path}: repaired: {changed}"
    return text


@sentence("stl/prusa-slicer-repairs-nothing")
def prusa_stl(files):
    needs("prusa-slicer")
    for name in SOLIDS:
        check_info(files / "stl" / f"{name}.stl")
    check_info(files / "stl-text" / "torus.stl")


@sentence("3mf/prusa-slicer-repairs-nothing")
def prusa_3mf(files):
    needs("prusa-slicer")
    for name in [*SOLIDS, "touching"]:
        check_info(files / "3mf" / f"{name}.3mf")
    boxes = re.findall(r"size_([xyz]) = ([\d.]+)", check_info(files / "3mf" / "torus.3mf"))
    for (_, got), wanted in zip(boxes, BOXES["torus"]):
        assert abs(float(got) - wanted) < 0.01, f"{got} mm, wanted {wanted}"


def check_gcode(path, folder):
    out = folder / "out.gcode"
    text = run("prusa-slicer", "--export-gcode", "--output", out, path)
    assert not re.search(r"repair|empty layer|no extrusions", text, re.I), f"{path}: {text[-400:]}"
    code = out.read_text()
    layers = len(re.findall(r"^;LAYER_CHANGE", code, re.M))
    assert layers > 40, f"{path}: {layers} layers"


@sentence("stl/prusa-slicer-slices-it")
def slice_stl(files):
    needs("prusa-slicer")
    check_gcode(files / "stl" / "torus.stl", files)


@sentence("3mf/prusa-slicer-slices-it")
def slice_3mf(files):
    needs("prusa-slicer")
    for name in ["torus", "bodies", "faces"]:
        check_gcode(files / "3mf" / f"{name}.3mf", files)


# --- Every format -------------------------------------------------------------------------------------

def check_assimp(path, name, metres):
    text = run("assimp", "info", path, cwd=path.parent)
    faces = re.search(r"^Faces:\s+(\d+)", text, re.M)
    assert faces and int(faces.group(1)) == TRIANGLES[name], f"{path}: faces {faces and faces.group(1)}"
    points = [[float(x) for x in re.search(rf"^{which} point\s+\(([^)]*)\)", text, re.M).group(1).split()]
              for which in ["Minimum", "Maximum"]]
    if name not in BOXES:
        return
    wide, deep, tall = BOXES[name]
    wanted = [x / 1000 for x in (wide, tall, deep)] if metres else [wide, deep, tall]
    for low, high, size in zip(*points, wanted):
        assert abs(high - low - size) < size * 1e-3, f"{path}: {low}..{high}, wanted {size}"


@sentence("all/assimp-reads-the-same-triangles")
def assimp(files):
    needs("assimp")
    for folder, extension in [("glb", "glb"), ("obj", "obj"), ("stl", "stl"), ("stl-text", "stl"), ("ply", "ply"),
                              ("ply-text", "ply"), ("ply-big", "ply"), ("3mf", "3mf")]:
        for name in TRIANGLES:
            check_assimp(files / folder / f"{name}.{extension}", name, extension == "glb")


def main():
    failed = 0
    print(f"1..{len(TESTS)}")
    with tempfile.TemporaryDirectory() as folder:
        run(WRITER, folder)
        for number, (name, test) in enumerate(TESTS, 1):
            try:
                test(pathlib.Path(folder))
                print(f"ok {number} /format/{name}", flush=True)
            except Skip as why:
                print(f"ok {number} /format/{name} # SKIP {why}", flush=True)
            except Exception as fault:  # noqa: BLE001 - a test that breaks has failed
                failed += 1
                print(f"# {fault!r}"[:2000].replace("\n", " "))
                print(f"not ok {number} /format/{name}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
