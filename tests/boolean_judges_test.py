#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Booleans beside Manifold, which guarantees its own: boolean_judges_test.py ORFEAS SOURCE_ROOT. Prints TAP."""
import json
import os
import pathlib
import subprocess
import sys

from tap import Skip, main, sentence

ORFEAS, ROOT = sys.argv[1], pathlib.Path(sys.argv[2])
PYTHON = ROOT / ".venv" / "bin" / "python3"
try:
    import manifold3d
    import numpy as np
    import trimesh
except ImportError:
    if PYTHON.exists() and not os.environ.get("ORFEAS_IN_VENV"):
        os.environ["ORFEAS_IN_VENV"] = "1"
        os.execv(PYTHON, [str(PYTHON), *sys.argv])
    manifold3d = None

PAIRS = 200
WHAT = ["union", "difference", "intersection"]
RANDOM = np.random.default_rng(74) if manifold3d else None


def thrown():
    """A body turned and moved at random."""
    kind = RANDOM.integers(4)
    if kind == 0:
        body = trimesh.creation.box(extents=RANDOM.uniform(5, 20, 3))
    elif kind == 1:
        body = trimesh.creation.icosphere(subdivisions=int(RANDOM.integers(1, 4)), radius=RANDOM.uniform(4, 12))
    elif kind == 2:
        body = trimesh.creation.torus(RANDOM.uniform(6, 12), RANDOM.uniform(1, 4),
                                      major_sections=int(RANDOM.integers(8, 40)),
                                      minor_sections=int(RANDOM.integers(5, 24)))
    else:
        body = trimesh.creation.cylinder(radius=RANDOM.uniform(2, 8), height=RANDOM.uniform(5, 25),
                                         sections=int(RANDOM.integers(5, 48)))
    body.apply_transform(trimesh.transformations.random_rotation_matrix(RANDOM.random(3)))
    body.apply_translation(RANDOM.uniform(-6, 6, 3))
    return body


def laid():
    """A body on whole millimetres: it shares planes with others, and touches them."""
    if RANDOM.integers(2):
        body = trimesh.creation.box(extents=RANDOM.integers(1, 5, 3) * 2.0)
    else:
        body = trimesh.creation.cylinder(radius=int(RANDOM.integers(1, 4)), height=int(RANDOM.integers(1, 4)) * 2,
                                         sections=int(RANDOM.choice([4, 6, 8, 16])))
    body.apply_translation(RANDOM.integers(-3, 4, 3))
    return body


def in_floats(body):
    body.vertices = body.vertices.astype(np.float32).astype(np.float64)
    return body


def theirs(a, b, what):
    one, other = (manifold3d.Manifold(manifold3d.Mesh64(vert_properties=np.array(body.vertices),
                                                        tri_verts=np.array(body.faces, dtype=np.uint64)))
                  for body in (a, b))
    return (one + other if what == "union" else one - other if what == "difference" else one ^ other).volume()


def ours(a, b, what, folder):
    a.export(folder / "a.stl")
    b.export(folder / "b.stl")
    done = subprocess.run([ORFEAS, "mesh", "boolean", folder / "a.stl", folder / "b.stl", "--what", what,
                           "-o", folder / "c.stl", "--json"], capture_output=True, text=True, timeout=300)
    if "nothing is left" in done.stderr:
        return 0, True
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    return facts["volume"], facts["after"]["solid"] and facts["after"]["self_intersections"] == 0


@sentence(f"boolean/{PAIRS}-pairs-have-the-volume-that-manifold-finds-and-are-solid")
def pairs(folder):
    if not manifold3d:
        raise Skip("needs manifold3d; tools/venv")
    for i in range(PAIRS):
        make, what = (thrown, laid)[i % 2], WHAT[i // 2 % 3]
        a, b = in_floats(make()), in_floats(make())
        volume, solid = ours(a, b, what, folder)
        off = abs(volume - theirs(a, b, what)) / max(a.volume, b.volume)
        assert off < 1e-9 and solid, f"pair {i}, {what}: volume off by {off:.2g}, solid: {solid}"


main()
