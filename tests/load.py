# SPDX-License-Identifier: Apache-2.0
"""Clients that use a server hard, and a witness who remembers all they saw.

The witness holds the invariants: an accepted job is never lost, never goes back, ends once; what was seen of a result
never changes; the numbers of events rise without a gap; one key makes one job."""
import hashlib
import http.client
import json
import random
import threading
import time
import uuid

import server as servers

RANK = {"queued": 0, "running": 1, "succeeded": 2, "failed": 2, "canceled": 2, "expired": 2}
CUT = (ConnectionError, TimeoutError, http.client.HTTPException, OSError, json.JSONDecodeError)
MAY_BE_SAID = (409, 429, 503)  # in flight, limits, busy or about to stop


class Witness:
    """What was seen, by job. Thread-safe."""

    def __init__(self):
        self.lock = threading.Lock()
        self.jobs = {}      # id -> {"status", "stages", "seq", "life", "attempt"}
        self.keys = {}      # idempotency key -> id
        self.unknown = 0    # wishes whose answer never came
        self.faults = []
        self.counts = {}

    def fault(self, text):
        with self.lock:
            if len(self.faults) < 40:
                self.faults.append(text)

    def lose(self, perhaps_accepted):
        """The answer to a wish never came."""
        with self.lock:
            self.unknown += bool(perhaps_accepted)

    def count(self, what):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1

    def accepted(self, job, key):
        with self.lock:
            known = self.keys.setdefault(key, job["id"]) if key else job["id"]
        if known != job["id"]:
            self.fault(f"key {key} made {known} and {job['id']}")

    def saw(self, job, life, asked):
        """A job object that the server's life of that number told; `asked` is when the question left."""
        with self.lock:
            old = self.jobs.setdefault(job["id"], {"status": "queued", "stages": {}, "seq": 0, "attempt": 0, "told": {},
                                                   "life": life, "when": 0})
            wrong = self.contradictions(old, job, life, asked)
            if not wrong and RANK[job["status"]] >= RANK[old["status"]] or life > old["life"]:
                old.update(status=job["status"], life=life, attempt=job["attempt"], when=time.monotonic())
            old["stages"].update({stage["name"]: stage["sha256"] for stage in job["stages"]})
        for text in wrong:
            self.fault(f"{job['id']}: {text}")

    @staticmethod
    def contradictions(old, job, life, asked):
        """What was seen before the question left must still hold in the answer."""
        was, now, over = old["status"], job["status"], RANK[old["status"]] == 2
        stages = {stage["name"]: stage["sha256"] for stage in job["stages"]}
        wrong = [f"stage {name} changed" for name, digest in stages.items() if old["stages"].get(name, digest) != digest]
        if over and now != was and RANK[now] == 2:
            wrong.append(f"ended as {was}, and as {now}")
        if asked > old["when"]:
            if RANK[now] < RANK[was] and (over or old["life"] == life):
                wrong.append(f"went from {was} to {now}")
            if over and set(old["stages"]) - set(stages):
                wrong.append(f"{now} in attempt {job['attempt']}, lost stages: {set(old['stages']) - set(stages)}")
            if job["attempt"] < old["attempt"]:
                wrong.append(f"attempt fell from {old['attempt']} to {job['attempt']}")
        return wrong

    def heard(self, job, event, life, after):
        """One event of a stream that was resumed after number `after`; the number it had."""
        if "seq" not in event:
            self.fault(f"{job}: an event without a number: {event}")
            return after
        seq = event["seq"]
        if event["event"] == "snapshot":
            if seq < after:
                self.fault(f"{job}: a snapshot numbered {seq} came after event {after}")
            return seq
        if after and seq != after + 1:
            self.fault(f"{job}: event {seq} ({event['event']}) came after {after}")
        with self.lock:
            told = self.jobs[job]["told"] if job in self.jobs else {}
            digest = event.get("sha256") if event["event"] == "stage" else None
            name = event.get("stage")
            changed = digest and told.setdefault(name, digest) != digest
        if changed:
            self.fault(f"{job}: stage {name} was told twice, and differently")
        return seq

    def open_jobs(self):
        with self.lock:
            return [job for job, seen in self.jobs.items() if RANK[seen["status"]] < 2]

    def any_job(self, dice):
        with self.lock:
            return dice.choice(list(self.jobs)) if self.jobs else None


