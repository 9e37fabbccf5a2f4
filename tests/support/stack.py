# SPDX-License-Identifier: MIT
"""Everything together in one directory: servers, settings, secrets, programs.

A Stack remembers its ports and secrets in DIR/stack.json, so that another process can
take hold of the same one: ./dev up starts it, ./dev restart and ./dev down find it again.
"""

import base64
import json
import os
import secrets
from pathlib import Path

from .events import encode, sign
from .process import free_port, start_all, stop_all, wait_until
from .programs import Api, Stripesim, Worker, run_tocsin
from .servers import Mail, MariaDB, Redis, secret

DATABASE = "tocsin"
WRITER = "tocsin"
READER = "tocsin_reader"
# The shortest lease that there is, with limits that are shorter still, as they must be.
SHORT_LEASE = {"worker.lease_ms": 5000, "stripe.total_ms": 4000, "mail.total_ms": 4000}


def key_ring():
    """A fresh key file, as common/base/seal.h describes it."""
    def key():
        return base64.b64encode(secrets.token_bytes(32)).decode()
    return f"1 {key()}\nindex {key()}\n"


class Stack:
    """Redis, MariaDB, mail, Stripe simulator, api and workers.

    `settings` are further lines of the settings file ({"worker.slots": 4}); `mariadb` lends
    a running server instead of an own one; `mail_options` go to Mail."""

    def __init__(self, directory, settings=None, workers=1, mariadb=None, mail_options=None,
                 redis_options=(), api_port=0, worker_binary=None):
        self.dir = Path(directory)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.secrets = self.dir / "secrets"
        self.config = self.dir / "tocsin.conf"
        state = self._recall(api_port)
        self.webhook_secret = state["webhook_secret"]
        self.connect_webhook_secret = state["connect_webhook_secret"]
        self.stripe_key = state["stripe_key"]
        self.db_password = state["db_password"]
        self.reader_password = state["reader_password"]
        self.demo_password = state["demo_password"]
        self.extra = dict(settings or state.get("settings", {}))

        self.redis = Redis(self.dir, options=redis_options)
        self.owns_mariadb = mariadb is None
        self.mariadb = mariadb or MariaDB(self.dir)
        self.mail = Mail(self.dir, port=state["mail_port"], **(mail_options or {}))
        self.api = Api(self.dir, self.config, port=state["api_port"])
        self.stripesim = Stripesim(
            self.dir, f"{self.api.url}/api/stripe/webhook",
            self.secrets / "webhook", self.secrets / "connect_webhook",
            port=state["stripesim_port"])
        self.workers = [
            Worker(self.config, f"worker{number}", binary=worker_binary)
            for number in range(1, workers + 1)]

    # What is remembered.

    def _recall(self, api_port):
        memory = self.dir / "stack.json"
        if memory.exists():
            state = json.loads(memory.read_text())
        else:
            state = {
                "webhook_secret": "whsec_" + secret(),
                "connect_webhook_secret": "whsec_" + secret(),
                # A key of the simulator: it has the form that Stripe's test keys have.
                "stripe_key": "sk_test_" + secret(),
                "db_password": secret(),
                "reader_password": secret(),
                "demo_password": secret(),
                "api_port": api_port or free_port(),
                "mail_port": free_port(),
                "stripesim_port": free_port(),
            }
        if api_port:
            state["api_port"] = api_port
        self.write_private(memory, json.dumps(state, indent=1) + "\n")
        return state

    @staticmethod
    def write_private(path, text):
        """A file that only its owner reads."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w",
                  encoding="utf-8") as file:
            file.write(text)

    def write_config(self):
        """The secrets' files (kept when there) and the settings file."""
        for name, text in (("redis_keys", key_ring()), ("pii_keys", key_ring()),
                           ("webhook", self.webhook_secret + "\n"),
                           ("connect_webhook", self.connect_webhook_secret + "\n"),
                           ("stripe_key", self.stripe_key + "\n"),
                           ("db", self.db_password + "\n"),
                           ("db_reader", self.reader_password + "\n"),
                           ("demo_password", self.demo_password + "\n")):
            if not (self.secrets / name).exists():
                self.write_private(self.secrets / name, text)
        settings = {
            "redis.address": self.redis.address,
            "mariadb.socket": self.mariadb.socket,
            "mariadb.database": DATABASE,
            "mariadb.user": WRITER,
            "mariadb.password_file": self.secrets / "db",
            "mariadb.reader_user": READER,
            "mariadb.reader_password_file": self.secrets / "db_reader",
            "seal.keys_file": self.secrets / "redis_keys",
            "seal.pii_keys_file": self.secrets / "pii_keys",
            "api.listen": f"127.0.0.1:{self.api.port}",
            "api.redis_ms": 1000,  # however much else the machine has to do
            "stripe.api_base": self.stripesim.url,
            "stripe.secret_key_file": self.secrets / "stripe_key",
            "stripe.publishable_key": "pk_test_tocsin",
            "stripe.public_url": self.api.url,
            "stripe.webhook_secrets_file": self.secrets / "webhook",
            "stripe.connect_webhook_secrets_file": self.secrets / "connect_webhook",
            "mail.host": "127.0.0.1",
            "mail.port": self.mail.port,
            "mail.tls": self.mail.tls,
            "mail.from": "recus@tocsin.test",
            "mail.total_ms": 10000,  # after a crash a receipt waits for twice as long
            "worker.plans": "false",  # jobs that come by themselves are for tests of them
        }
        if self.mail.tls != "none":
            settings["mail.ca_file"] = self.mail.ca_file
        if self.mail.login:
            self.write_private(self.secrets / "mail", self.mail.login[1] + "\n")
            settings["mail.username"] = self.mail.login[0]
            settings["mail.password_file"] = self.secrets / "mail"
        settings.update(self.extra)
        sections = {}
        for key, value in settings.items():
            section, _, name = key.partition(".")
            sections.setdefault(section, []).append(f"{name} = {value}")
        self.write_private(self.config, "\n".join(
            f"[{section}]\n" + "\n".join(lines) + "\n"
            for section, lines in sections.items()))

    # Starting and stopping.

    def start_servers(self):
        self.write_config()
        for server in (self.redis, self.mail, self.mariadb):
            if server.pid is None:
                server.start()

    def create_database(self, keep=False):
        """A fresh database; with `keep`, only when there is none."""
        if keep and self.sql("SHOW DATABASES LIKE %s", (DATABASE,), database=None):
            return
        self.mariadb.create(DATABASE, (WRITER, self.db_password),
                            (READER, self.reader_password))

    def migrate(self):
        self.tocsin("migrate")

    def start(self):
        """Everything, with a fresh and migrated database."""
        self.start_servers()
        self.create_database()
        self.migrate()
        self.start_programs()
        return self

    def start_programs(self):
        start_all(self.programs())
        if self.redis.pid is not None:
            self.api.wait_redis()

    def programs(self):
        return [self.stripesim, self.api, *self.workers]

    def servers(self):
        """Those that are its own."""
        return [self.mail, *([self.mariadb] if self.owns_mariadb else []), self.redis]

    def processes(self):
        """In the order of stopping."""
        return [*self.programs(), *self.servers()]

    def stop(self):
        """Stops all, also when one of them fails to stop well, and tells the first failure."""
        stop_all(self.programs(), self.servers())

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            for process in self.processes():
                if process.pid is not None:
                    process.kill9()
            raise

    def __exit__(self, *error):
        self.stop()

    # Asking and looking inside.

    def post(self, event):
        """Sends an event as Stripe does; the status that it gets."""
        body = encode(event)
        secret = (self.connect_webhook_secret if event.get("account")
                  else self.webhook_secret)
        return self.api.post_event(body, sign(body, secret))

    def tocsin(self, *words, **options):
        return run_tocsin(self.config, *words, **options)

    def sql(self, query, values=(), database=DATABASE):
        """All rows of one statement, as root."""
        with self.mariadb.client(database=database) as connection, \
                connection.cursor() as cursor:
            cursor.execute(query, values)
            return cursor.fetchall()

    def sql_one(self, query, values=()):
        """The only value of the only row."""
        ((value,),) = self.sql(query, values)
        return value

    def is_quiet(self):
        """Whether no job waits or runs, and no webhook is on its way. Webhooks make jobs,
        and jobs make webhooks: there were no jobs between two looks at the same webhooks."""
        before = self.stripesim.control("idle?wait_ms=1000")
        return before["idle"] and not self.has_jobs() \
            and before == self.stripesim.control("idle?wait_ms=0")

    def has_jobs(self, states=("ready", "leased", "scheduled")):
        """Whether any job is in one of these states, in all queues at one moment."""
        with self.redis.client(decode_responses=True) as redis:
            queues = redis.hkeys("{tocsin}:queues")
            pipe = redis.pipeline(transaction=True)
            pipe.hlen("{tocsin}:queues")
            for queue in queues:
                for state in states:
                    pipe.zcard(f"{{tocsin}}:{state}:{queue}")
            known, *counts = pipe.execute()
        return known != len(queues) or any(counts)

    def all_walked(self):
        """As if catch-up had been through everything, so that it holds no run back."""
        self.sql("DELETE FROM event_cursors")
        self.sql("INSERT INTO event_cursors (account, walk, complete_until)"
                 " VALUES ('', 'money', '2999-01-01'), ('', 'accounts', '2999-01-01')")
        self.sql("INSERT INTO event_cursors (account, walk, complete_until)"
                 " SELECT stripe_account_id, 'accounts', '2999-01-01' FROM stripe_accounts"
                 " WHERE stripe_account_id IS NOT NULL")

    def wait_sql(self, query, expected, values=(), timeout_s=60.0):
        """Polls until the one value of the query is the expected one."""
        last = []

        def arrived():
            last[:] = [self.sql_one(query, values)]
            return last[0] == expected
        try:
            wait_until(arrived, query, timeout_s)
        except TimeoutError:
            raise AssertionError(f"{query} gives {last[0]!r}, not {expected!r}, "
                                 f"after {timeout_s:g} s") from None
