# SPDX-License-Identifier: MIT
"""The scripts of schema/queue/ as the tests call them, whole or with one write taken out."""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

import redis

SCRIPTS = Path(__file__).resolve().parents[3] / "schema" / "queue"
RECORD = ("id kind lane tenant worker refs fault reply mac payload state version attempt max "
          "crashes deferrals enqueued at token outcome history archived").split()
RESULT = "state kind attempt enqueued result left_out discarded".split()
TAKEN = ("id kind lane tenant payload token attempt crashes deferrals enqueued lease_end reply "
         "group").split()


@dataclass(frozen=True)
class Kind:
    name: str
    lane: str = "webhook"
    max: int = 5
    group_max: int = 1
    needs: str = ""


@dataclass
class New:
    """A job to enqueue."""
    id: str
    kind: Kind
    lane: str = ""
    tenant: str = "-"
    member: str = ""
    payload: str = "sealed"
    mac: str = "m"
    delay_ms: int = 0
    reply: str = ""
    refs: tuple = ()

    def argv(self):
        return [self.id, self.kind.name, self.lane or self.kind.lane, self.tenant, self.payload,
                self.mac, self.delay_ms, self.reply, self.kind.max,
                1 if self.kind.group_max > 1 else 0, self.kind.needs, self.member, len(self.refs),
                *self.refs]


@dataclass
class Settlement:
    id: str
    token: int
    outcome: str = "DONE"
    delay_ms: int = 0
    deferred: bool = False
    down: str = ""
    answered: str = ""
    fault: str = ""
    note: str = '"outcome":"X"'
    result: str = ""
    follow_ups: list = field(default_factory=list)

    def argv(self):
        words = [self.id, self.token, self.outcome, self.delay_ms, int(self.deferred), self.down,
                 self.answered, self.fault, self.note, self.result, len(self.follow_ups)]
        for job in self.follow_ups:
            words += job.argv()
        return words


def sources(read=Path.read_text):
    """Name -> text of each script, lib.lua among them, as they stand in schema/queue/."""
    return {path.stem: read(path) for path in sorted(SCRIPTS.glob("*.lua"))}


def assembled(texts):
    """Name -> what is sent to Redis: lib.lua put in behind the first line."""
    whole = {}
    for name, text in texts.items():
        if name != "lib":
            first, rest = text.split("\n", 1)
            whole[name] = f"{first}\n{texts['lib']}{rest}"
    return whole


def rows(flat, names):
    """Items of a flat reply as dicts."""
    width = len(names)
    return [dict(zip(names, flat[i:i + width])) for i in range(0, len(flat), width)]


