# SPDX-License-Identifier: MIT
"""Debian's Chromium without a screen, showing one document at a time.

The document comes from a server of our own on the loopback; whatever else the page asks
for is seen in the browser's log of requests, before any name is resolved.
"""

import base64
import http.server
import json
import threading
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

ARGUMENTS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
             "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--hide-scrollbars",
             "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
READING = (Path(__file__).resolve().parent / "reading.js").read_text(encoding="utf-8")


class Chromium:
    def __init__(self, directory):
        self.directory = directory
        self.document = b""
        self.driver = None
        browser = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200 if self.path == "/" else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                if self.path == "/":
                    self.wfile.write(browser.document)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05},
                         daemon=True).start()
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
        for argument in (*ARGUMENTS, f"--user-data-dir={self.directory}"):
            options.add_argument(argument)
        try:
            self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"),
                                           options=options)
        except BaseException:
            self.server.shutdown()
            raise
        return self

    def __exit__(self, *_):
        self.driver.quit()
        self.server.shutdown()
        self.server.server_close()

    def show(self, html, width, scheme="light"):
        """Opens the document as a phone would up to 600 px, and as a desk computer above.
        Returns what reading.js sees, with `requests`: what was asked for besides the
        document itself."""
        self.document = html.encode()
        is_phone = width <= 600
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": 740 if is_phone else 800, "mobile": is_phone,
            "deviceScaleFactor": 2 if is_phone else 1})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": scheme}]})
        self.driver.get_log("performance")
        self.driver.get(self.url)
        seen = self.driver.execute_script(READING)
        asked = [entry["params"]["request"]["url"] for entry in self._log()
                 if entry["method"] == "Network.requestWillBeSent"]
        seen["requests"] = [url for url in asked if url != self.url] + seen["resources"]
        assert self.url in asked, "the log of requests is kept"
        return seen

    def _log(self):
        return [json.loads(line["message"])["message"]
                for line in self.driver.get_log("performance")]

    def is_on_top(self, text):
        """Whether that text is on the first screen, whole, with nothing over it."""
        return self.driver.execute_script("return isOnTop(arguments[0]);", text)

    def screenshot(self, path):
        """The whole document, also what is below the first screen."""
        taken = self.driver.execute_cdp_cmd("Page.captureScreenshot", {
            "captureBeyondViewport": True})
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(taken["data"]))