class Load:
    """Threads that create, follow, poll, cancel and download until they are told to stop."""

    def __init__(self, seed, creators=3, followers=2, pollers=2, most_open=10):
        self.witness, self.seed, self.most_open = Witness(), seed, most_open
        self.server, self.life = None, 0
        self.up, self.ending, self.moment = threading.Event(), threading.Event(), threading.Condition()
        self.noted = None
        self.pictures = [servers.disc(size, red) for size in (40, 40, 200, 480) for red in range(8)]
        self.draining = False
        parts = [self.create] * creators + [self.follow] * followers + [self.poll] * pollers
        self.threads = [threading.Thread(target=self.run, args=(part, random.Random(seed * 1000 + i)), daemon=True)
                        for i, part in enumerate(parts)]
        self.started = False

    # --- Life of the server ---------------------------------------------------------------------------------

    def begin(self, server):
        self.server, self.life, self.draining = server, self.life + 1, False
        self.up.set()
        if not self.started:
            self.started = True
            for thread in self.threads:
                thread.start()

    def pause(self):
        """From now on failures are the fault of whoever kills the server."""
        self.up.clear()

    def drain(self):
        """From now on the server may refuse, but must not cut what it has let in."""
        self.draining = True
        self.up.clear()

    def end(self):
        self.ending.set()
        self.up.set()
        for thread in self.threads:
            thread.join(90)
            assert not thread.is_alive(), "a client hangs"

    def note(self, what):
        with self.moment:
            self.noted = what
            self.moment.notify_all()

    def wait_for(self, what, seconds):
        """Returns as soon as a client sees `what`."""
        with self.moment:
            self.noted = None
            self.moment.wait_for(lambda: self.noted == what, seconds)

    # --- Clients ------------------------------------------------------------------------------------------------

    def run(self, part, dice):
        while not self.ending.is_set():
            if not self.up.wait(0.2):
                continue
            server, life = self.server, self.life
            try:
                part(server, life, dice)
            except CUT as why:
                cut = self.draining and not isinstance(why, ConnectionRefusedError)
                if (self.up.is_set() or cut) and self.life == life and not self.ending.is_set():
                    self.witness.fault(f"{part.__name__}: {type(why).__name__}: {why}")
                time.sleep(0.02)
            except Exception as why:  # a mistake of the test must be seen
                self.witness.fault(f"{part.__name__}: {type(why).__name__}: {why}")

    def expect(self, answer, statuses, what):
        self.witness.count(answer.status)
        if answer.status in statuses:
            return True
        if answer.status in MAY_BE_SAID:
            if answer.status != 409 and not (answer.header("Retry-After") or "").isdigit():
                self.witness.fault(f"{what}: {answer.status} without Retry-After")
            time.sleep(0.05)
        else:
            self.witness.fault(f"{what}: {answer}")
        return False

    def create(self, server, life, dice):
        if len(self.witness.open_jobs()) >= self.most_open:
            time.sleep(0.02)
            return
        key = uuid.UUID(int=dice.getrandbits(128)).hex if dice.random() < 0.7 else None
        wish = {"generator": "inflate", "quality": "draft", "size": str(dice.randint(20, 400)),
                "mode": dice.choice(["preview", "standard", "standard"])}
        headers = [("Prefer", dice.choice(["respond-async", "wait=1", "wait=0"]))]
        headers += [("Idempotency-Key", key)] if key else []
        wish["client_gone"] = "keep"
        picture, tries, asked = dice.choice(self.pictures), 0, time.monotonic()
        while True:
            try:
                answer = server.generate(picture, headers=headers, **wish)
                break
            except CUT as why:
                refused = isinstance(why, ConnectionRefusedError)
                mine = self.up.is_set() and self.life == life or self.draining and not refused
                if not key or mine or self.ending.is_set():
                    self.witness.lose(not refused or tries)
                    raise
                self.up.wait(10)  # the same wish, to the next life
                server, life, tries = self.server, self.life, tries + 1
        if not self.expect(answer, (200, 202), f"create after {tries} tries"):
            self.witness.lose(tries)
            return
        job = answer.json()
        self.witness.accepted(job, key)
        self.witness.saw(job, life, asked)
        self.note("accepted")

    def follow(self, server, life, dice):
        job = dice.choice(self.witness.open_jobs() or [None]) or self.witness.any_job(dice)
        if not job:
            time.sleep(0.02)
            return
        with self.witness.lock:
            after = self.witness.jobs[job]["seq"]
        headers = [("Last-Event-ID", str(after))] if after else []
        kind = dice.choice(["text/event-stream", "application/x-ndjson"])
        with servers.Events(server, "GET", f"/api/v1/jobs/{job}/events", [("Accept", kind), *headers], timeout=30) as told:
            if told.response.status == 204:  # over, and heard to the end
                with self.witness.lock:
                    status = self.witness.jobs[job]["status"]
                if after == 0 or (RANK[status] < 2 and RANK[server.job(job)["status"]] < 2):
                    self.witness.fault(f"nothing more of {job} after {after}, which is {status}")
                time.sleep(0.01)
                return
            if told.response.status != 200:
                answer = servers.Answer(told.response, told.response.read())
                self.expect(answer, (200,), f"events of {job} after {after}")
                return
            for event in told:
                if event["event"] == "reconnect":
                    break
                after = self.witness.heard(job, event, life, after)
                with self.witness.lock:
                    self.witness.jobs[job]["seq"] = max(after, self.witness.jobs[job]["seq"])
                self.note(event["event"])
                if event["event"] in ("done", "error"):
                    self.witness.saw(event, life, 0)
                if dice.random() < 0.1:
                    break

    def poll(self, server, life, dice):
        job = self.witness.any_job(dice)
        if not job:
            time.sleep(0.02)
            return
        chance, asked = dice.random(), time.monotonic()
        if chance < 0.08:
            answer = server.request("POST", f"/api/v1/jobs/{job}/cancel", body=b"")
            if self.expect(answer, (200, 202), f"cancel {job}"):
                self.witness.saw(answer.json(), life, asked)
        elif chance < 0.3:
            self.download(server, job)
        else:
            answer = server.get(f"/api/v1/jobs/{job}")
            if self.expect(answer, (200,), f"look at {job}"):
                self.witness.saw(answer.json(), life, asked)

    def download(self, server, job):
        with self.witness.lock:
            stages = dict(self.witness.jobs[job]["stages"])
        for name, digest in stages.items():
            answer = server.get(f"/api/v1/jobs/{job}/stages/{name}")
            if self.expect(answer, (200,), f"stage {name} of {job}") and \
                    hashlib.sha256(answer.body).hexdigest() != digest:
                self.witness.fault(f"stage {name} of {job} is not what its digest says")

    def tally(self):
        """How the jobs ended, and in which attempt: for people."""
        told = {}
        for seen in self.witness.jobs.values():
            name = seen["status"] + (f" in attempt {seen['attempt']}" if seen["attempt"] > 1 else "")
            told[name] = told.get(name, 0) + 1
        return f"{len(self.witness.jobs)} jobs {dict(sorted(told.items()))}, answers " \
               f"{dict(sorted(self.witness.counts.items()))}, {self.witness.unknown} answers lost"

    # --- Judgement -------------------------------------------------------------------------------------------------

    def all_still_there(self, server):
        """Every job that a client was promised is known to this life of the server."""
        for job in list(self.witness.jobs):
            asked = time.monotonic()
            answer = server.get(f"/api/v1/jobs/{job}")
            if answer.status != 200:
                self.witness.fault(f"accepted and lost: {job}: {answer}")
            else:
                self.witness.saw(answer.json(), self.life, asked)

    def all_end(self, server, seconds=120):
        """Every job comes to an end; the faults that were found on the way."""
        deadline = time.monotonic() + seconds
        left = list(self.witness.jobs)
        while left and time.monotonic() < deadline:
            still = []
            for job in left:
                asked = time.monotonic()
                answer = server.get(f"/api/v1/jobs/{job}")
                if answer.status == 200:
                    self.witness.saw(answer.json(), self.life, asked)
                if answer.status != 200 or RANK[answer.json()["status"]] < 2:
                    still.append(job)
            left = still
            time.sleep(0.05)
        for job in left[:5]:
            self.witness.fault(f"never ends: {job}: {server.get(f'/api/v1/jobs/{job}').body[:300]!r}")
        self.no_more_than_promised(server)
        return self.witness.faults

    def no_more_than_promised(self, server):
        """A key makes one job; nobody gets jobs that were not asked for."""
        listed, target = set(), "/api/v1/jobs?limit=200"
        while True:
            page = server.get(target).json()
            ids = [job["id"] for job in page["jobs"]]
            if listed & set(ids):
                self.witness.fault(f"listed twice: {listed & set(ids)}")
            listed |= set(ids)
            target = page["links"]["next"]
            if not target:
                break
        missing, more = set(self.witness.jobs) - listed, listed - set(self.witness.jobs)
        if missing:
            self.witness.fault(f"not listed: {sorted(missing)[:5]}")
        if len(more) > self.witness.unknown:
            self.witness.fault(f"{len(more)} jobs that nobody knows of, {self.witness.unknown} answers were lost")