class Queue:
    """Each verb of the queue as a method, on one partition."""

    def __init__(self, client, prefix="{tocsin}", texts=None):
        self.client = client
        self.prefix = prefix
        self.scripts = {name: (text, hashlib.sha1(text.encode()).hexdigest())
                        for name, text in assembled(texts or sources()).items()}

    def call(self, script, *words):
        text, sha1 = self.scripts[script]
        try:
            return self.client.evalsha(sha1, 1, self.prefix, *words)
        except redis.exceptions.NoScriptError:
            self.client.script_load(text)
            return self.client.evalsha(sha1, 1, self.prefix, *words)

    def key(self, *parts):
        return ":".join((self.prefix, *parts))

    def enqueue(self, *jobs):
        return self.call("enqueue", len(jobs), *[word for job in jobs for word in job.argv()])

    def take(self, worker, kinds, live=0, general=0, quarantine=0, lease_ms=10000, most=None):
        words = [worker, live, general, int(quarantine), lease_ms]
        for kind in kinds:
            share = 1000 if most is None else most.get(kind.name, 1000)
            words += [kind.name, share, kind.group_max, kind.needs]
        reply = self.call("take", *words)
        jobs = rows(reply[4:], TAKEN)
        assert reply[3] == len(jobs)
        return {"put_aside": reply[0], "quarantine_waits": reply[1], "next_due": reply[2],
                "jobs": jobs}

    def settle(self, *settlements):
        words = [word for settlement in settlements for word in settlement.argv()]
        reply = self.call("settle", len(settlements), *words)
        return [tuple(reply[i:i + 3]) for i in range(0, len(reply), 3)]

    def release(self, *held):
        return self.call("release", *[word for pair in held for word in pair])

    def beat(self, worker, *held, lease_ms=10000, leaving=False, about="{}"):
        return self.call("beat", worker, about, lease_ms, int(leaving),
                         *[word for pair in held for word in pair])

    def sweep(self, dead_after_ms=8000, most=1000):
        return dict(zip("due expired recovered poisoned shifted more".split(),
                        self.call("sweep", dead_after_ms, most)))

    def trim(self, keep_count=1000, keep_ms=1 << 40, dead_keep_ms=1 << 40, most=100):
        return self.call("trim", keep_count, keep_ms, dead_keep_ms, most)

    @staticmethod
    def records(reply):
        found = rows(reply[3:], RECORD)
        assert reply[2] == len(found)
        for record in found:
            for name in ("attempt", "crashes", "deferrals"):
                record[name] = record[name] or "0"  # left out until it counts
        return found

    def unarchived(self, most=100):
        return self.records(self.call("unarchived", most))

    def archived(self, *dead):
        return self.call("archived", *[word for pair in dead for word in pair])

    def show(self, id_):
        found = self.records(self.call("show", id_))
        return found[0] if found else None

    def results(self, *ids):
        found = rows(self.call("results", *ids), RESULT)
        assert len(found) == len(ids)
        return found

    def find(self, ref, most=10):
        return self.records(self.call("find", ref, most))

    def list(self, state, lane="", kind="", tenant="", cursor="", most=10, scan=1000):
        """(records, cursor, partial)"""
        reply = self.call("list", state, lane, kind, tenant, cursor, most, scan)
        return self.records(reply), reply[0], reply[1]

    def stats(self):
        flat = self.call("stats")
        result, at = {"now": flat[0]}, 1
        for section, names in (
                ("queues", "lane kind ready leased scheduled done dead oldest paused waits_for"),
                ("neighbours", "name failures down_since fault"),
                ("workers", "name about age"),
                ("pauses", "what by why since"),
                ("totals", "name number")):
            names = names.split()
            count = flat[at]
            result[section] = rows(flat[at + 1:at + 1 + count * len(names)], names)
            at += 1 + count * len(names)
        assert at == len(flat)
        return result

    def retry(self, id_, who="ada", why="because", audit=None):
        return self._deed("retry", id_, who, why, audit)

    def discard(self, id_, who="ada", why="because", audit=None):
        return self._deed("discard", id_, who, why, audit)

    def pause(self, what, who="ada", why="because", audit=None):
        return self._deed("pause", "pause", what, who, why, audit)

    def resume(self, what, who="ada", why="because", audit=None):
        return self._deed("pause", "resume", what, who, why, audit)

    def _deed(self, script, *words):
        audit = words[-1]
        return tuple(self.call(script, *words[:-1], 0 if audit is None else 1,
                               *(audit.argv() if audit else ())))

    def govern(self, rate, live=False, most_ms=10**9):
        return self.call("govern", rate, int(live), most_ms)

    def limit(self, who, burst, period_ms, charges):
        """[allowed, remaining, retry_after_ms, reset_ms]"""
        return self.call("limit", who, burst, period_ms, charges)

    def govern_refused(self, rate):
        return self.call("govern_refused", rate)


# --- taking single writes out ------------------------------------------------------------------

WRITE = re.compile(r"redis\.call\((\s*)'(HSET|HDEL|HINCRBY|SET|DEL|PEXPIRE|ZADD|ZREM|"
                   r"ZREMRANGEBYSCORE|SADD|SREM|RPUSH|PUBLISH)'")
CALL = re.compile(r"redis\.(p?call)\((\s*)'([A-Z]+)'")
MOVE = re.compile(r"(?<!function )\b(zadd|zrem)\(")  # lib.lua's own
READ = set("TIME SMEMBERS LLEN HGET HMGET HGETALL HKEYS GET ZSCORE ZMSCORE ZCARD ZCOUNT ZRANGE ZRANGEBYSCORE "
           "EXISTS".split())


@dataclass(frozen=True)
class Mutation:
    script: str  # lib or a verb
    number: int  # of the write in that file, from 1
    write: str   # its source line, trimmed
    start: int   # where its call stands in the file

    def __str__(self):
        return f"{self.script} {self.number}: {self.write}"


def mutations(texts):
    """Every write of every script. A call that is neither a known write nor a known read is
    an error, so that none escapes the list."""
    found = []
    for name, text in texts.items():
        calls = {match.start() for match in CALL.finditer(text)}
        assert len(re.findall(r"redis\.p?call\(", text)) == len(calls), name
        writes = list(WRITE.finditer(text))
        for match in CALL.finditer(text):
            known = match.start() in {write.start() for write in writes}
            assert known or match.group(3) in READ, f"{name}: {match.group(0)}"
        writes = sorted([*writes, *MOVE.finditer(text)], key=lambda match: match.start())
        for number, match in enumerate(writes, 1):
            line = text[text.rfind("\n", 0, match.start()) + 1:text.find("\n", match.start())]
            found.append(Mutation(name, number, line.strip(), match.start()))
    return found


def mutated(texts, mutation):
    """The scripts with that one write taken out: it answers 0 and does nothing."""
    text = texts[mutation.script]
    after = re.sub(r"[\w.]+\(", "(function() return 0 end)(", text[mutation.start:], count=1)
    return {**texts, mutation.script: text[:mutation.start] + after}
