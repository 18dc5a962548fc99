#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command line as a user meets it: cli_test.py ORFEAS SOURCE_ROOT. Prints TAP.

Snapshots of help texts are in tests/snapshots; ORFEAS_GOLDEN=1 rewrites them, and the difference is
reviewed like code."""
import json
import os
import pathlib
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zlib

ORFEAS, ROOT = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
SNAPSHOTS = ROOT / "tests" / "snapshots"
SAMPLES = ROOT / "tests" / "data"
TESTS = []
os.environ["ORFEAS_NETS"] = "/nets"  # whatever is installed here changes no test


def sentence(name):
    def add(function):
        TESTS.append((name, function))
        return function
    return add


def run(*args, cwd=None, stdin=None, check=None, **more):
    done = subprocess.run([ORFEAS, *map(str, args)], cwd=cwd, input=stdin, capture_output=True, timeout=300, **more)
    if check is not None:
        assert done.returncode == check, f"exit {done.returncode}, wanted {check}: {done.stderr.decode()[-400:]}"
    return done


def snapshot(name, text):
    path = SNAPSHOTS / name
    if os.environ.get("ORFEAS_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text(), f"differs from {path.name}; ORFEAS_GOLDEN=1 rewrites it: {text}"


def png(width, height, pixel):
    """An RGBA PNG; pixel(x, y) gives four bytes."""
    rows = b"".join(b"\0" + b"".join(bytes(pixel(x, y)) for x in range(width)) for y in range(height))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def disc(x, y):
    inside = (x - 32) ** 2 + (y - 32) ** 2 < 24 ** 2
    return (200, 120, 40, 255) if inside else (0, 0, 0, 0)


def lines(done):
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


# --- Talking ------------------------------------------------------------------------------------------

HELP = ["help", "generate --help", "cutout --help", "mesh", "mesh info --help", "mesh convert --help", "mesh view --help",
        "mesh repair --help", "mesh simplify --help", "mesh check --help",
        "serve --help", "generators", "generators --all", "doctor --help", "completion", "net --help", "net list"]


@sentence("/cli/help-texts-are-as-reviewed")
def help_texts(_):
    for words in HELP:
        text = run(*words.split()).stdout.decode()
        snapshot(re.sub(r"[^a-z]+", "-", words) + ".txt", text)


@sentence("/cli/mesh-repair-makes-a-solid-and-leaves-a-sound-one-alone")
def repairs(folder):
    run("generate", "-g", "text", "--set", "text=OR", "-o", "sound.stl", "--quiet", cwd=folder, check=0)
    sound = (folder / "sound.stl").read_bytes()
    told = lines(run("mesh", "repair", "sound.stl", "-o", "same.stl", "--json", cwd=folder, check=0))[0]
    assert told["way"] == "nothing" and (folder / "same.stl").read_bytes() == sound, told
    count = struct.unpack_from("<I", sound, 80)[0]
    holed = sound[:80] + struct.pack("<I", count - 3) + sound[84:84 + 50 * (count - 3)]
    (folder / "holed.stl").write_bytes(holed)
    told = lines(run("mesh", "repair", "holed.stl", "-o", "mended.stl", "--json", cwd=folder, check=0))[0]
    assert told["before"]["boundary_edges"] > 0 and told["holes"] > 0 and told["after"]["solid"], told
    assert lines(run("mesh", "info", "mended.stl", "--json", cwd=folder, check=0))[0]["solid"]
    run("mesh", "simplify", "mended.stl", "-o", "few.stl", "--triangles", "200", cwd=folder, check=0)
    few = lines(run("mesh", "info", "few.stl", "--json", cwd=folder, check=0))[0]
    assert few["solid"] and few["triangles"] < told["after"]["triangles"], few


@sentence("/cli/mesh-check-fails-on-what-is-named-and-says-where")
def checks(folder):
    run("generate", "-g", "text", "--set", "text=OR", "-o", "sound.stl", "--quiet", cwd=folder, check=0)
    sound = (folder / "sound.stl").read_bytes()
    count = struct.unpack_from("<I", sound, 80)[0]
    (folder / "holed.stl").write_bytes(sound[:80] + struct.pack("<I", count - 3) + sound[84:84 + 50 * (count - 3)])
    told = lines(run("mesh", "check", "sound.stl", "--json", cwd=folder, check=0))[0]
    assert told["passed"] and told["score"] == 100 and told["results"] == [], told
    told = lines(run("mesh", "check", "holed.stl", "--json", cwd=folder, check=1))[0]
    first = told["results"][0]
    assert first["rule"] == "open-edges" and first["level"] == "error" and first["faces"] and len(first["at_mm"]) == 3, told
    info = lines(run("mesh", "info", "holed.stl", "--json", cwd=folder, check=0))[0]
    assert info["boundary_edges"] == first["count"] and info["score"] == told["score"] and not info["solid"], info
    run("mesh", "check", "holed.stl", "--fail-on", "crossings,crumbs", cwd=folder, check=0)
    run("mesh", "check", "holed.stl", "--fail-on", "none", "--least-score", "99", cwd=folder, check=1)
    run("mesh", "check", "sound.stl", "holed.stl", cwd=folder, check=1)
    assert b"no defect" in run("mesh", "check", "sound.stl", "--fail-on", "rust", cwd=folder, check=2).stderr


@sentence("/cli/a-recorded-net-is-told-and-proved")
def nets(_):
    folder = str(ROOT / "tests" / "data" / "nets" / "hunyuan-vae")
    told = json.loads(run("net", "info", folder, "--json", check=0).stdout)
    assert told["net"] == "hunyuan3d-vae" and told["arrays"] == 56 and "void" in told["territory"], told
    proved = run("net", "verify", folder, check=0).stdout.decode()
    assert "out.logits" in proved and "right: " in proved, proved
    assert b"no checkpoint" in run("net", "info", str(ROOT / "tests"), check=4).stderr


@sentence("/cli/version-is-one-line")
def version(_):
    assert re.fullmatch(r"orfeas \d+\.\d+\.\d+\n", run("--version", check=0).stdout.decode())


@sentence("/cli/every-command-explains-itself")
def explains(_):
    for command in ["generate", "cutout", "serve", "generators", "doctor"]:
        assert b"Usage" in run(command, "--help", check=0).stdout


@sentence("/cli/generators-speak-json")
def generators_json(_):
    told = json.loads(run("generators", "--json", check=0).stdout)
    names = [g["name"] for g in told["generators"]]
    for name in ["auto", "inflate", "relief", "lithophane", "extrude", "lathe", "hull", "depth", "text"]:
        assert name in names, f"{name} is missing"
    for generator in told["generators"]:
        for parameter in generator["parameters"] + told["common"]:
            assert parameter["help"].endswith("."), parameter
            assert "default" in parameter


@sentence("/cli/doctor-speaks-json")
def doctor_json(_):
    told = json.loads(run("doctor", "--json", check=0).stdout)
    assert told["cpu"]["cores"] >= 1 and told["pictures"]["jpeg"]
    assert isinstance(told["cuda"], list)


@sentence("/cli/doctor-shows-cuda-devices")
def doctor_cuda(folder):
    double = pathlib.Path(ORFEAS).parent / "src" / "device" / "libnvml-double.so"  # built for the tests of device
    (folder / "libnvidia-ml.so.1").symlink_to(double)
    env = {**os.environ, "LD_LIBRARY_PATH": str(folder)}
    assert b"cuda Double of a device: 8.0 GiB of memory, 7.0 free; driver 535.1" in run("doctor", env=env).stdout
    device, = json.loads(run("doctor", "--json", check=0, env=env).stdout)["cuda"]
    assert (device["kind"], device["id"], device["memory_used"], device["power_w"]) == ("cuda", "GPU-0", 2**30, 30)


@sentence("/cli/completion-knows-commands-and-parameters")
def completion(_):
    for shell in ["bash", "zsh", "fish"]:
        text = run("completion", shell, check=0).stdout.decode()
        assert "lithophane" in text and "texture-size=" in text and "mesh" in text
    subprocess.run(["bash", "-n"], input=run("completion", "bash").stdout, check=True)


# --- Making ---------------------------------------------------------------------------------------------

@sentence("/cli/generate-writes-the-file-and-says-so")
def generate(folder):
    (folder / "disc.png").write_bytes(png(64, 64, disc))
    done = run("generate", "disc.png", "-o", "disc.glb", cwd=folder, check=0)
    assert done.stdout.decode() == "disc.glb\n"
    assert (folder / "disc.glb").read_bytes()[:4] == b"glTF"
    for stage in [b"preview", b"medium", b"final", b"finished"]:
        assert stage in done.stderr


@sentence("/cli/json-ends-with-what-was-made")
def generate_json(folder):
    (folder / "disc.png").write_bytes(png(64, 64, disc))
    told = lines(run("generate", "disc.png", "-o", "d.stl", "--size", "8cm", "--json", cwd=folder, check=0))
    done = told[-1]
    assert done["event"] == "done" and done["file"] == "d.stl"
    assert [stage["name"] for stage in done["stages"]] == ["preview", "medium", "final", "finished"]
    assert done["generator"] != "auto" and done["reason"] and 0 <= done["confidence"] <= 1
    assert abs(max(done["measures"]["size_mm"]) - 80) < 0.1
    assert done["measures"]["solid"] and abs(done["measures"]["low_mm"][1]) < 1e-3
    assert len(done["digest"]) == 64 and len(done["recipe"]) == 64
    fractions = [line["fraction"] for line in told if line["event"] == "progress"]
    assert fractions == sorted(fractions)


@sentence("/cli/same-seed-same-bytes")
def deterministic(folder):
    (folder / "disc.png").write_bytes(png(64, 64, disc))
    for cores in [1, 2]:
        run("generate", "disc.png", "-d", f"on-{cores}", "--format", "glb,3mf", "--cores", cores, cwd=folder, check=0)
    for name in ["disc.glb", "disc.3mf"]:
        assert (folder / "on-1" / name).read_bytes() == (folder / "on-2" / name).read_bytes(), name


@sentence("/cli/several-pictures-are-a-batch-and-one-failure-stops-no-other")
def batch(folder):
    for name in ["a", "b"]:
        (folder / f"{name}.png").write_bytes(png(64, 64, disc))
    (folder / "bad.png").write_bytes(b"not a picture at all")
    done = run("generate", "a.png", "bad.png", "b.png", "-d", "out", "--format", "stl,ply", "--json", cwd=folder)
    assert done.returncode != 0
    assert sorted(p.name for p in (folder / "out").iterdir()) == ["a.ply", "a.stl", "b.ply", "b.stl"]
    assert [line["event"] for line in lines(done) if line["event"] in ("done", "error")] == ["done", "error", "done"]


@sentence("/cli/views-make-one-object")
def views(folder):
    for name in "frbl":
        (folder / f"{name}.png").write_bytes(png(64, 64, disc))
    done = run("generate", "f.png", "r.png", "b.png", "l.png", "--views", "0,90,180,270", "-o", "ball.stl", "--json",
               cwd=folder, check=0)
    told = lines(done)[-1]
    assert told["generator"] == "hull"
    size = told["measures"]["size_mm"]
    assert max(size) - min(size) < 8, size


@sentence("/cli/stages-and-sheet-are-written-when-asked")
def stages(folder):
    (folder / "disc.png").write_bytes(png(64, 64, disc))
    run("generate", "disc.png", "-d", ".", "--stages", "--sheet", cwd=folder, check=0)
    names = {p.name for p in folder.iterdir()}
    assert names == {"disc.glb", "disc.preview.glb", "disc.medium.glb", "disc.final.glb", "disc.png", "disc-sheet.png"}, names
    assert (folder / "disc-sheet.png").read_bytes()[:4] == b"\x89PNG"
    assert (folder / "disc.png").read_bytes() == png(64, 64, disc)


@sentence("/cli/flat-things-lie-down-for-the-printer-unless-told-otherwise")
def lying(folder):
    (folder / "disc.png").write_bytes(png(64, 64, disc))
    flat = ["generate", "disc.png", "-g", "extrude", "-q", "draft", "--set", "height=4mm", "--json"]

    def told(name):
        return json.loads(run("mesh", "info", "--json", name, cwd=folder, check=0).stdout)["size_mm"]
    done = lines(run(*flat, "-f", "stl,glb,3mf", cwd=folder, check=0))[-1]
    assert told("disc.stl")[1] < 6 < told("disc.glb")[1], (told("disc.stl"), told("disc.glb"))
    assert told("disc.3mf")[1] < 6 and done["measures"]["size_mm"][1] < 6
    assert sum("prints best" in note for note in done["notes"]) == 2, done["notes"]
    done = lines(run(*flat, "--set", "pose=stand", "-o", "up.stl", cwd=folder, check=0))[-1]
    assert told("up.stl")[1] > 60 and not any("prints best" in note for note in done["notes"]), done
    run("generate", "disc.png", "-g", "inflate", "-q", "draft", "-o", "ball.stl", cwd=folder, check=0)
    assert told("ball.stl")[1] > 60


@sentence("/cli/lettering-needs-no-picture")
def lettering(folder):
    told = lines(run("generate", "-g", "text", "--set", "text=Hi", "-o", "hi.stl", "--json", cwd=folder, check=0))[-1]
    assert told["measures"]["solid"]


@sentence("/cli/notes-say-what-came-out-otherwise-and-what-to-do")
def remarks(folder):
    (folder / "strip.png").write_bytes(png(400, 10, lambda x, y: (x % 256,) * 3 + (255,)))
    text = ("generate", "-g", "text", "-o", "x.glb", "--overwrite")
    light = ("generate", "strip.png", "-g", "lithophane", "-o", "l.stl", "--overwrite")
    told = []
    for command in [
        (*text, "--size", "10mm"),
        (*text, "--set", "plate=0.5", "--size", "200mm"),
        (*text, "--set", "style=engrave"),
        (*text, "--set", "style=engrave", "--set", "height=5"),
        (*text, "--set", "style=engrave", "--set", "bevel=round"),
        (*text, "--set", "style=plain", "--set", "hole=3", "--set", "margin=2"),
        (*text, "--size", "10mm", "--set", "margin=5"),
        (*text[:3], "-o", "x.stl", "--set", "pose=stand", "--overwrite"),
        light,
        (*light, "--set", "border=1"),
        (*light, "--set", "thin=0.6"),
    ]:
        done = run(*command, cwd=folder)
        said = [line for line in done.stderr.decode().splitlines() if "note:" in line or line.startswith("orfeas:")]
        told += ["$ orfeas " + " ".join(command), *said, ""]
    snapshot("notes.txt", "\n".join(told))


@sentence("/cli/tiny-lettering-takes-little-memory")
def tiny(folder):
    rest = run("generate", "-g", "text", "--size", "10mm", "-o", "x.stl", "--memory", "128M", "--quiet", cwd=folder, check=0)
    assert not rest.stderr, rest.stderr


def tiff(bits, nodata, values, side):
    """A grey TIFF of one strip with GDAL's tag for what means nothing."""
    data = b"".join(struct.pack("<B" if bits == 8 else "<H", value) for value in values)
    word = str(nodata).encode() + b"\0"
    tags = [(256, 3, side), (257, 3, side), (258, 3, bits), (259, 3, 1), (262, 3, 1), (273, 4, 0), (277, 3, 1), (278, 3, side),
            (279, 4, len(data)), (339, 3, 1), (42113, 2, 0)]
    after = 8 + 2 + 12 * len(tags) + 4
    head = b"II*\0" + struct.pack("<IH", 8, len(tags))
    for tag, kind, value in tags:
        if tag == 42113 and len(word) <= 4:
            head += struct.pack("<HHI4s", tag, kind, len(word), word)
        else:
            count = len(word) if tag == 42113 else 1
            head += struct.pack("<HHII", tag, kind, count, {273: after + 8, 42113: after}.get(tag, value))
    return head + struct.pack("<I", 0) + word.ljust(8, b"\0") + data


