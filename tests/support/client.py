# SPDX-License-Identifier: MIT
"""A caller of the front door, as a phone or a web administration is one.

    client = Client(stack.api.url)
    client.login("admin@demo.tocsin.test", password)
    answer = client.post("/api/payments/create-intent", {"amount": 1000, "amicale_id": 1},
                         key="sale-17", prefer="wait=5", language="en")
    assert answer.status == 200 and answer.json["status"] == "requires_payment_method"

Every answer is checked against api/openapi.yaml, and what was asked as well when it was
answered well; `Client(url, openapi=False)` is for tests of something else.
"""

import copy
import http.client
import http.cookies
import json
import ssl
import urllib.parse

from . import event_stream
from .process import wait_until


class Answer:
    """status, headers (get() ignores case), body, and json: None when there is no JSON."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        sort = (self.headers.get("Content-Type") or "").partition(";")[0]
        return json.loads(self.body) if self.body and sort.endswith("json") else None

    @property
    def code(self):
        """Of a problem, for comparing (status, code)."""
        return (self.json or {}).get("code")

    def __repr__(self):
        return f"<{self.status} {self.body[:500].decode('utf-8', 'replace')}>"


class Client:
    """One person's requests, each on a connection of its own: threads may share it.
    `headers` go with every request; `ca_file` is whom to trust with https."""

    def __init__(self, api_url, openapi=True, token=None, headers=None, ca_file=None,
                 timeout_s=60.0):
        self.url = urllib.parse.urlsplit(api_url)
        self.openapi = openapi
        self.token = token
        self.cookie = None
        self.user = None
        self.headers = dict(headers or {})
        self.timeout_s = timeout_s
        self.tls = ssl.create_default_context(cafile=ca_file) if ca_file else None

    def get(self, path, **words):
        return self.request("GET", path, **words)

    def post(self, path, body=None, **words):
        return self.request("POST", path, body, **words)

    def request(self, method, path, body=None, *, key=None, prefer=None, language=None,
                headers=None, timeout_s=None):
        """`body` is what JSON is made of, or bytes to be sent as they are. A header that is
        None is left out."""
        sent = {"Accept": "application/json, application/problem+json, */*;q=0.5",
                "Content-Type": None if body is None else "application/json",
                "Authorization": f"Bearer {self.token}" if self.token else None,
                "Cookie": f"tocsin_session={self.cookie}" if self.cookie else None,
                "Idempotency-Key": key, "Prefer": prefer, "Accept-Language": language,
                **self.headers, **(headers or {})}
        sent = {name: value for name, value in sent.items() if value is not None}
        data = body if body is None or isinstance(body, bytes) \
            else json.dumps(body, ensure_ascii=False).encode()
        answer = self._send(method, path, data, sent, timeout_s or self.timeout_s)
        if self.openapi:
            self._check(method, path, data, sent, answer)
        return answer

    def events(self, path, *, headers=None, timeout_s=None):
        """The events of a stream as they come, (name, what its data says), until it ends.
        `timeout_s` is how long it may be silent."""
        sent = {"Accept": "text/event-stream",
                "Authorization": f"Bearer {self.token}" if self.token else None,
                "Cookie": f"tocsin_session={self.cookie}" if self.cookie else None,
                **self.headers, **(headers or {})}
        sent = {name: value for name, value in sent.items() if value is not None}
        connection = self._connection(timeout_s or self.timeout_s)
        lines = []

        def read(answer):
            while line := answer.readline():
                lines.append(line)
                yield line
        try:
            connection.request("GET", path, None, sent)
            answer = connection.getresponse()
            assert answer.status == 200, Answer(answer.status, answer.headers, answer.read())
            for name, data in event_stream.parse(read(answer)):
                yield name, json.loads(data)
            if self.openapi:
                self._check("GET", path, None, sent,
                            Answer(answer.status, answer.headers, b"".join(lines)))
        finally:
            connection.close()

    def _connection(self, timeout_s):
        if self.url.scheme == "https":
            return http.client.HTTPSConnection(
                self.url.hostname, self.url.port, timeout=timeout_s, context=self.tls)
        return http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=timeout_s)

    def _send(self, method, path, data, headers, timeout_s):
        connection = self._connection(timeout_s)
        try:
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    @staticmethod
    def _check(method, path, data, sent, answer):
        from .openapi import contract
        contract().check_answer(method, path, answer.status, answer.headers, answer.body)
        if answer.status < 300 and method in ("GET", "POST"):
            contract().check_request(method, path, sent, data, answer.body)

    # Whole conversations.

    def login(self, email, password, cookie=False, **words):
        """Signs in and remembers the token, or the cookie; fails when it is refused."""
        answer = self.post("/api/login", {"email": email, "password": password}, **words)
        assert answer.status == 200, answer
        self.user = answer.json["user"]
        if cookie:
            jar = http.cookies.SimpleCookie(answer.headers["Set-Cookie"])
            self.token, self.cookie = None, jar["tocsin_session"].value
        else:
            self.token, self.cookie = answer.json["token"], None
        return answer

    def logout(self):
        """Signs out; what is remembered stays, so that a test can try it."""
        answer = self.post("/api/logout")
        assert answer.status == 204, answer
        return answer

    def nobody(self):
        """The same caller without a session."""
        other = copy.copy(self)
        other.token = other.cookie = other.user = None
        return other

    def job(self, answer):
        """The job that a 202 or a 409 names, as it is now."""
        return self.get(urllib.parse.urlsplit(answer.headers["Location"]).path)

    def wait_job(self, answer, timeout_s=60.0):
        """The job that a 202 names, once it is settled."""
        def settled():
            job = self.job(answer)
            assert job.status == 200, job
            return job.json if job.json["status"] in ("done", "failed") else None
        return wait_until(settled, "the job to be settled", timeout_s, every_s=0.05)
