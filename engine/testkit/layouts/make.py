#!/usr/bin/env python3
"""Makes the files of an older layout: make.py PROGRAM LAYOUT, with the program that wrote that layout.

The program serves here, and users live with it through its own API and its own phones. Then layout-N.sql is a dump of
its SQLite file, and layout-N.records is the program's own export of that file. Needs sqlite3.
"""

import base64
import contextlib
import http.server
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request

PROGRAM, LAYOUT = os.path.abspath(sys.argv[1]), sys.argv[2]
HERE = pathlib.Path(__file__).resolve().parent
FOLDER = pathlib.Path(tempfile.mkdtemp())
SCOPE = "add:authenticators"
SECRETS = {"demo": "a-secret-for-tests-only", "shop": "another-secret-for-tests"}


class Webhook(http.server.BaseHTTPRequestHandler):
    """Refuses calls about a report, and leaves the one about the user `held` without an answer."""

    held = threading.Event()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        if '"held"' in body:
            self.held.set()
            threading.Event().wait()
        self.send_response(503 if "push.reported" in body else 200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def configuration(webhook):
    tenants = "".join(
        f"""
[[tenants]]
id = "{tenant}"
secret_keys = ["{secret}"]
[tenants.push]
challenge_lifetime_seconds = 600
{more}
"""
        for (tenant, secret), more in zip(
            SECRETS.items(),
            [
                'custom_public = ["amount", "currency", "payee"]',
                f'webhook_url = "http://127.0.0.1:{webhook}/"\nwebhook_allow_hosts = ["127.0.0.1"]\nnumber_match = 2',
            ],
        )
    )
    return f"""
[server]
listen = "127.0.0.1:0"
data_dir = "{FOLDER}"
[operations]
listen = "off"
[store]
url = "sqlite:{FOLDER}/store"
{tenants}"""


def call(method, path, body=None, tenant="demo", token=None):
    request = urllib.request.Request(URL + path, method=method, data=json.dumps(body or {}).encode())
    request.add_header("content-type", "application/json")
    if token:
        request.add_header("authorization", f"Bearer {token}")
    else:
        request.add_header("authorization", "Basic " + base64.b64encode(f"{SECRETS[tenant]}:".encode()).decode())
    try:
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"{method} {path}: {error.read().decode()}") from error


def track(user, action="signIn", tenant="demo", **body):
    return call("POST", f"/v1/users/{user}/actions/{action}", body, tenant)


def phone(name, *words, tenant="demo"):
    command = [PROGRAM, "phone", "--url", f"{URL}/v1", "--tenant", tenant, "--key-file", str(FOLDER / f"{name}.json")]
    subprocess.run([*command, *words], check=True, stdout=subprocess.DEVNULL)


def enroll(user, name, *options, tenant="demo"):
    phone(name, "enroll", "--token", track(user, "enroll", tenant, scope=SCOPE)["token"], "--name", name, *options, tenant=tenant)


def ask(user, action="signIn", tenant="demo", **body):
    token = track(user, action, tenant, **body)["token"]
    return token, call("POST", "/v1/client/challenge/push", token=token)


def decide(user, name, choice, action="signIn", tenant="demo", **body):
    token, started = ask(user, action, tenant, **body)
    number = ["--number", started["number"]] if choice == "approve" and "number" in started else []
    phone(name, choice, *number, tenant=tenant)
    return token


def hold():
    with contextlib.suppress(OSError):
        ask("held", tenant="shop")


def live():
    call("PATCH", "/v1/users/Ann", {"email": "Ann.Lee@Example.COM", "username": "ann", "displayName": "Ann Lee",
                                    "phoneNumber": "+4915112345678", "custom": {"plan": "gold"}})
    enroll("Ann", "ann-p256", "--algorithm", "es256")
    enroll("Ann", "ann-ed25519", "--algorithm", "ed25519", "--signing", "statement-v1")
    decide("Ann", "ann-p256", "approve", ipAddress="203.0.113.7", userAgent="Mozilla/5.0", deviceId="laptop")
    token = decide("Ann", "ann-ed25519", "approve", "pay",
                   custom={"amount": "1250.00", "currency": "EUR", "payee": "Café Zoë", "order": "not shown"})
    call("POST", "/v1/validate", {"token": token})
    # One action with two challenges: the first is cancelled, the second approved.
    again = {"idempotencyKey": "twice"}
    token, started = ask("Ann", **again)
    call("POST", "/v1/client/cancel/push", {"challengeId": started["challengeId"]}, token=token)
    decide("Ann", "ann-p256", "approve", **again)
    # Superseded, and then open.
    ask("Ann", idempotencyKey="superseded")
    ask("Ann", idempotencyKey="open")
    for number in range(18):
        track("Ann", "browse", idempotencyKey=f"pending-{number}")
    track("Ann", "overridden", idempotencyKey="blocked")
    call("PATCH", "/v1/users/Ann/actions/overridden/blocked", {"state": "BLOCK"})
    enroll("Dan", "dan")
    decide("Dan", "dan", "deny")
    track("Bob", custom={"text": "a".rjust(300, "b")})
    call("PATCH", "/v1/users/Bob", {"email": "bob@example.com"})
    call("POST", "/v1/client/user-authenticators/push/ticket", token=track("Bob", "enroll")["token"])
    enroll("gone", "gone")
    decide("gone", "gone", "approve")
    call("DELETE", "/v1/users/gone")
    enroll("back", "back")
    call("DELETE", "/v1/users/back")
    track("back")
    enroll("Cyd", "cyd", "--signing", "statement-v1", "--signature-format", "p1363", tenant="shop")
    decide("Cyd", "cyd", "approve", tenant="shop")
    decide("Cyd", "cyd", "report", tenant="shop")
    enroll("held", "held", tenant="shop")
    # The same user's name in two tenants.
    track("Ann", tenant="shop")
    threading.Thread(target=hold, daemon=True).start()
    Webhook.held.wait(10)


webhook = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Webhook)
threading.Thread(target=webhook.serve_forever, daemon=True).start()
config = FOLDER / "config.toml"
config.write_text(configuration(webhook.server_port))
server = subprocess.Popen([PROGRAM, "serve", "--config", config], stdout=subprocess.PIPE, text=True)
try:
    URL = re.match("listening on (.*)", server.stdout.readline())[1]
    live()
finally:
    server.kill()
    server.wait()
records = HERE / f"layout-{LAYOUT}.records"
records.unlink(missing_ok=True)
subprocess.run([PROGRAM, "store", "export", records, "--config", config], check=True)
dump = subprocess.run(["sqlite3", FOLDER / "store", ".dump --preserve-rowids"], check=True, capture_output=True, text=True)
(HERE / f"layout-{LAYOUT}.sql").write_text(dump.stdout)
