# SPDX-License-Identifier: MIT
"""A random walk of the scripts and the model, side by side, compared after each step."""

import random

import redis

from queue_model import FIELDS_LEFT_OUT, NEIGHBOURS, Model
from queue_scripts import Kind, New, Settlement

KINDS = [Kind("pay", "webhook", max=4, needs="mariadb"),
         Kind("mail", "mail", max=6, needs="mariadb,smtp"),
         Kind("sync", "sync", max=5, group_max=3),
         Kind("call", "live", max=2, needs="stripe")]
AUDIT = Kind("audit", "backfill", max=9)
LIMITED = ("intents:1", "login:2")
WORKERS = ("w1", "w2", "w3")
STATES = ("ready", "leased", "scheduled", "done", "dead")

# Everything that Redis holds, in one reply. Expired keys are dropped on the way.
DUMP = """
local reply = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
    local type = redis.call('TYPE', key).ok
    local value
    if type == 'hash' then value = redis.call('HGETALL', key)
    elseif type == 'zset' then value = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
    elseif type == 'set' then value = redis.call('SMEMBERS', key)
    elseif type == 'list' then value = redis.call('LRANGE', key, 0, -1)
    else value = redis.call('GET', key) end
    reply[#reply + 1] = {key, type, value, redis.call('PEXPIRETIME', key)}
end
return reply
"""


class Noticed(AssertionError):
    """The scripts and the model differ."""


def contents(queue):
    """Key below the prefix -> value: dicts of hashes (texts) and sorted sets (numbers), lists,
    (text, moment of expiry). Fields that a record leaves out are filled in."""
    keys, prefix = {}, queue.prefix + ":"
    for key, type_, value, until in queue.client.eval(DUMP, 0):
        if not key.startswith(prefix):
            raise Noticed(f"a key without the prefix: {key}")
        name = key[len(prefix):]
        if type_ in ("hash", "zset"):
            pairs = zip(value[::2], value[1::2])
            value = dict(pairs) if type_ == "hash" else {
                member: int(float(score)) for member, score in pairs}
        elif type_ == "string":
            value = (value, until)
        elif type_ == "set":
            value = set(value)
        if name.startswith("job:"):
            value = {**FIELDS_LEFT_OUT, "home": value.get("lane"), **value}
        elif name.startswith("neighbour:"):
            value["until"] = str(until)
        elif name == "governor":
            value = {field: float(number) for field, number in value.items()}
        keys[name] = value
    return keys


def check_states(keys):
    """Needs no model: each record is in exactly one state, its own, and no state holds others."""
    places = {}
    for key, members in keys.items():
        if key.split(":")[0] in STATES:
            for member in members:
                places.setdefault(member, []).append(key)
    for key, record in keys.items():
        if key.startswith("job:"):
            there = places.pop(key[4:], [])
            right = "{state}:{lane}:{kind}".format(**{"kind": "?", "lane": "?", "state": "?",
                                                      **record})
            if there != [right]:
                raise Noticed(f"{key} says {right} and is in {there}")
    if places:
        raise Noticed(f"in states, but without a record: {places}")


