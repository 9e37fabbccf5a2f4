# SPDX-License-Identifier: MIT
"""The harness itself: what the other tests rely on."""

import smtplib

import pymysql
import pytest

from support.process import Process, ProcessError, wait_until
from support.servers import Mail


def test_redis_is_as_durable_as_the_programs_demand(redis_server):
    with redis_server.client(decode_responses=True) as client:
        asked = client.config_get("append*")
        assert asked["appendonly"] == "yes"
        assert asked["appendfsync"] == "always"
        assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"


def test_redis_killed_and_started_again_still_knows_what_it_acknowledged(redis_server):
    with redis_server.client() as client:
        client.set("told", "kept")
    redis_server.kill9()
    redis_server.start()
    with redis_server.client() as client:
        assert client.get("told") == b"kept"


def test_mariadb_killed_and_started_again_still_knows_what_it_committed(own_mariadb):
    own_mariadb.create("tocsin", ("tocsin", "one"), ("tocsin_reader", "two"))
    with own_mariadb.client("tocsin", "one", "tocsin") as writer, writer.cursor() as cursor:
        cursor.execute("CREATE TABLE told (word TEXT)")
        cursor.execute("INSERT INTO told VALUES ('kept')")
    own_mariadb.kill9()
    own_mariadb.start()
    with own_mariadb.client("tocsin_reader", "two", "tocsin") as reader, \
            reader.cursor() as cursor:
        cursor.execute("SELECT word FROM told")
        assert cursor.fetchall() == (("kept",),)
        with pytest.raises(pymysql.err.OperationalError, match="denied"):
            cursor.execute("DELETE FROM told")


def _send(mail, to="buyer@example.org", text="Merci"):
    with smtplib.SMTP("127.0.0.1", mail.port, timeout=10) as client:
        client.sendmail("recus@tocsin.test", [to],
                        f"Subject: Bonjour\r\nTo: {to}\r\n\r\n{text}\r\n".encode())


def test_mail_keeps_one_file_for_each_message(workdir):
    with Mail(workdir) as mail:
        _send(mail, text="un")
        _send(mail, text="deux")
        first, second = mail.messages()
        assert first["Delivered-To"] == "buyer@example.org"
        assert first.get_content().strip() == "un"
        assert second.get_content().strip() == "deux"


def test_mail_refuses_as_often_as_it_is_told_and_then_accepts(workdir):
    with Mail(workdir) as mail:
        mail.fault(rcpt=(451, "busy"), times=1)
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            _send(mail)
        _send(mail)
        assert len(mail.files()) == 1
        mail.fault(data=(554, "no"), to="someone.else")
        _send(mail)
        assert len(mail.files()) == 2


@pytest.mark.parametrize(("drop", "kept"), [("lost", 0), ("kept", 1)])
def test_mail_drops_the_connection_after_the_message(workdir, drop, kept):
    with Mail(workdir) as mail:
        mail.fault(drop=drop)
        with pytest.raises(smtplib.SMTPServerDisconnected):
            _send(mail)
        assert len(mail.files()) == kept


def test_mail_demands_tls_and_a_password_when_it_has_them(workdir):
    with Mail(workdir, tls="starttls", login=("tocsin", "secret")) as mail:
        with pytest.raises(smtplib.SMTPSenderRefused):
            _send(mail)
        with smtplib.SMTP("127.0.0.1", mail.port, timeout=10) as client:
            client.starttls()
            with pytest.raises(smtplib.SMTPAuthenticationError):
                client.login("tocsin", "wrong")
            client.login("tocsin", "secret")
            client.sendmail("a@tocsin.test", ["b@example.org"], b"Subject: x\r\n\r\ny\r\n")
        assert len(mail.files()) == 1


class Shell(Process):
    def __init__(self, directory, script):
        super().__init__(directory, "shell")
        self.script = script

    def argv(self):
        return ["sh", "-c", self.script]

    def is_ready(self):
        return "up" in self.log_text()


def test_a_process_that_ends_while_starting_is_reported_with_its_log(workdir):
    with pytest.raises(ProcessError, match="no such key"):
        Shell(workdir, "echo no such key; exit 3").start()


def test_a_sanitizer_report_in_the_log_fails_the_stop(workdir):
    shell = Shell(workdir, "echo up; echo 'ERROR: AddressSanitizer: x'; exec sleep 60")
    shell.clean_exits = (-15,)
    shell.start()
    with pytest.raises(ProcessError, match="sanitizer"):
        shell.stop()


def test_a_pid_file_of_a_process_that_is_gone_names_nobody(workdir):
    shell = Shell(workdir, "echo up; exec sleep 60").start()
    kept = shell.pid_file.read_text()
    shell.kill9()
    shell.pid_file.write_text(kept)
    stranger = Shell(workdir, "")
    wait_until(lambda: stranger.pid is None, "the pid to be seen as gone", 5)
