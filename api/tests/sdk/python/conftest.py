"""What the Python suite's tests stand on: a server, a phone and a browser's two requests.

The suite is started by `support/with-server.mjs`, which runs the server and says where it is.
"""

import os
import subprocess
import uuid

import pytest
import requests
from authsignal.client import AuthsignalClient

COMMAND_SECONDS = 30


def given(name):
    """A variable that the launcher of the suite sets."""
    value = os.environ.get(name)
    if not value:
        pytest.exit(f"{name} is not set: start this suite by `make sdk-python`", returncode=2)
    return value


class PhoneError(Exception):
    """A command of the phone did not end with 0."""


class Phone:
    """The binary's software device, run as a person would run it."""

    def __init__(self, folder):
        self.folder = folder
        self.key_file = folder / "key.json"

    def run(self, command, *options):
        """Runs one command; raises PhoneError if it does not end with 0."""
        server = ["--url", given("TEST_SERVER_URL"), "--tenant", given("TEST_SERVER_TENANT")]
        words = ["phone", *server, "--key-file", str(self.key_file), command, *options]
        # The binary refuses variables of its own prefix that it does not know.
        env = {k: v for k, v in os.environ.items() if not k.startswith("COUNTERSIGN_")}
        ended = subprocess.run(
            [given("COUNTERSIGN_BIN"), *words],
            cwd=self.folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        if ended.returncode != 0:
            raise PhoneError(f"phone {command} ended with {ended.returncode}: {ended.stdout}")


class Web:
    """A browser's side of a sign-in, as plain requests."""

    def __init__(self, token):
        self.token = token

    def post(self, path, body):
        answer = requests.post(
            given("TEST_SERVER_URL") + path,
            json=body,
            headers={"Authorization": f"Bearer {self.token}", "Prefer": "wait=30"},
            timeout=60,
        )
        answer.raise_for_status()
        return answer.json()

    def challenge(self):
        """Starts a challenge, and gives its id."""
        return self.post("/client/challenge/push", {})["challengeId"]

    def outcome(self, challenge_id):
        """How a challenge ended; waits for that."""
        return self.post("/client/verify/push", {"challengeId": challenge_id})


def client_with(secret):
    """The SDK, pointed at the server."""
    return AuthsignalClient(api_secret_key=secret, api_url=given("TEST_SERVER_URL"), timeout=30.0)


@pytest.fixture
def client():
    """The SDK with the tenant's secret."""
    return client_with(given("TEST_SERVER_SECRET"))


@pytest.fixture
def stranger():
    """The SDK with a secret that is no tenant's."""
    return client_with("a-secret-that-is-nobodys")


@pytest.fixture
def user_id():
    """A user that no other test has."""
    return f"user-{uuid.uuid4()}"


@pytest.fixture
def phone(tmp_path):
    """A phone that belongs to nobody yet."""
    return Phone(tmp_path)


@pytest.fixture
def enrolled(client, phone, user_id):
    """The phone, bound to the user."""
    tracked = client.track(user_id, "enroll", {"scope": "add:authenticators"})
    phone.run("enroll", "--token", tracked["token"])
    return phone
