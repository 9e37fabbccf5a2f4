# SPDX-License-Identifier: MIT
"""Sessions: login, what a token opens, how it ends, and what limits those who guess."""

import json

import pytest

from support.client import Client
from support.seed import ADMIN_EMAIL, OPERATOR_EMAIL, POMPIER_EMAIL, seed_demo


def test_a_session_lives_from_login_to_logout(stack):
    ids = seed_demo(stack)
    client = Client(stack.api.url)
    answer = client.login(POMPIER_EMAIL, stack.demo_password)
    assert answer.json["user"] == {"id": ids["pompier_id"], "role": "pompier",
                                   "amicale_id": ids["amicale_id"]}
    shown = client.get("/api/session")
    assert shown.status == 200
    assert shown.json == {"user": answer.json["user"], "expires_at": answer.json["expires_at"]}
    assert client.logout().body == b""
    gone = client.get("/api/session")
    assert (gone.status, gone.code) == (401, "unauthenticated")
    assert stack.sql_one("SELECT COUNT(*) FROM sessions") == 0
