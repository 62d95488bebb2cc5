"""authsignal from PyPI: every method that the server has a route for, and the refusals."""

import uuid

import pytest
from authsignal.client import ApiException

ATTRIBUTES = {
    "emailVerified": True,
    "phoneNumber": "+64211234567",
    "displayName": "Zoë 東京",
    "custom": {"tier": "gold", "visits": 3},
}

SERVED = {
    "track": ("anna", "signIn"),
    "get_user": ("anna",),
    "update_user": ("anna", {"displayName": "Anna"}),
    "delete_user": ("anna",),
    "get_authenticators": ("anna",),
    "delete_authenticator": ("anna", "1"),
    "validate_challenge": ({"token": "a.b.c"},),
    "get_action": ("anna", "signIn", "key-1"),
    "update_action": ("anna", "signIn", "key-1", {"state": "BLOCK"}),
}
NOT_SERVED = {
    "enroll_verified_authenticator": (
        "anna",
        {"verificationMethod": "SMS", "phoneNumber": "+64211234567"},
    ),
}


def test_the_suite_knows_every_method_that_the_sdk_has(client):
    methods = {name for name in vars(type(client)) if not name.startswith("_")}
    assert methods == SERVED.keys() | NOT_SERVED.keys()


@pytest.mark.parametrize("method", SERVED)
def test_a_secret_that_is_not_the_tenants_is_refused(stranger, method):
    with pytest.raises(ApiException) as refusal:
        getattr(stranger, method)(*SERVED[method])
    assert refusal.value.status_code == 401
    assert refusal.value.error_code == "unauthorized"
    assert refusal.value.error_description


@pytest.mark.parametrize("method", NOT_SERVED)
def test_the_server_says_that_it_is_not_set_up_for_other_methods(client, method):
    with pytest.raises(ApiException) as refusal:
        getattr(client, method)(*NOT_SERVED[method])
    assert refusal.value.status_code == 400
    assert refusal.value.error_code == "invalid_configuration"


def test_track_allows_a_user_without_an_authenticator(client, user_id):
    tracked = client.track(user_id, "signIn")
    assert tracked["state"] == "ALLOW"
    assert tracked["is_enrolled"] is False
    assert tracked["token"] and tracked["url"] and tracked["idempotency_key"]
    assert "PUSH" in tracked["allowed_verification_methods"]


def test_track_answers_a_repeated_idempotency_key_with_the_action_that_it_has(client, user_id):
    key = str(uuid.uuid4())
    tracked = [client.track(user_id, "signIn", {"idempotencyKey": key}) for _ in range(2)]
    assert [each["idempotency_key"] for each in tracked] == [key, key]


def test_get_action_tells_the_state_and_update_action_overrides_it(client, user_id):
    key = client.track(user_id, "signIn")["idempotency_key"]
    action = client.get_action(user_id, "signIn", key)
    assert action["state"] == "ALLOW"
    assert action["output"] is not None
    updated = client.update_action(user_id, "signIn", key, {"state": "REVIEW_REQUIRED"})
    assert updated["state"] == "REVIEW_REQUIRED"
    assert client.get_action(user_id, "signIn", key)["state"] == "REVIEW_REQUIRED"


def test_get_action_refuses_an_action_that_was_not_tracked(client, user_id):
    with pytest.raises(ApiException) as refusal:
        client.get_action(user_id, "signIn", "unknown")
    assert refusal.value.status_code == 404
    assert refusal.value.error_code == "invalid_request"


def test_get_user_says_of_an_unknown_user_that_they_are_not_enrolled(client, user_id):
    assert client.get_user(user_id)["is_enrolled"] is False


def test_update_user_sets_attributes_and_delete_user_forgets_them(client, user_id):
    email = f"{user_id}@example.com"
    client.update_user(user_id, {"email": email, **ATTRIBUTES})
    user = client.get_user(user_id)
    assert user["email"] == email
    assert user["email_verified"] is True
    assert user["phone_number"] == ATTRIBUTES["phoneNumber"]
    assert user["display_name"] == ATTRIBUTES["displayName"]
    assert user["custom"] == ATTRIBUTES["custom"]
    client.delete_user(user_id)
    assert "email" not in client.get_user(user_id)


def test_authenticators_are_listed_and_deleted(client, enrolled, user_id):
    [authenticator] = client.get_authenticators(user_id)
    assert authenticator["verification_method"] == "PUSH"
    assert authenticator["user_id"] == user_id
    client.delete_authenticator(user_id, authenticator["user_authenticator_id"])
    assert client.get_authenticators(user_id) == []
    assert client.get_user(user_id)["is_enrolled"] is False


def test_a_user_id_with_characters_that_have_to_be_encoded_in_a_path_is_one_user(client):
    user_id = f"auth0|{uuid.uuid4()} é"
    key = client.track(user_id, "signIn")["idempotency_key"]
    assert client.get_action(user_id, "signIn", key)["state"] == "ALLOW"