@sentence("/cli/gaps-in-heights-of-whole-numbers-do-not-squeeze-the-relief")
def gaps(folder):
    side = 40
    for bits, top, nodata in [(8, 200, 255), (16, 50000, 65535), (8, 200, 0), (16, 50000, 0)]:
        values = [1 + (top - 1) * (i % side) // (side - 1) for i in range(side * side)]
        volume = {}
        for name in ["plain", "gaps"]:
            (folder / f"{name}.tif").write_bytes(tiff(bits, nodata, values, side))
            told = lines(run("generate", f"{name}.tif", "-g", "relief", "--set", "source=height", "--set", "outline=plate", "-q", "draft",
                             "-o", f"{name}.glb", "--overwrite", "--json", cwd=folder, check=0))[-1]
            volume[name] = told["measures"]["volume_mm3"]
            assert any(f"16 pixels hold no data ({nodata})" in note for note in told["notes"]) == (name == "gaps"), told["notes"]
            for i in range(16):  # for the next round
                values[(10 + i // 4) * side + 10 + i % 4] = nodata
        assert abs(volume["gaps"] / volume["plain"] - 1) < 0.01, (bits, nodata, volume)


@sentence("/cli/what-is-made-of-distances-never-crosses-itself")
def uncrossed(folder):
    run("generate", SAMPLES / "cactus-depth16.png", "-g", "depth", "-q", "draft", "-o", "c.glb", cwd=folder, check=0)
    told = json.loads(run("mesh", "info", "--json", "c.glb", cwd=folder, check=0).stdout)
    assert told["solid"] and told["self_intersections"] == 0, told


@sentence("/cli/standard-output-takes-the-bytes")
def piped(folder):
    (folder / "disc.png").write_bytes(png(64, 64, disc))
    done = run("generate", "-", "-o", "-", "--format", "glb", "--quiet", cwd=folder,
               stdin=(folder / "disc.png").read_bytes(), check=0)
    assert done.stdout[:4] == b"glTF" and len(done.stdout) == struct.unpack_from("<I", done.stdout, 8)[0]


@sentence("/cli/a-given-mask-is-used")
def masked(folder):
    (folder / "grey.png").write_bytes(png(64, 64, lambda x, y: (128, 128, 128, 255)))
    (folder / "mask.png").write_bytes(png(64, 64, lambda x, y: (255,) * 4 if 16 <= x < 48 and 24 <= y < 40 else (0, 0, 0, 255)))
    told = lines(run("generate", "grey.png", "--mask", "mask.png", "-g", "inflate", "-o", "m.stl", "--json",
                     cwd=folder, check=0))[-1]
    width, height, _ = told["measures"]["size_mm"]
    assert abs(width / height - 2) < 0.2, (width, height)


@sentence("/cli/mesh-converts-and-tells")
def mesh(folder):
    (folder / "disc.png").write_bytes(png(64, 64, disc))
    run("generate", "disc.png", "-o", "d.glb", cwd=folder, check=0)
    sizes = {}
    for kind in ["glb", "stl", "obj", "ply", "3mf"]:
        run("mesh", "convert", "d.glb", "-o", f"c.{kind}", cwd=folder, check=0)
        told = json.loads(run("mesh", "info", "--json", f"c.{kind}", cwd=folder, check=0).stdout)
        assert told["solid"], kind
        sizes[kind] = (told["size_mm"], told["triangles"])
    assert len(set(map(str, sizes.values()))) == 1, sizes
    assert "printable solid" in run("mesh", "info", "c.stl", cwd=folder, check=0).stdout.decode()
    run("mesh", "view", "c.glb", "c.stl", "-o", "v.png", cwd=folder, check=0)
    assert (folder / "v.png").read_bytes()[:4] == b"\x89PNG"


@sentence("/cli/mesh-convert-takes-the-files-beside")
def beside(folder):
    (folder / "disc.png").write_bytes(png(64, 64, disc))
    run("generate", "disc.png", "-o", "disc.glb", cwd=folder, check=0)
    run("mesh", "convert", "disc.glb", "-o", "c.obj", cwd=folder, check=0)
    done = run("mesh", "convert", "c.obj", "-o", "back.glb", cwd=folder, check=0)
    assert b'"images"' in (folder / "back.glb").read_bytes() and not done.stderr, done.stderr
    (folder / "c.mtl").unlink()
    done = run("mesh", "convert", "c.obj", "-o", "plain.glb", cwd=folder, check=0)
    assert b"'c.mtl' is missing" in done.stderr, done.stderr
    assert b'"images"' not in (folder / "plain.glb").read_bytes()


@sentence("/cli/cutout-writes-the-mask")
def cutout(folder):
    (folder / "card.png").write_bytes(png(96, 96, lambda x, y: (180, 30, 30, 255) if 30 < x < 66 and 20 < y < 76 else (250, 250, 248, 255)))
    told = json.loads(run("cutout", "card.png", "-o", "cut.png", "--json", cwd=folder, check=0).stdout)
    assert told["method"] == "flat" and abs(told["coverage"] - 35 * 55 / 96 ** 2) < 0.02


# --- Going wrong ------------------------------------------------------------------------------------------

BAD = [  # arguments, exit code, what the message must name
    ("frobnicate", 2, "frobnicate"),
    ("generate", 2, "no picture"),
    ("generate missing.png", 4, "missing.png"),
    ("generate .", 4, "."),
    ("generate empty.png", 2, "empty.png"),
    ("generate text.png", 3, "text.png"),
    ("generate cut.png", 2, "cut.png"),
    ("generate huge.png", 7, "huge.png"),
    ("generate one.png", 2, "one.png"),
    ("generate clear.png", 2, "transparent"),
    ("generate disc.png -o d.xyz", 2, "d.xyz"),
    ("generate disc.png --format xyz", 2, "xyz"),
    ("generate disc.png -g nothing", 4, "nothing"),
    ("generate disc.png --size 0", 2, "size"),
    ("generate disc.png --size big", 2, "big"),
    ("generate disc.png --set sise=3", 4, "size"),
    ("generate disc.png --set frobnicate=3", 4, "orfeas generators"),
    ("generate disc.png --set size", 2, "name=value"),
    ("generate disc.png --quality best", 2, "draft"),
    ("generate disc.png --views 0,90", 2, "2 angles"),
    ("generate disc.png --memory 3", 2, "512M"),
    ("generate {data}/cup.jpg -g inflate --memory 1M", 7, "budget"),
    ("generate disc.png disc.png -o d.glb", 2, "-d"),
    ("generate disc.png -o /proc/d.glb", None, "/proc/d.glb"),
    ("generate disc.png -o nowhere/d.glb", 4, "nowhere/d.glb"),
    ("generate disc.png --mask missing.png", 4, "missing.png"),
    ("generate disc.png -g hull", 2, "hull"),
    ("generate disc.png --wrong", 2, "wrong"),
    ("mesh info text.png", 3, "text.png"),
    ("mesh info missing.stl", 4, "missing.stl"),
    ("mesh convert disc.png", 2, "-o"),
    ("mesh dance", 2, ""),
    ("generators nothing", 4, "nothing"),
    ("serve --port 99999", 2, "65535"),
    ("serve --memory lots", 2, "512M"),
    ("serve --keep 0", 2, "24h"),
    ("serve --allow-origin models.example", 2, "https://"),
    ("serve --listen localhost --port 0", 2, "127.0.0.1"),
    ("serve --webhook-secret-file missing.txt", 4, "missing.txt"),
    ("serve --describe poem", 2, "openapi"),
    ("serve now", 2, "now"),
]


@sentence("/cli/every-mistake-has-its-exit-code-a-message-and-leaves-nothing")
def mistakes(folder):
    whole = png(64, 64, disc)
    huge = bytearray(whole)
    huge[16:24] = struct.pack(">II", 100000, 100000)
    huge[29:33] = struct.pack(">I", zlib.crc32(bytes(huge[12:29])))
    for name, data in [("disc.png", whole), ("empty.png", b""), ("text.png", b"hello\n" * 50), ("cut.png", whole[:60]),
                       ("huge.png", bytes(huge)), ("one.png", png(1, 1, lambda x, y: (9, 9, 9, 255))),
                       ("clear.png", png(32, 32, lambda x, y: (9, 9, 9, 0)))]:
        (folder / name).write_bytes(data)
    before = sorted(p.name for p in folder.iterdir())
    for words, code, says in BAD:
        done = run(*words.format(data=SAMPLES).split(), cwd=folder)
        message = done.stderr.decode()
        if code is None:
            assert done.returncode not in (0, -11, -6), f"orfeas {words}: {done.returncode}"
        elif words != "mesh dance":
            assert done.returncode == code, f"orfeas {words}: exit {done.returncode}, wanted {code}: {message}"
        assert says in message, f"orfeas {words}: no {says!r} in {message!r}"
        after = sorted(p.name for p in folder.iterdir())
        assert after == before, f"orfeas {words} left {set(after) - set(before)}"


@sentence("/cli/a-full-disk-is-reported-and-leaves-nothing")
def full_disk(folder):
    (folder / "disc.png").write_bytes(png(64, 64, disc))
    done = subprocess.run(["sh", "-c", f"ulimit -f 8; trap '' XFSZ; exec '{ORFEAS}' generate disc.png -o d.stl"], cwd=folder,
                          capture_output=True, timeout=120)
    assert done.returncode == 9, (done.returncode, done.stderr)
    assert [p.name for p in folder.iterdir()] == ["disc.png"], list(folder.iterdir())


@sentence("/cli/ctrl-c-stops-at-once-and-leaves-no-half-file")
def interrupted(folder):
    (folder / "disc.png").write_bytes(png(64, 64, disc))
    child = subprocess.Popen([ORFEAS, "generate", "disc.png", "-o", "d.stl", "--quality", "high", "--json"], cwd=folder,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    child.stdout.readline()  # it runs
    began = time.monotonic()
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=30)
    took = time.monotonic() - began
    assert child.returncode in (0, 130), child.returncode
    assert took < 5, took
    left = [p.name for p in folder.iterdir()]
    assert left == ["disc.png"] if child.returncode else True, left


# --- Serving ------------------------------------------------------------------------------------------------

def serving(folder, *args):
    child = subprocess.Popen([ORFEAS, "serve", "--port", "0", "--data", "data", *args], cwd=folder, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
    first = child.stdout.readline().decode()
    found = re.fullmatch(r"orfeas: listening on (http://127\.0\.0\.1:(\d+)/)\n", first)
    assert found, first + child.stderr.read().decode()
    return child, found[1], int(found[2])


def stopped(child):
    child.send_signal(signal.SIGTERM)
    child.communicate(timeout=60)
    return child.returncode


@sentence("/cli/serve-answers-and-stops-when-told")
def serve(folder):
    child, url, port = serving(folder)
    try:
        with urllib.request.urlopen(url + "readyz", timeout=30) as answer:
            assert json.load(answer)["status"] == "ok"
        with urllib.request.urlopen(url, timeout=30) as answer:
            assert "text/html" in answer.headers["Content-Type"]
        twin = run("serve", "--port", 0, "--data", "data", cwd=folder)
        assert twin.returncode == 8 and b"another server" in twin.stderr, twin
        taken = run("serve", "--port", port, "--data", "other", cwd=folder)
        assert taken.returncode == 9 and b"choose another port" in taken.stderr, taken
    finally:
        code = stopped(child)
    assert code == 0, code


@sentence("/cli/serve-with-a-broken-database-says-so-and-changes-nothing")
def broken(folder):
    (folder / "data").mkdir()
    (folder / "data" / "orfeas.db").write_bytes(b"this is no database" * 1000)
    child, url, _ = serving(folder)
    try:
        urllib.request.urlopen(url + "readyz", timeout=30)
        raise AssertionError("ready without a database")
    except urllib.error.HTTPError as answer:
        assert answer.code == 503
        reasons = json.load(answer)["reasons"]
    finally:
        code = stopped(child)
    assert code == 0 and reasons and str(folder) not in str(reasons), (code, reasons)
    assert (folder / "data" / "orfeas.db").read_bytes() == b"this is no database" * 1000


# --- TAP ----------------------------------------------------------------------------------------------------

def main():
    print(f"1..{len(TESTS)}")
    for number, (name, function) in enumerate(TESTS, 1):
        with tempfile.TemporaryDirectory() as folder:
            try:
                function(pathlib.Path(folder))
                print(f"ok {number} {name}", flush=True)
            except Exception as error:  # each sentence fails for itself
                print(f"not ok {number} {name}")
                print("\n".join(f"# {line}" for line in f"{type(error).__name__}: {error}".splitlines()), flush=True)


main()
