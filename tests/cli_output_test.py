#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the program writes, and above all what it leaves alone: cli_output_test.py ORFEAS SOURCE_ROOT. Prints TAP.

The rule (src/cli/output.h): a file that was there is changed only when the user named it with -o, and never when the run
reads it. The last sentence tries random folders, names and options; ORFEAS_OUTPUT_TRIES and ORFEAS_OUTPUT_SEED set how many
and which."""
import hashlib
import json
import os
import pathlib
import random
import re
import stat
import struct
import subprocess
import sys
import threading
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tap  # noqa: E402

ORFEAS = os.path.abspath(sys.argv[1])
sentence = tap.sentence


def run(*args, cwd, check=None, stdin=None, before=()):
    done = subprocess.run([*before, ORFEAS, *map(str, args)], cwd=cwd, input=stdin, capture_output=True, timeout=120)
    if check is not None:
        assert done.returncode == check, f"orfeas {args}: exit {done.returncode}, wanted {check}: {done.stderr.decode()[-400:]}"
    return done


def png(width, height, pixel):
    rows = b"".join(b"\0" + b"".join(bytes(pixel(x, y)) for x in range(width)) for y in range(height))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def disc(color):
    return png(40, 40, lambda x, y: (*color, 255) if (x - 20) ** 2 + (y - 20) ** 2 < 15 ** 2 else (0, 0, 0, 0))


RED, BLUE = disc((220, 30, 30)), disc((30, 30, 220))
QUICK = ["-g", "extrude", "-q", "draft", "--set", "pose=stand", "--quiet"]


def contents(folder):
    """Every file below: its bytes, or where a link leads."""
    told = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            told[name] = ("link", os.readlink(path))
        elif path.is_file():
            told[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return told


def left_alone(before, after, allowed=()):
    for name, what in before.items():
        assert name in allowed or after.get(name) == what, f"{name} was changed"


def came_with(root, path):
    """Files that belong to an OBJ or glTF of an earlier run, by its own list, and were not changed since."""
    found = re.findall(rb"orfeas-wrote (\S+) ([0-9a-f]{64})", path.read_bytes()) if path.is_file() else []
    told, where = contents(path.parent), path.parent.relative_to(root)
    return {str(where / name.decode()) for name, digest in found if told.get(name.decode()) == digest.decode()}


def obj_color(path):
    """The colour of the material that an OBJ names, by its own MTL and texture: 'red', 'blue'."""
    lines = path.read_text().splitlines()
    library = next(line.split(" ", 1)[1] for line in lines if line.startswith("mtllib "))
    words = dict(line.split(" ", 1) for line in (path.parent / library).read_text().splitlines() if " " in line)
    return (path.parent / words["map_Kd"]).read_bytes() if "map_Kd" in words else words["Kd"]


# --- Nothing is destroyed ---------------------------------------------------------------------------------

@sentence("/cli/output/a-texture-does-not-replace-the-photograph")
def photograph(folder):
    (folder / "photo.png").write_bytes(RED)
    (folder / "photo.mtl").write_text("mine")
    before = contents(folder)
    run("generate", "photo.png", "-f", "obj", *QUICK, cwd=folder, check=0)
    left_alone(before, contents(folder))
    run("generate", "photo.png", "-o", "p.glb", *QUICK, cwd=folder, check=0)
    (folder / "p.png").write_bytes(BLUE)
    (folder / "p.jpg").write_bytes(BLUE)
    before = contents(folder)
    run("mesh", "convert", "p.glb", "-o", "p.obj", cwd=folder, check=0)
    left_alone(before, contents(folder))


@sentence("/cli/output/a-sheet-does-not-replace-the-picture")
def sheet(folder):
    (folder / "card.png").write_bytes(RED)
    before = contents(folder)
    run("generate", "card.png", "--sheet", *QUICK, cwd=folder, check=0)
    run("mesh", "view", "card.glb", "-w", 256, cwd=folder, check=0)
    left_alone(before, contents(folder))
    assert {"card-sheet.png", "card-view.png"} <= contents(folder).keys()


@sentence("/cli/output/names-that-become-alike-keep-their-own-materials")
def alike(folder):
    (folder / "a b.png").write_bytes(RED)
    (folder / "a_b.png").write_bytes(BLUE)
    (folder / "a?b.png").write_bytes(RED)
    run("generate", "a b.png", "a_b.png", "a?b.png", "-d", "out", "-f", "obj", *QUICK, cwd=folder, check=0)
    colors = [obj_color(folder / "out" / f"{name}.obj") for name in ["a b", "a_b", "a?b"]]
    assert colors[0] == colors[2] != colors[1], colors


@sentence("/cli/output/results-of-a-batch-never-meet")
def batch(folder):
    for name, data in [("a/x.jpg", RED), ("a/x.png", BLUE), ("b/x.jpg", BLUE)]:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    run("generate", "a/x.jpg", "a/x.png", "b/x.jpg", "-d", "out", "-f", "stl,glb", *QUICK, cwd=folder, check=0)
    assert sorted(p.name for p in (folder / "out").iterdir()) == [f"x{n}.{e}" for n in ["-2", "-3", ""] for e in ["glb", "stl"]]


@sentence("/cli/output/a-second-run-keeps-the-first-and-the-same-result-is-one-file")
def again(folder):
    (folder / "disc.png").write_bytes(RED)
    run("generate", "disc.png", *QUICK, cwd=folder, check=0)
    before = contents(folder)
    run("generate", "disc.png", *QUICK, cwd=folder, check=0)
    assert contents(folder) == before, "the very same result was written twice"
    run("generate", "disc.png", "-s", "50mm", *QUICK, cwd=folder, check=0)
    left_alone(before, contents(folder))
    assert "disc-2.glb" in contents(folder)
    run("generate", "disc.png", "-s", "50mm", "--overwrite", *QUICK, cwd=folder, check=0)
    after = contents(folder)
    assert after["disc.glb"] == after["disc-2.glb"] and after["disc.png"] == before["disc.png"]


@sentence("/cli/output/an-input-is-never-an-output")
def inputs(folder):
    (folder / "disc.png").write_bytes(RED)
    run("generate", "disc.png", "-o", "d.stl", *QUICK, cwd=folder, check=0)
    os.link(folder / "d.stl", folder / "twin.stl")
    (folder / "link.stl").symlink_to("d.stl")
    (folder / "mask").write_bytes(RED)
    before = contents(folder)
    for words in [["mesh", "convert", "d.stl", "-o", "d.stl"], ["mesh", "convert", "d.stl", "-o", "twin.stl"],
                  ["mesh", "convert", "d.stl", "-o", "link.stl"], ["mesh", "convert", "link.stl", "-o", "./d.stl"],
                  ["cutout", "disc.png", "-o", "disc.png"], ["generate", "disc.png", "--mask", "mask", "-f", "stl", "-o", "mask"]]:
        done = run(*words, cwd=folder, check=2)
        assert b"reads this file" in done.stderr, (words, done.stderr)
        assert contents(folder) == before, words


@sentence("/cli/output/what-a-model-brings-is-an-input-too")
def brought(folder):
    (folder / "disc.png").write_bytes(RED)
    run("generate", "disc.png", "-o", "d.obj", *QUICK, cwd=folder, check=0)
    before = contents(folder)
    texture = next(name for name in before if name.startswith("d-texture"))
    done = run("mesh", "view", "d.obj", "-w", 256, "-o", texture, cwd=folder)
    assert done.returncode and contents(folder) == before, done


@sentence("/cli/output/what-it-brought-last-time-is-replaced-with-it-and-nothing-else")
def rerun(folder):
    for name, data in [("red.png", RED), ("blue.png", BLUE)]:
        (folder / name).write_bytes(data)
        run("generate", name, "-o", name.replace("png", "glb"), *QUICK, cwd=folder, check=0)
    run("mesh", "convert", "red.glb", "-o", "c.obj", cwd=folder, check=0)
    names = set(contents(folder))
    run("mesh", "convert", "blue.glb", "-o", "c.obj", cwd=folder, check=0)
    assert set(contents(folder)) == names, "the files of the first run are of no use any more"
    (folder / "c.mtl").write_text("# changed by hand\n")
    before = contents(folder)
    run("mesh", "convert", "red.glb", "-o", "c.obj", cwd=folder, check=0)
    left_alone(before, contents(folder), ["c.obj"])


# --- How a file is written --------------------------------------------------------------------------------

@sentence("/cli/output/mode-links-and-names-of-the-file-stay")
def links(folder):
    (folder / "disc.png").write_bytes(RED)
    (folder / "real").mkdir()
    target = folder / "real" / "kept.stl"
    target.write_text("old")
    target.chmod(0o640)
    (folder / "link.stl").symlink_to("real/kept.stl")
    run("generate", "disc.png", "-o", "link.stl", *QUICK, cwd=folder, check=0)
    assert (folder / "link.stl").is_symlink() and target.stat().st_size > 84
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    hard = folder / "hard.stl"
    hard.write_text("old" * 100000)
    os.link(hard, folder / "other.stl")
    run("generate", "disc.png", "-o", "hard.stl", *QUICK, cwd=folder, check=0)
    assert hard.read_bytes() == (folder / "other.stl").read_bytes() == target.read_bytes()
    (folder / "dangling.stl").symlink_to("real/new.stl")
    run("generate", "disc.png", "-o", "dangling.stl", *QUICK, cwd=folder, check=0)
    assert (folder / "dangling.stl").is_symlink() and (folder / "real" / "new.stl").read_bytes() == target.read_bytes()
    assert not [p for p in folder.rglob(".orfeas*")]


@sentence("/cli/output/pipes-and-devices-are-written-in-place")
def pipes(folder):
    (folder / "disc.png").write_bytes(RED)
    run("generate", "disc.png", "-o", "d.stl", *QUICK, cwd=folder, check=0)
    whole = (folder / "d.stl").read_bytes()
    os.mkfifo(folder / "pipe.stl")
    got = []
    reader = threading.Thread(target=lambda: got.append((folder / "pipe.stl").read_bytes()))
    reader.start()
    run("generate", "disc.png", "-o", "pipe.stl", *QUICK, cwd=folder, check=0)
    reader.join(30)
    assert got and got[0][80:] == whole[80:], got
    assert stat.S_ISFIFO((folder / "pipe.stl").stat().st_mode)
    for name in ["/dev/stdout", "-", "/dev/fd/1", "/proc/self/fd/1"]:
        assert run("generate", "disc.png", "-o", name, "-f", "stl", *QUICK, cwd=folder, check=0).stdout[80:] == whole[80:], name
    (folder / "log").write_bytes(b"before")
    subprocess.run([ORFEAS, "generate", "disc.png", "-o", "/dev/stdout", "-f", "stl", *QUICK], cwd=folder, check=True,
                   stdout=open(folder / "log", "ab"))
    assert (folder / "log").read_bytes()[86:] == whole[80:]
    run("generate", "disc.png", "-o", "/dev/null", "-f", "stl", *QUICK, cwd=folder, check=0)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    assert sorted(p.name for p in folder.iterdir()) == ["d.stl", "disc.png", "log", "pipe.stl"]


@sentence("/cli/output/a-protected-file-is-not-replaced")
def protected(folder):
    powerless = ("setpriv", "--inh-caps=-all", "--bounding-set=-all") if os.geteuid() == 0 else ()
    (folder / "disc.png").write_bytes(RED)
    (folder / "d.stl").write_text("old")
    (folder / "d.stl").chmod(0o444)
    assert run("generate", "disc.png", "-o", "d.stl", *QUICK, cwd=folder, before=powerless).returncode
    assert (folder / "d.stl").read_text() == "old"


# --- Name and format --------------------------------------------------------------------------------------

REFUSED = [  # arguments, what the message must name
    ("generate disc.png -o x.stl -f obj", "which of the two"),
    ("generate disc.png -o x.stl -f glb,obj", "which of the two"),
    ("generate disc.png -o x.jpg -f stl", "which of the two"),
    ("generate disc.png -o - -f stl,glb", "takes one file"),
    ("generate disc.png -o - -f obj", "takes one file"),
    ("generate disc.png -o - -f stl --sheet", "takes one file"),
    ("generate disc.png -o - -f stl --stages", "takes one file"),
    ("generate disc.png -o /dev/stdout -f obj", "takes one file"),
    ("generate disc.png -o - -f gltf", "takes one file"),
    ("generate disc.png -o - -f stl --json", "one stream"),
    ("generate disc.png -o sub", "folder"),
    ("generate disc.png -o sub/", "folder"),
    ("generate disc.png -f stl,nothing", "nothing"),
    ("mesh convert d.glb -o x.stl -f ply", "which of the two"),
    ("mesh convert d.glb -o x.png -f ply", "which of the two"),
    ("mesh convert d.glb -o - -f obj", "takes one file"),
    ("mesh convert d.glb -o -", "--format"),
    ("mesh view d.glb -o x.jpg", ".png"),
    ("mesh view d.glb -o d.stl", ".png"),
    ("cutout disc.png -o x.jpg", ".png"),
]


@sentence("/cli/output/name-and-format-agree-or-nothing-runs")
def refused(folder):
    (folder / "disc.png").write_bytes(RED)
    (folder / "sub").mkdir()
    run("generate", "disc.png", "-o", "d.glb", *QUICK, cwd=folder, check=0)
    before = contents(folder)
    for words, says in REFUSED:
        done = run(*words.split(), cwd=folder, check=2)
        assert says in done.stderr.decode(), (words, done.stderr)
        assert (b'"error"' in done.stdout if "--json" in words else not done.stdout) and contents(folder) == before, words


@sentence("/cli/output/lists-of-formats-are-forgiving")
def lists(folder):
    (folder / "disc.png").write_bytes(RED)
    run("generate", "disc.png", "-o", "x.STL", "-f", "GLB, stl,glb", *QUICK, cwd=folder, check=0)
    assert (folder / "x.STL").read_bytes()[:4] != b"glTF" and (folder / "x.glb").read_bytes()[:4] == b"glTF"
    assert sorted(p.name for p in folder.iterdir()) == ["disc.png", "x.STL", "x.glb"]


@sentence("/cli/output/gltf-is-json-with-its-bytes-beside")
def gltf(folder):
    (folder / "a disc.png").write_bytes(RED)
    run("generate", "a disc.png", "-o", "a disc.gltf", *QUICK, cwd=folder, check=0)
    told = json.loads((folder / "a disc.gltf").read_text())
    assert (folder / told["buffers"][0]["uri"]).stat().st_size == told["buffers"][0]["byteLength"]
    run("mesh", "convert", "a disc.gltf", "-o", "back.stl", cwd=folder, check=0)
    run("generate", "a disc.png", "-o", "d.stl", *QUICK, cwd=folder, check=0)
    assert (folder / "back.stl").read_bytes() == (folder / "d.stl").read_bytes()


@sentence("/cli/output/a-long-name-is-shortened")
def long_name(folder):
    (folder / ("ä" * 120 + ".png")).write_bytes(RED)
    run("generate", "ä" * 120 + ".png", "-f", "obj,glb", "--sheet", "--stages", *QUICK, cwd=folder, check=0)
    assert obj_color(next(p for p in folder.glob("*ä.obj")))


@sentence("/cli/output/a-run-that-fails-makes-no-folder")
def no_folder(folder):
    (folder / "bad.png").write_bytes(b"not a picture")
    assert run("generate", "bad.png", "-d", "out/deep", *QUICK, cwd=folder).returncode
    assert [p.name for p in folder.iterdir()] == ["bad.png"]


# --- Any folder, any names, any options -------------------------------------------------------------------

STEMS = ["a", "a b", "a_b", "a-2", "a-texture", "a-texture-1", "A", "a.preview", "ä", "a%b", "a#b", "-a", "a.b", "a\nb", "a-sheet"]
FORMATS = ["glb", "stl", "obj", "ply", "3mf", "gltf"]
ENDINGS = ["png", "glb", "stl", "obj", "mtl", "bin", "gltf", "jpg", "ply", "3mf"]


def fill_folder(random, folder, model):
    """Pictures to read, models to read, and files of somebody else that have likely names."""
    pictures, models = [], []
    for _ in range(random.randint(1, 4)):
        path = folder / random.choice(["", "p", "q"]) / f"{random.choice(STEMS)}.{random.choice(['png', 'jpg', 'glb', 'obj'])}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(random.choice([RED, BLUE]))
        pictures.append("./" + str(path.relative_to(folder)))
    for _ in range(random.randint(0, 2)):
        path = folder / f"{random.choice(STEMS)}.{random.choice(['glb', 'stl'])}"
        if not path.exists():
            path.write_bytes(model)
            models.append("./" + path.name)
    for where in ["", "out"]:
        (folder / where).mkdir(exist_ok=True)
        for _ in range(random.randint(0, 14)):
            name = random.choice(STEMS) + random.choice(["", "-2", "-sheet", "-view", "-cutout", "-texture", ".final"])
            path = folder / where / f"{name}.{random.choice(ENDINGS)}"
            if path.exists() or path.is_symlink():
                continue
            if random.random() < 0.1 and pictures:
                path.symlink_to(os.path.abspath(folder / random.choice(pictures)))
            elif random.random() < 0.1 and pictures:
                os.link(folder / random.choice(pictures), path)
            else:
                path.write_text(f"mine: {name}")
    return pictures, models


def command(random, folder, pictures, models):
    """Arguments, and the file that the user named."""
    named = random.choice([f"./{random.choice(STEMS)}.{random.choice(ENDINGS)}", f"out/{random.choice(STEMS)}", None, None])
    existing = [n for n in contents(folder) if random.random() < 0.2]
    if existing and random.random() < 0.3:
        named = "./" + random.choice(existing)
    output = ["-o", named] if named else []
    if models and random.random() < 0.4:
        if random.random() < 0.5:
            return ["mesh", "view", "-w", "256", *models, *output], named
        named = named or "out/new.obj"
        form = ["-f", random.choice(FORMATS)] if random.random() < 0.3 else []
        return ["mesh", "convert", models[0], "-o", named, *form], named
    if random.random() < 0.15:
        return ["cutout", pictures[0], *output], named
    words = ["generate", *QUICK]
    if named:
        pictures = pictures[:1]
        words += output
    elif random.random() < 0.5:
        words += ["-d", "out"]
    if random.random() < 0.8 or not named:
        words += ["-f", ",".join(random.choices(FORMATS, k=random.randint(1, 3)))]
    words += [option for option in ["--sheet", "--stages"] if random.random() < 0.3]
    if random.random() < 0.2:
        words += ["--mask", pictures[0]]
    return words + pictures, named


@sentence("/cli/output/whatever-is-asked-files-that-were-not-named-stay")
def anything(folder):
    seed = int(os.environ.get("ORFEAS_OUTPUT_SEED", "1"))
    (folder / "m.png").write_bytes(RED)
    run("generate", "m.png", "-o", "m.glb", *QUICK, cwd=folder, check=0)
    model, wrote = (folder / "m.glb").read_bytes(), 0
    for number in range(int(os.environ.get("ORFEAS_OUTPUT_TRIES", "120"))):
        dice = random.Random(f"{seed}:{number}")
        place = folder / str(number)
        place.mkdir()
        pictures, models = fill_folder(dice, place, model)
        for _ in range(2):
            words, named = command(dice, place, pictures, models)
            before = contents(place)
            allowed = set()
            if named:  # a link is followed, and a file of several names has them all
                full = (place / named).resolve()
                reads = {(place / w).stat().st_ino for w in words[1:] if w != named and (place / w).is_file()}
                if not (full.exists() and full.stat().st_ino in reads):
                    allowed = {n for n in before if full.exists() and (place / n).exists() and (place / n).samefile(full)}
                allowed |= came_with(place, place / named)
            done = run(*words, cwd=place)
            after = contents(place)
            where = f"seed {seed}:{number}: orfeas {words}: exit {done.returncode} {done.stderr.decode()[-300:]}"
            try:
                left_alone(before, after, {n for n in allowed if not (place / n).is_symlink()})
            except AssertionError as error:
                raise AssertionError(f"{error}; {where}") from error
            assert done.returncode not in (70, -6, -11), where
            assert not [n for n in after if ".orfeas" in n], where
            if done.returncode and not (words[0] == "generate" and len(pictures) > 1):
                assert before.keys() == after.keys(), where
            wrote += done.returncode == 0
    assert wrote > 20, f"only {wrote} runs wrote anything"


tap.main()
