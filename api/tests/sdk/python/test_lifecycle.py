"""authsignal from PyPI: a sign-in from enrollment to removal."""

import pytest

from conftest import PhoneError, Web


def test_a_sign_in_is_valid_once_the_phone_has_approved(client, enrolled, user_id):
    tracked = client.track(user_id, "signIn", {"ipAddress": "203.0.113.7"})
    assert tracked["state"] == "CHALLENGE_REQUIRED"
    assert tracked["is_enrolled"] is True
    web = Web(tracked["token"])
    challenge_id = web.challenge()
    before = client.validate_challenge({"token": tracked["token"]})
    assert before["is_valid"] is False
    assert before["state"] == "CHALLENGE_REQUIRED"

    enrolled.run("approve", "--challenge", challenge_id)
    end = web.outcome(challenge_id)
    assert end["isVerified"] is True
    validated = client.validate_challenge({"token": end["accessToken"], "action": "signIn"})
    assert validated["is_valid"] is True
    assert validated["state"] == "CHALLENGE_SUCCEEDED"
    assert validated["user_id"] == user_id
    assert validated["action"] == "signIn"
    assert validated["idempotency_key"] == tracked["idempotency_key"]
    assert validated["verification_method"] == "PUSH"


def test_a_sign_in_is_not_valid_once_the_phone_has_denied(client, enrolled, user_id):
    tracked = client.track(user_id, "signIn")
    web = Web(tracked["token"])
    challenge_id = web.challenge()
    enrolled.run("deny", "--challenge", challenge_id)
    end = web.outcome(challenge_id)
    assert end["isVerified"] is False
    assert end["isConsumed"] is True
    assert "accessToken" not in end
    validated = client.validate_challenge({"token": tracked["token"]})
    assert validated["is_valid"] is False
    assert validated["state"] == "CHALLENGE_FAILED"


def test_a_sign_in_is_not_valid_for_another_action_or_user(client, enrolled, user_id):
    tracked = client.track(user_id, "signIn")
    web = Web(tracked["token"])
    challenge_id = web.challenge()
    enrolled.run("approve", "--challenge", challenge_id)
    token = web.outcome(challenge_id)["accessToken"]
    assert client.validate_challenge({"token": token, "action": "pay"})["is_valid"] is False
    for_another = client.validate_challenge({"token": token, "userId": "somebody-else"})
    assert for_another["is_valid"] is False
    assert "user_id" not in for_another


def test_a_phone_that_was_removed_has_no_part_any_more(client, enrolled, user_id):
    enrolled.run("remove")
    assert client.get_authenticators(user_id) == []
    assert client.track(user_id, "signIn")["state"] == "ALLOW"
    with pytest.raises(PhoneError):
        enrolled.run("approve")
