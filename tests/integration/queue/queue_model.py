# SPDX-License-Identifier: MIT
"""What the queue must do, in plain Python: the reference that the scripts are held against.

A job is an object in one dict; everything else that Redis keeps (the sets of the states, the
groups, the index of references) is computed from the jobs when the two are compared, so a
leftover or a loss cannot hide. Each verb changes the model and returns what the script
must answer.
"""

import math
from dataclasses import dataclass, field

LANES = {"live": 1, "webhook": 2, "sync": 4, "mail": 8, "backfill": 16, "quarantine": 16}
ORDER = list(LANES)
NEIGHBOURS = ("stripe", "mariadb", "smtp")
NEWS_MS = 600000
DRAIN_MS = 60000
FIELDS_LEFT_OUT = {"attempt": "0", "crashes": "0", "deferrals": "0", "token": "", "worker": "",
                   "turn": "0", "member": "", "member_turn": "0", "fault": "", "outcome": "", "history": "", "archived": ""}


@dataclass
class Job:
    id: str
    kind: str
    lane: str
    home: str
    tenant: str
    member: str
    payload: str
    mac: str
    enqueued: int
    max: int
    reply: str
    group: str
    refs: tuple
    state: str = "ready"
    score: int = 0  # turn, lease end, run-at or moment settled
    at: int = 0
    version: str = "1"
    attempt: int = 0
    crashes: int = 0
    deferrals: int = 0
    token: str = ""
    worker: str = ""
    turn: int = 0
    place: int = 0        # the member's turn: of ready, and of the one kept when it is taken
    member_turn: int = 0  # as it was taken last
    fault: str = ""
    outcome: str = ""
    archived: str = ""
    history: list = field(default_factory=list)

    @property
    def queue(self):
        return f"{self.lane}:{self.kind}"


def quoted(text):
    return '"' + text.replace('"', '\\"') + '"'


