# SPDX-License-Identifier: MIT
"""Receipts over TLS and with a login: what is agreed on, and what is refused."""

import pytest

from money_room import MoneyRoom, paid


@pytest.fixture
def room(workdir, mariadb_server, request):
    room = MoneyRoom(workdir, mariadb_server, **getattr(request, "param", {})).start()
    room.mail.start()
    yield room
    room.stop()


SECURE = {"login": ("tocsin", "motdepasse")}


@pytest.mark.parametrize("room", [{"mail_options": {"tls": "starttls", **SECURE}},
                                  {"mail_options": {"tls": "implicit"}}],
                         indirect=True, ids=["starttls and login", "implicit"])
def test_mail_goes_over_tls_with_a_login(room):
    life, _ = paid(room)
    answer = room.handle.receipt("receipt", life.id)
    assert answer["outcome"] == "DONE", answer
    assert len(room.mail.files()) == 1


@pytest.mark.parametrize("room", [{"mail_options": {"tls": "starttls", **SECURE}}],
                         indirect=True)
def test_a_login_that_is_refused_pauses_mail_and_kills_nothing(room):
    life, _ = paid(room)
    (room.stack.secrets / "mail").write_text("wrong\n")
    other = room.open()
    answer = other.receipt("receipt", life.id)
    assert (answer["outcome"], answer["neighbour"]) == ("LATER", "smtp")
    assert "login" in answer["fault"]
    assert room.mail.files() == []


@pytest.mark.parametrize("room", [
    {"mail_options": {"tls": "starttls", **SECURE},
     "settings": {"mail.ca_file": "/etc/ssl/certs/ca-certificates.crt"}}], indirect=True)
def test_a_server_with_a_strange_certificate_gets_no_mail(room):
    life, _ = paid(room)
    answer = room.handle.receipt("receipt", life.id)
    assert (answer["outcome"], answer["neighbour"]) == ("LATER", "smtp")
    assert "TLS" in answer["fault"]
    assert room.mail.files() == []


def test_starttls_is_not_negotiable(room):
    """A server that offers no TLS gets nothing when the settings want it."""
    life, _ = paid(room)
    room.stack.extra["mail.tls"] = "starttls"
    room.stack.write_config()
    answer = room.open().receipt("receipt", life.id)
    assert (answer["outcome"], answer["neighbour"]) == ("LATER", "smtp")
    assert room.mail.files() == []