class Walk:
    """`step` does one random thing to both. Everything random comes from the seed."""

    def __init__(self, seed, server, queue, listener=None):
        self.random = random.Random(seed)
        self.seed = seed
        self.server = server
        self.queue = queue
        self.listener = listener
        self.model = Model(server.now_ms)
        self.held = {worker: {} for worker in WORKERS}  # what each worker believes to hold
        self.tokens = [("j0", 1), ("none", 7)]          # all that were ever given out
        self.down = {"mariadb"}                         # neighbours that do not answer
        self.names = 24                                 # as many jobs may be there at a time
        self.tenants = "abc"
        self.kinds = KINDS
        self.last_token = 0
        self.steps = 0
        self.trace = []
        self.audits = 0
        self.verbs = {"enqueue": 12, "take": 16, "settle": 18, "release": 2, "beat": 7,
                      "sweep": 10, "pass_time": 12, "jump": 1, "lose_worker": 2, "pause": 2,
                      "resume": 3, "retry": 4, "discard": 2, "trim": 2, "archive": 3,
                      "outdate": 1, "wait": 3, "neighbour": 4, "govern": 1, "govern_refused": 1,
                      "limit": 2, "read": 2, "vanish": 1}
        if seed % 2:  # an unlucky one: jobs are lost more often than settled
            self.verbs.update(settle=6, beat=3, sweep=16, pass_time=18, lose_worker=6, retry=1,
                              discard=0, enqueue=6)
            self.names = 8
        if seed % 4 == 2:  # neighbours stay away, and their probes get lost
            self.verbs.update(take=24, release=7, pause=0, jump=0, neighbour=1)

        if seed % 4 == 3:  # the many phones of one village
            self.tenants, self.kinds = "a", KINDS[2:]
            self.names = 30
            self.verbs.update(enqueue=20, take=20)

    def run(self, steps):
        for _ in range(steps):
            self.step()

    def step(self):
        verb = self.random.choices(list(self.verbs), self.verbs.values())[0]
        self.steps += 1
        self.trace.append(verb)
        try:
            getattr(self, verb)()
            self.compare()
        except redis.ResponseError as error:
            raise Noticed(f"a script failed: {error}\n{self.story()}") from None
        except Noticed as difference:
            raise Noticed(f"{difference}\n{self.story()}") from None

    def story(self):
        last = "\n  ".join(self.trace[-12:])
        return f"seed {self.seed}, step {self.steps}; the last steps:\n  {last}"

    def both(self, verb, *words, **options):
        """Does it to both; the answers must be equal."""
        said = f"{verb} {words} {options}"
        self.trace[-1] = said
        expected = getattr(self.model, verb)(*words, **options)
        answer = getattr(self.queue, verb)(*words, **options)
        if answer != expected:
            raise Noticed(f"{said}\n  answers {answer}\n  not     {expected}")
        return answer

    def compare(self):
        keys = contents(self.queue)
        check_states(keys)
        expected = self.model.contents()
        if keys != expected:
            lines = [f"  {key}:\n    is     {keys.get(key)}\n    not    {expected.get(key)}"
                     for key in sorted({*keys, *expected}) if keys.get(key) != expected.get(key)]
            raise Noticed("Redis holds something else:\n" + "\n".join(lines))
        if self.listener and (self.model.published or self.steps % 25 == 0):
            self.compare_published()

    def compare_published(self):
        prefix, heard = self.queue.prefix + ":settled:", []
        self.listener.ping()
        while True:
            message = self.listener.get_message(timeout=5)
            if message is None:
                raise Noticed("the listener hears nothing")
            if message["type"] == "pong":
                break
            if message["type"] == "pmessage":
                heard.append((message["channel"][len(prefix):], message["data"]))
        if heard != self.model.published:
            raise Noticed(f"published {heard}, not {self.model.published}")
        self.model.published = []

    # --- the steps -----------------------------------------------------------------------------

    def some_id(self):
        return f"j{self.random.randrange(self.names)}"

    def new_job(self):
        kind, id_ = self.random.choice(self.kinds), self.some_id()
        lane = self.random.choice(("", "", "", "live", "sync"))
        return New(id_, kind, lane, self.random.choice(self.tenants),
                   self.random.choice(("", "", "", "x", "y", "z")),
                   mac=self.random.choice(("m", "m", "m", "n", "")),
                   delay_ms=self.random.choice((0, 0, 0, 700, 3000)),
                   reply=self.random.choice(("", "", "r1", "r2")),
                   refs=tuple(self.random.sample((id_, "j1", "pi_1", "pi_2", "acct_1"),
                                                 self.random.randrange(3))))

    def audit(self):
        self.audits += 1
        return self.random.choice((None, New(f"audit:{self.audits}", AUDIT)))

    def enqueue(self):
        self.both("enqueue", *[self.new_job() for _ in range(self.random.randrange(1, 5))])

    def take(self):
        worker = self.random.choice(WORKERS)
        kinds = KINDS + [AUDIT] if self.random.random() < 0.8 else self.random.sample(KINDS, 2)
        quarantine = self.random.choices((0, 1, 2), (5, 4, 1))[0]
        most = {kind.name: self.random.randrange(3) for kind in kinds}
        taken = self.both("take", worker, kinds, live=self.random.randrange(2),
                          general=self.random.randrange(4), quarantine=quarantine,
                          lease_ms=self.random.choice((2500, 9000)),
                          most=self.random.choice((None, None, most)))
        lost = self.random.random() < 0.15
        for job in taken["jobs"]:
            if job["token"] <= self.last_token:
                raise Noticed(f"token {job['token']} after {self.last_token}")
            self.last_token = job["token"]
            self.tokens.append((job["id"], job["token"]))
            if not lost:
                self.held[worker][job["id"]] = job["token"]

    def some_held(self, most=3):
        """Pairs that some worker believes to hold, or a stale one."""
        worker = self.random.choice(WORKERS)
        pairs = list(self.held[worker].items())
        pairs = self.random.sample(pairs, min(len(pairs), self.random.randrange(1, most + 1)))
        if not pairs or self.random.random() < 0.1:
            pairs.append(self.random.choice(self.tokens))
        for id_, _ in pairs:
            self.held[worker].pop(id_, None)
        return pairs

    def settle(self):
        told = []
        for id_, token in self.some_held():
            job = self.model.jobs.get(id_)
            needs = next((set(kind.needs.split(",")) for kind in KINDS
                          if job and kind.name == job.kind), set())
            down = sorted(needs & self.down)
            outcome = self.random.choice(("DONE", "DONE", "LATER", "NEVER", "UNSURE"))
            answered = ",".join(sorted(needs - self.down - {""}))
            one = Settlement(id_, token, outcome, note=f'"outcome":"{outcome}"',
                             answered=self.random.choice(("", answered, answered)),
                             result=self.random.choice(("", "", "sealed result")),
                             delay_ms=self.random.choice((0, 60, 2000)),
                             follow_ups=[self.new_job() for _ in range(self.random.choice(
                                 (0, 0, 1, 2)))])
            if down and self.random.random() < 0.8:
                one.outcome, one.deferred, one.down = "LATER", True, down[0]
                one.answered = ""
            if one.outcome != "DONE":
                one.fault = "stripe 3: refused"
            told.append(one)
        self.both("settle", *told)

    def release(self):
        self.both("release", *self.some_held())

    def beat(self):
        worker = self.random.choice(WORKERS)
        leaving = self.random.random() < 0.1
        lost = self.both("beat", worker, *self.held[worker].items(),
                         lease_ms=self.random.choice((2500, 9000)), leaving=leaving,
                         about=self.random.choice(('{"slots":4}', "{}")))
        self.held[worker] = {} if leaving else {
            id_: token for id_, token in self.held[worker].items() if token not in lost}

    def sweep(self):
        if self.random.random() < 0.1:  # as a release leaves it that knows nothing of it
            self.queue.client.delete(self.queue.key("open"))
            self.model.open = set()
        self.both("sweep", dead_after_ms=self.random.choice((3000, 8000)),
                  most=self.random.choice((1000, 1000, 30, 2)))

    def vanish(self):
        """Somebody deletes the record of a job whose moment has come: the sweep clears up. That
        of a ready one is met by the next who would take it."""
        if self.random.random() < 0.5:
            self.stray()
            return
        states = ["scheduled"]
        if abs(self.model.now - (self.model.clock or 0)) <= 5000:  # else the lease is shifted
            states.append("leased")
        probes = [neighbour["probe"] for neighbour in self.model.neighbours.values()]
        over = [job for state in states for job in self.model.in_state(state)
                if job.score <= self.model.now and job.id not in probes]
        if not over:
            return
        job = self.random.choice(over)
        del self.model.jobs[job.id]
        self.queue.client.delete(self.queue.key("job", job.id))
        for ref in job.refs:
            self.queue.client.zrem(self.queue.key("ref", ref), job.id)
        self.both("sweep")

    def stray(self):
        kinds = {kind.name: kind for kind in KINDS + [AUDIT]}
        ready = [job for job in self.model.in_state("ready") if job.lane != "quarantine" and
                 self.model.is_open(job.lane, kinds[job.kind]) and
                 not self.model.is_shut(kinds[job.kind])[1]]  # else a probe ends the taking
        if not ready:
            return
        job, score = self.random.choice(ready), self.random.choice((0, 1000000))
        if job.member and job.version == "1":
            members = self.queue.key("members", job.queue, job.tenant)
            self.queue.client.zadd(members, {"stray": 0})
        else:
            self.queue.client.zadd(self.queue.key("ready", job.queue), {"stray": score})
        jobs = self.both("take", "w1", KINDS + [AUDIT], general=100)["jobs"]
        for job in jobs:
            self.last_token = job["token"]
            self.tokens.append((job["id"], job["token"]))
            self.held["w1"][job["id"]] = job["token"]

    def set_time(self, now_ms):
        self.trace[-1] += f" to {now_ms}"
        self.server.now_ms = self.model.now = now_ms
        # Redis forgets an expired key when it is asked for, or at leisure: ask, lest time
        # that goes back brings it to life again.
        for id_ in self.model.results:
            self.queue.client.exists(self.queue.key("result", id_))
        for name in NEIGHBOURS:
            self.queue.client.exists(self.queue.key("neighbour", name))
        self.queue.client.exists(self.queue.key("drainer"))
        self.model.lapse()

    def pass_time(self):
        self.set_time(self.model.now + self.random.choice((1, 40, 300, 1100, 2600, 4000)))

    def jump(self):
        # A key that has expired is there until somebody looks at it: before time goes back.
        self.queue.client.exists(*[self.queue.key("limit", who) for who in LIMITED])
        self.set_time(self.model.now + self.random.choice((-3600000, -7000, 9000, 60000, 1000000)))

    def lose_worker(self):
        worker = self.random.choice(WORKERS)
        self.trace[-1] += f" {worker}"
        self.held[worker] = {}

    def what(self):
        return self.random.choice(("all", "lane:webhook", "lane:live", "kind:mail", "kind:sync"))

    def pause(self):
        self.both("pause", self.what(), why=self.random.choice(("", "two\nlines")),
                  audit=self.audit())

    def resume(self):
        what = self.random.choice(list(self.model.paused) or ["all"])
        self.both("resume", what, audit=self.audit())

    def id_in(self, *states):
        ids = [job.id for job in self.model.jobs.values() if job.state in states]
        return self.random.choice(ids) if ids and self.random.random() < 0.9 else self.some_id()

    def retry(self):
        self.both("retry", self.id_in("dead", "scheduled"), audit=self.audit())

    def discard(self):
        self.both("discard", self.id_in("ready", "scheduled", "dead"), audit=self.audit())

    def trim(self):
        self.both("trim", keep_count=self.random.choice((3, 1000)),
                  keep_ms=self.random.choice((2000, 1 << 40)),
                  dead_keep_ms=self.random.choice((500, 60000)),
                  most=self.random.choice((2, 100)))

    def archive(self):
        dead = self.both("unarchived", most=self.random.choice((1, 3)))
        self.both("archived", *[(record["id"], int(record["at"]) - self.random.choice((0, 0, 1)))
                                for record in dead])

    def outdate(self):
        """Another release, which writes another version, enqueued this one."""
        id_ = self.id_in("ready")
        job = self.model.jobs.get(id_)
        if job and job.state == "ready":
            self.trace[-1] += f" {id_}"
            job.version = "9"
            self.queue.client.hset(self.queue.key("job", id_), "version", "9")

    def wait(self):
        popped = self.queue.client.lpop(self.queue.key("wake"))
        if (popped is None) != (self.model.wake == 0):
            raise Noticed(f"the wake list gave {popped}")
        self.model.wake = max(0, self.model.wake - 1)

    def neighbour(self):
        self.down ^= {self.random.choice(NEIGHBOURS)}
        self.trace[-1] += f" down: {sorted(self.down)}"

    def govern(self):
        chance = self.random.random()
        self.both("govern", 5, live=chance < 0.5, most_ms=10**9 if chance < 0.8 else 300)

    def limit(self):
        self.both("limit", self.random.choice(LIMITED), 4, 20_000, self.random.choice((1, 1, 1, 1, 2, -1, -3, 0)))

    def govern_refused(self):
        self.both("govern_refused", 5)

    def read(self):
        """What operators see agrees with the model: counts, and pages that cover a state."""
        for row in self.queue.stats()["queues"]:
            for state in STATES:
                there = len(self.model.in_state(state, f"{row['lane']}:{row['kind']}"))
                if row[state] != there:
                    raise Noticed(f"stats counts {row}, not {there} {state}")
        self.both("find", self.random.choice(("j1", "pi_1", "pi_2", self.some_id())),
                  most=self.random.choice((1, 10)))
        state, tenant = self.random.choice(STATES), self.random.choice(("", "a"))
        seen, cursor = [], ""
        while True:
            page, cursor, _ = self.queue.list(state, tenant=tenant, cursor=cursor, most=3, scan=4)
            seen += [record["id"] for record in page]
            if not cursor:
                break
        there = [job.id for job in self.model.in_state(state) if tenant in ("", job.tenant)]
        if sorted(seen) != sorted(there):
            raise Noticed(f"list {state} shows {seen}, not {there}")
        if state in ("scheduled", "leased") and seen != there:
            raise Noticed(f"list {state} is in the order {seen}, not {there}")