class Model:
    def __init__(self, now):
        self.now = now
        self.jobs = {}
        self.queues = {}
        self.open = set()     # queues with ready or scheduled jobs, and some without
        self.present = {}     # queue -> turn of the job taken last
        self.last_turns = {}  # queue -> {tenant: turn}
        self.passes = {}
        self.paused = {}
        self.neighbours = {}
        self.workers = {}
        self.abouts = {}
        self.clock = None
        self.shifted = None
        self.wake = 0
        self.totals = {}
        self.token = 0
        self.results = {}
        self.governor = {}
        self.limits = {}      # who -> when everything came back
        self.published = []
        self.drainer = None  # (worker, until when)
        self._woken = False

    # --- what all verbs share ----------------------------------------------------------------

    def count(self, name, by=1):
        self.totals[name] = self.totals.get(name, 0) + by

    def finish(self):
        if self._woken and self.wake < 64:
            self.wake += 1
        self._woken = False

    def in_state(self, state, queue=None):
        found = [job for job in self.jobs.values()
                 if job.state == state and queue in (None, job.queue)]
        return sorted(found, key=lambda job: (job.score, job.id))

    def with_jobs(self):
        return {job.queue for job in self.in_state("ready") + self.in_state("scheduled")}

    def queue_names(self):
        return sorted(self.queues, key=lambda name: (ORDER.index(name.split(":")[0]), name))

    def next_turn(self, round_, who):
        turns = self.last_turns.setdefault(round_, {})
        turns[who] = max(self.present.get(round_, 0), turns.get(who, 0)) + 1
        return turns[who]

    def next_turns(self, queue, job):
        if job.member:
            job.place = self.next_turn(f"{queue}:{job.tenant}", job.member)
        return self.next_turn(queue, job.tenant)

    def move(self, job, state, score, lane=None, **changes):
        if job.state == "leased":
            for neighbour in self.neighbours.values():
                if neighbour["probe"] == job.id:
                    neighbour.update(probe_at=self.now, probe="")
        job.state, job.score, job.lane = state, score, lane or job.lane
        job.at = self.now if state == "ready" else score
        if state in ("ready", "scheduled"):
            self.open.add(job.queue)
        self._woken |= state == "ready"
        for name, value in changes.items():
            setattr(job, name, value)
        if state in ("done", "dead") and job.reply:
            self.published.append((job.reply, f"{job.id} {state}"))

    def remember(self, job, members):
        job.history = (job.history + [f'{{"at":{self.now},{members}}}'])[-10:]

    def die(self, job, outcome, **changes):
        self.count("dead")
        self.count(outcome)
        self.move(job, "dead", self.now, outcome=outcome, archived="0", **changes)

    def crash(self, job, why):
        self.remember(job, f'"worker":{quoted(job.worker)},"outcome":"CRASHED",'
                           f'"text":{quoted(why)}')
        self.count("crashed")
        job.crashes += 1
        job.attempt += 1
        job.fault = why
        if job.crashes >= 3:
            self.die(job, "poison")
            return 1
        if job.attempt >= job.max:
            self.die(job, "exhausted")
        elif job.crashes == 2 and job.lane != "quarantine":
            queue = f"quarantine:{job.kind}"
            self.queues[queue] = self.queues[job.queue]
            self.move(job, "ready", self.next_turns(queue, job), "quarantine")
        else:
            self.move_back(job)
        return 0

    def move_back(self, job):
        job.place = job.member_turn
        self.move(job, "ready", job.turn)

    def give_back(self, job):
        self.count("released")
        self.move_back(job)

    def tick(self):
        shift = 0 if self.clock is None else self.now - self.clock
        self.clock = self.now
        if abs(shift) <= 5000:
            return
        self.shifted = (self.shifted or 0) + shift
        for job in self.in_state("leased"):
            job.score += shift
            job.at += shift
        for worker in self.workers:
            self.workers[worker] += shift
        for neighbour in self.neighbours.values():
            if neighbour["down_since"]:
                neighbour["probe_at"] += shift

    # --- enqueue -----------------------------------------------------------------------------

    def add(self, new):
        known = self.jobs.get(new.id)
        if known:
            same = known.mac == new.mac or "" in (known.mac, new.mac)
            self.count("known" if same else "conflict")
            return 1 if same else 2
        self.count("enqueued")
        lane = new.lane or new.kind.lane
        job = Job(new.id, new.kind.name, lane, lane, new.tenant, new.member, new.payload,
                  new.mac, self.now, new.kind.max, new.reply, "1" if new.kind.group_max > 1 else "0", new.refs)
        self.jobs[job.id] = job
        self.queues[job.queue] = new.kind.needs
        self.open.add(job.queue)
        if new.delay_ms:
            job.state, job.score = "scheduled", self.now + new.delay_ms
            job.at = job.score
        else:
            job.score, job.at = self.next_turns(job.queue, job), self.now
            self._woken = True
        return 0

    def enqueue(self, *jobs):
        verdicts = [self.add(job) for job in jobs]
        self.finish()
        return verdicts

    # --- take ----------------------------------------------------------------------------------

    def is_shut(self, kind):
        downs = [self.neighbours[name] for name in kind.needs.split(",")
                 if name in self.neighbours and self.neighbours[name]["down_since"]]
        return any(down["probe_at"] > self.now for down in downs), downs

    def is_open(self, lane, kind):
        return not ({"all", f"lane:{lane}", f"kind:{kind.name}"} & set(self.paused) or
                    self.is_shut(kind)[0])

    def pass_of(self, round_, member):
        return max(self.passes.get(f"{round_}/{member}", 0), self.passes.get(round_, 0))

    def charge(self, round_, member, stride):
        self.passes[round_] = self.pass_of(round_, member)
        self.passes[f"{round_}/{member}"] = self.passes[round_] + stride

    def choose(self, lanes, kinds, most):
        """The lane and kind that are next: the lowest pass, then the order of the tables."""
        open_ = [(lane, kind) for lane in lanes for kind in kinds
                 if (most is None or most[kind.name] > 0) and self.is_open(lane, kind) and
                 self.in_state("ready", f"{lane}:{kind.name}")]
        if not open_:
            return None
        lane = min((lane for lane, _ in open_),
                   key=lambda lane: (self.pass_of("", lane), ORDER.index(lane)))
        kind = min((kind for lane_, kind in open_ if lane_ == lane),
                   key=lambda kind: (self.pass_of(lane, kind.name), kinds.index(kind)))
        return lane, kind

    def put_aside(self, job):
        if job.version == "1":
            return False
        self.count("put_aside")
        self.move(job, "scheduled", self.now + 30000,
                  fault=f"the record has version {job.version}, this release knows 1")
        return True

    def take(self, worker, kinds, live=0, general=0, quarantine=0, lease_ms=10000, most=None):
        self.tick()
        self.workers[worker] = self.now
        most = {kind.name: 1000 if most is None else most.get(kind.name, 1000) for kind in kinds}
        lease_end = self.now + lease_ms
        reply = {"put_aside": 0, "quarantine_waits": 0, "next_due": -1, "jobs": []}
        quarantined = any(job.lane == "quarantine" for job in self.in_state("leased"))
        last_turns, groups = {}, 0

        def take_turn(round_, turn):
            last_turns[round_] = max(last_turns.get(round_, 0), turn)

        def hand_over(job, stands, group):
            """`job` goes at the turn of `stands`, which gets that of `job`."""
            self.token += 1
            self.count("taken")
            job.score, stands.score = stands.score, job.score
            if job.member:
                take_turn(f"{job.queue}:{job.tenant}", job.place)
                job.member_turn = job.place
            self.move(job, "leased", lease_end, token=str(self.token), worker=worker,
                      turn=job.score)
            reply["jobs"].append({
                "id": job.id, "kind": job.kind, "lane": job.lane, "tenant": job.tenant,
                "payload": job.payload, "token": self.token, "attempt": job.attempt,
                "crashes": job.crashes, "deferrals": job.deferrals, "enqueued": job.enqueued,
                "lease_end": lease_end, "reply": job.reply, "group": group})

        def fill(lanes, shares):
            """One slot; the lane it was filled from, or None."""
            nonlocal groups
            while True:
                choice = self.choose(lanes, kinds, shares)
                if not choice:
                    return None
                lane, kind = choice
                queue = f"{lane}:{kind.name}"
                stands = self.in_state("ready", queue)[0]
                job = stands if stands.version != "1" else self.call_up(stands)
                if not self.put_aside(job):
                    break
                reply["put_aside"] += 1
            groups += 1
            take_turn(queue, stands.score)
            downs = self.is_shut(kind)[1]
            hand_over(job, stands, groups)
            for down in downs:
                down.update(probe_at=lease_end, probe=job.id, until=self.now + NEWS_MS)
            if not downs and kind.group_max > 1 and not job.crashes and lane != "quarantine":
                passed = []
                for _ in range(kind.group_max - 1):
                    stands = next((one for one in self.in_state("ready", queue)
                                   if one.tenant == job.tenant and one.group == "1" and
                                   (one.member and self.call_up(one, passed) != one or
                                    one not in passed)), None)
                    if not stands:
                        break
                    other = self.call_up(stands, passed)
                    if self.put_aside(other):
                        reply["put_aside"] += 1
                    elif other.crashes:
                        passed.append(other)
                    else:
                        hand_over(other, stands, groups)
            self.charge(lane, kind.name, 1)
            most[kind.name] -= 1 if shares is not None else 0
            return lane

        normal = [lane for lane in ORDER if lane != "quarantine"]
        if quarantine == 1:
            if not quarantined:
                fill(["quarantine"], None)
            filled = False
        else:
            filled = all([fill(["live"], None) for _ in range(live)])
            for _ in range(general):
                lane = fill(normal, most)
                if not lane:
                    filled = False
                    break
                self.charge("", lane, LANES[lane])
        for round_, turn in last_turns.items():
            if turn > self.present.get(round_, 0):
                self.present[round_] = turn
                turns = self.last_turns[round_]
                self.last_turns[round_] = {who: at for who, at in turns.items() if at > turn}
        if filled and reply["jobs"] and not self.wake and self.choose(normal, kinds, None):
            self._woken = True
        self.open &= self.with_jobs()
        for job in self.in_state("scheduled")[:1]:
            reply["next_due"] = max(0, job.score - self.now)
        drainer = self.drainer[0] if self.drainer else None
        if quarantine == 0 and drainer in (None, worker) and not quarantined and \
                self.choose(["quarantine"], kinds, None):
            self.drainer = (worker, self.now + DRAIN_MS)
            reply["quarantine_waits"] = 1
        else:
            self.drain_no_more(worker)
        self.finish()
        return reply

    def call_up(self, stands, passed=()):
        """Who goes at the turn of its tenant at which a job stands."""
        line = sorted((job for job in self.in_state("ready", stands.queue)
                       if job.member and job.tenant == stands.tenant and job not in passed),
                      key=lambda job: (job.place, job.id))
        return line[0] if stands.member and line else stands

    def drain_no_more(self, worker):
        if self.drainer and self.drainer[0] == worker:
            self.drainer = None

    # --- settle, release, beat -----------------------------------------------------------------

    def held(self, id_, token):
        job = self.jobs.get(id_)
        return job if job and job.state == "leased" and job.token == str(token) else None

    def neighbour_failed(self, name, id_, fault):
        state = self.neighbours.setdefault(name, {
            "failures": 0, "down_since": 0, "probe_at": 0, "wait": 1000, "probe": ""})
        state["failures"] += 1
        state.update(fault=fault, until=self.now + NEWS_MS)
        if not state["down_since"] and state["failures"] >= 3:
            state.update(down_since=self.now, probe_at=self.now + 1000)
        elif state["probe"] == id_:
            state.update(probe_at=self.now + state["wait"], probe="",
                         wait=min(state["wait"] * 2, 5000))

    def settle_one(self, job, told):
        self.remember(job, told.note)
        for name in filter(None, told.answered.split(",")):
            if name == told.down:
                continue
            gone = self.neighbours.pop(name, None)
            self._woken |= bool(gone and gone["down_since"])
        if told.result:
            self.results[job.id] = (told.result, self.now + 900000)
        if told.outcome == "DONE":
            self.count("done")
            self.move(job, "done", self.now, outcome="done", payload="")
        elif told.outcome == "NEVER":
            self.die(job, "never", fault=told.fault)
        else:
            self.count("deferred" if told.deferred else told.outcome.lower())
            is_down = False
            if told.deferred and told.down:
                self.neighbour_failed(told.down, job.id, told.fault)
                is_down = self.neighbours[told.down]["down_since"] > 0
            burns = not told.deferred or (job.deferrals >= 100 and not is_down)
            job.attempt += 1 if burns else 0
            job.deferrals += 1 if told.deferred else 0
            job.fault = told.fault
            if burns and job.attempt >= job.max:
                self.die(job, "exhausted")
            else:
                self.move(job, "scheduled", self.now + told.delay_ms)

    def settle(self, *settlements):
        reply = []
        for told in settlements:
            job = self.held(told.id, told.token)
            if not job:
                reply.append((1 if told.id in self.jobs else 2, "", 0))
                continue
            self.settle_one(job, told)
            reply.append((0, job.state, job.score if job.state == "scheduled" else 0))
            for new in told.follow_ups:
                self.add(new)
        self.finish()
        return reply

    def release(self, *held):
        back = 0
        for pair in held:
            job = self.held(*pair)
            if job:
                self.give_back(job)
                back += 1
        self.finish()
        return back

    def beat(self, worker, *held, lease_ms=10000, leaving=False, about="{}"):
        self.tick()
        lost, kept = [], set()
        for id_, token in held:
            job = self.held(id_, token)
            if job:
                kept.add(id_)
                job.score = job.at = self.now + lease_ms
            else:
                lost.append(token)
        for job in self.in_state("leased"):
            old = leaving or job.score < self.now + lease_ms - 5000
            if job.worker == worker and job.id not in kept and old:
                self.give_back(job)
        if leaving:
            self.workers.pop(worker, None)
            self.abouts.pop(worker, None)
            self.drain_no_more(worker)
        else:
            self.workers[worker] = self.now
            self.abouts[worker] = about
        self.finish()
        return lost

    # --- sweep, trim, archive ------------------------------------------------------------------

    def sweep(self, dead_after_ms=8000, most=1000):
        self.tick()
        reply = {"due": 0, "expired": 0, "recovered": 0, "poisoned": 0,
                 "shifted": self.shifted or 0, "more": 0}
        self.shifted = None
        names = self.queue_names()
        share = max(1, most // max(1, len(names)))

        def over(state, queue):
            jobs = [job for job in self.in_state(state, queue) if job.score <= self.now][:share]
            reply["more"] |= len(jobs) == share
            return jobs

        for queue in names:
            for job in over("leased", queue):
                reply["expired"] += 1
                reply["poisoned"] += self.crash(job, "the lease ran out")
        dead = {worker for worker, at in self.workers.items() if at <= self.now - dead_after_ms}
        left = most
        for queue in names:
            for job in self.in_state("leased", queue):
                if job.worker in dead and left > 0:
                    left -= 1
                    reply["recovered"] += 1
                    reply["poisoned"] += self.crash(job, "the worker stopped beating")
        if left > 0:
            for worker in dead:
                del self.workers[worker]
                self.abouts.pop(worker, None)
                self.drain_no_more(worker)
        else:
            reply["more"] = 1
        self.open |= self.with_jobs()
        for queue in names:
            for job in over("scheduled", queue):
                reply["due"] += 1
                self.move(job, "ready", self.next_turns(queue, job))
        self.finish()
        reply["more"] = int(reply["more"])
        return reply

    def trim(self, keep_count=1000, keep_ms=1 << 40, dead_keep_ms=1 << 40, most=100):
        done = sorted(self.in_state("done"), key=lambda job: (
            job.score, self.queue_names().index(job.queue), job.id))
        excess = len(done) - keep_count
        gone = [job for i, job in enumerate(done)
                if i < excess or job.score <= self.now - keep_ms][:most]
        for queue in self.queue_names():
            old = [job for job in self.in_state("dead", queue)
                   if job.score <= self.now - dead_keep_ms][:most]
            gone += [job for job in old if job.archived == "1"]
        gone = gone[:most]
        for job in gone:
            del self.jobs[job.id]
            self.count("trimmed")
        return len(gone)

    def unarchived(self, most=100):
        dead = [job for job in self.in_state("dead") if job.archived == "0"]
        return [self.record(job) for job in dead[:most]]

    def archived(self, *dead):
        marked = 0
        for id_, at in dead:
            job = self.jobs.get(id_)
            if job and job.state == "dead" and job.at == at:
                job.archived = "1"
                marked += 1
        return marked

    def find(self, ref, most=10):
        carry = sorted((job for job in self.jobs.values() if ref in job.refs and job.id != ref),
                       key=lambda job: (job.enqueued, job.id), reverse=True)
        named = [self.jobs[ref]] if ref in self.jobs else []
        return [{**self.record(job), "payload": ""} for job in (named + carry)[:most]]

    # --- operators -----------------------------------------------------------------------------

    def retry(self, id_, who="ada", why="because", audit=None):
        job = self.jobs.get(id_)
        if not job or job.state not in ("dead", "scheduled"):
            return (2, job.state) if job else (1, "")
        self.remember(job, f'"by":{quoted(who)},"outcome":"RETRIED","text":{quoted(why)}')
        self.count("retried")
        turn = self.next_turns(f"{job.home}:{job.kind}", job)
        self.move(job, "ready", turn, job.home, attempt=0, crashes=0, deferrals=0, outcome="")
        return self._audited((0, "ready"), audit)

    def discard(self, id_, who="ada", why="because", audit=None):
        job = self.jobs.get(id_)
        if not job or job.state in ("leased", "done"):
            return (2, job.state) if job else (1, "")
        self.remember(job, f'"by":{quoted(who)},"outcome":"DISCARDED","text":{quoted(why)}')
        self.count("discarded")
        self.move(job, "done", self.now, outcome="discarded", payload="")
        return self._audited((0, "done"), audit)

    def pause(self, what, who="ada", why="because", audit=None):
        self.paused[what] = f"{self.now} {who}\n{why}"
        self.count("paused")
        return self._audited((0, ""), audit)

    def resume(self, what, who="ada", why="because", audit=None):
        if not self.paused.pop(what, None):
            return (2, "")
        self.count("resumed")
        self._woken = True
        return self._audited((0, ""), audit)

    def _audited(self, reply, audit):
        if audit:
            self.add(audit)
        self.finish()
        return reply

    # --- the governor --------------------------------------------------------------------------

    def _rate(self, cap):
        if "rate" not in self.governor:
            return cap
        since = max(0, self.now - self.governor["refused_at"])
        return min(cap, self.governor["rate"] + cap / 10 * since / 1000)

    def govern(self, cap, live=False, most_ms=10**9):
        state, rate = self.governor, self._rate(cap)
        passed = max(0, self.now - state["at"]) / 1000 if "at" in state else 0
        backlog, level = state.get("backlog", 0), state.get("level", rate)
        served = min(backlog, 0.8 * rate * passed)
        level = min(rate, level + rate * passed - served)
        backlog -= served
        wait = 0
        if live:
            if level < 1:
                wait = math.ceil((1 - level) / (0.2 * rate if backlog > 0 else rate) * 1000)
            booked = (level - 1, backlog)
        elif backlog == 0 and level - 1 >= rate / 5:
            booked = (level - 1, backlog)
        else:
            booked = (level, backlog + 1)
            wait = math.ceil((backlog + 1) / (0.8 * rate) * 1000)
        if wait <= most_ms:
            level, backlog = booked
        state.update(at=self.now, level=level, backlog=backlog)
        return wait

    def govern_refused(self, cap):
        rate = self._rate(cap)
        recent = "rate" in self.governor and self.now - self.governor["refused_at"] < 1000
        if recent and rate < cap:
            return math.floor(rate)
        rate = max(1, rate / 2)
        self.governor.update(rate=rate, refused_at=self.now, at=self.now, level=0)
        return math.floor(rate)

    # --- limits --------------------------------------------------------------------------------

    def limit(self, who, burst, period, charges):
        each = period / burst
        written = self.limits.get(who, 0)
        back_at = min(self.now + period, max(self.now, written))
        new = max(self.now, back_at + charges * each)
        allowed = charges <= 0 or new - self.now <= period
        kept = new if allowed else back_at
        if kept > self.now and (allowed or back_at < written):
            self.limits[who] = kept
        elif kept == self.now:
            self.limits.pop(who, None)
        return [int(allowed), math.floor((self.now + period - kept) / each),
                0 if allowed else math.ceil(new - self.now - period), math.ceil(kept - self.now)]

    # --- what Redis must hold ------------------------------------------------------------------

    def record(self, job):
        """As show answers it."""
        return {"id": job.id, "kind": job.kind, "lane": job.lane, "tenant": job.tenant,
                "worker": job.worker, "refs": " ".join(job.refs), "fault": job.fault,
                "reply": job.reply, "mac": job.mac, "payload": job.payload, "state": job.state,
                "version": job.version, "attempt": str(job.attempt), "max": str(job.max),
                "crashes": str(job.crashes), "deferrals": str(job.deferrals),
                "enqueued": str(job.enqueued), "at": str(job.at), "token": job.token,
                "outcome": job.outcome, "history": "\n".join(job.history),
                "archived": job.archived}

    def lapse(self):
        """Redis forgets what has expired."""
        self.results = {id_: kept for id_, kept in self.results.items() if kept[1] >= self.now}
        self.limits = {who: at for who, at in self.limits.items() if math.ceil(at) >= self.now}
        self.neighbours = {name: state for name, state in self.neighbours.items()
                           if state["until"] >= self.now}
        if self.drainer and self.drainer[1] < self.now:
            self.drainer = None

    def contents(self):
        """Every key below the prefix, as queue_walk.contents reads them from Redis."""
        self.lapse()
        keys = {}

        def put(key, member, value):
            keys.setdefault(key, {})[member] = value

        for job in self.jobs.values():
            record = self.record(job)
            del record["id"]
            keys[f"job:{job.id}"] = {**record, "home": job.home, "group": job.group,
                                     "turn": str(job.turn), "member": job.member,
                                     "member_turn": str(job.member_turn)}
            put(f"{job.state}:{job.queue}", job.id, job.score)
            for ref in set(job.refs) - {job.id}:
                put(f"ref:{ref}", job.id, job.enqueued)
            if job.state == "ready" and job.group == "1":
                put(f"group:{job.queue}:{job.tenant}", job.id, job.score)
            if job.state == "ready" and job.member:
                put(f"members:{job.queue}:{job.tenant}", job.id, job.place)
            if job.state == "dead" and job.archived == "0":
                put("unarchived", job.id, job.score)
        for queue, turns in self.last_turns.items():
            if turns:
                keys[f"turns:{queue}"] = dict(turns)
        for name, state in self.neighbours.items():
            keys[f"neighbour:{name}"] = {key: str(value) for key, value in state.items()}
        for worker, about in self.abouts.items():
            keys[f"worker:{worker}"] = {"about": about}
        for name, value in (("queues", self.queues), ("turn", self.present),
                            ("pass", self.passes), ("paused", self.paused),
                            ("total", self.totals)):
            if value:
                keys[name] = {key: str(number) for key, number in value.items()}
        if self.open:
            keys["open"] = set(self.open)
        if self.workers:
            keys["workers"] = dict(self.workers)
        if self.clock is not None:
            keys["clock"] = {"at": str(self.clock)}
            if self.shifted is not None:
                keys["clock"]["shifted"] = str(self.shifted)
        if self.governor:
            keys["governor"] = {key: float(value) for key, value in self.governor.items()}
        if self.wake:
            keys["wake"] = ["1"] * self.wake
        if self.drainer:
            keys["drainer"] = self.drainer
        if self.token:
            keys["token"] = (str(self.token), -1)
        for who, back_at in self.limits.items():
            keys[f"limit:{who}"] = (f"{back_at:.3f}", math.ceil(back_at))
        for id_, kept in self.results.items():
            keys[f"result:{id_}"] = kept
        return keys
