"""Passwords, throttle and AppCodes."""

import asyncio

import pytest

from modelyard.domain.errors import TooBusy
from modelyard.iam import appcodes
from modelyard.iam.passwords import MOST_WAITING, Passwords
from modelyard.iam.throttle import FORGOTTEN_AFTER_MS, FREE_TRIES, LONGEST_DELAY_S, REMEMBERED, Throttle

CHEAP = {"memory_kib": 8, "passes": 1}


async def test_only_the_password_matches() -> None:
    passwords = Passwords(**CHEAP)
    hashed = await passwords.hash("grüße")
    assert hashed.startswith("$argon2id$")
    assert await passwords.matches(hashed, "grüße")
    assert not await passwords.matches(hashed, "grüsse")
    assert not await passwords.matches(hashed, "")


@pytest.mark.parametrize("password", ["x", "\ud800", "p" * 10_000_000], ids=["wrong", "not Unicode", "huge"])
@pytest.mark.parametrize("stored", [None, "", "not a hash"], ids=["nobody", "empty", "broken"])
async def test_odd_things_do_not_match(stored: str | None, password: str) -> None:
    assert not await Passwords(**CHEAP).matches(stored, password)


async def test_an_unknown_user_costs_a_verification(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords = Passwords(**CHEAP)
    verified: list[str] = []

    class Spy:
        hash = passwords._hasher.hash

        def verify(self, hashed: str, password: str) -> bool:
            verified.append(hashed)
            return True

    monkeypatch.setattr(passwords, "_hasher", Spy())
    assert not await passwords.matches(None, "anything")
    assert [hashed[:10] for hashed in verified] == ["$argon2id$"]


async def test_the_queue_has_an_end() -> None:
    passwords = Passwords(**CHEAP)
    hashed = await passwords.hash("p")
    asked = [passwords.matches(hashed, "p") for _ in range(MOST_WAITING + 5)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert answers[:MOST_WAITING] == [True] * MOST_WAITING
    assert [type(answer) for answer in answers[MOST_WAITING:]] == [TooBusy] * 5
    assert await passwords.matches(hashed, "p")


async def test_one_verification_at_a_time() -> None:
    passwords = Passwords(**CHEAP)
    hashed = await passwords.hash("p")
    assert all(await asyncio.gather(*(passwords.matches(hashed, "p") for _ in range(20))))


def test_guessing_gets_slower_up_to_a_bound() -> None:
    throttle = Throttle()
    delays = [throttle.begin("ada", "1.2.3.4", 0) for _ in range(12)]
    assert delays == [0, 0, 0, 0, 0, 0.25, 0.5, 1, 2, 4, 5, 5]
    assert throttle.begin("ada", "5.6.7.8", 0) == 0, "another address is not held up"
    assert throttle.begin("bob", "1.2.3.4", 0) == 0, "another user is not held up"


def test_success_and_a_quiet_time_forget() -> None:
    throttle = Throttle()
    for _ in range(9):
        throttle.begin("ada", "a", 0)
        throttle.begin("bob", "a", 0)
    throttle.succeeded("ada", "a")
    assert throttle.begin("ada", "a", 0) == 0
    assert throttle.begin("bob", "a", FORGOTTEN_AFTER_MS) > 0
    assert throttle.begin("bob", "a", 2 * FORGOTTEN_AFTER_MS + 1) == 0


def test_the_memory_of_tries_is_bounded() -> None:
    throttle = Throttle()
    for number in range(REMEMBERED + 10):
        throttle.begin(str(number), str(number), 0)
    assert len(throttle._tries) == len(throttle._due_ms) == REMEMBERED


def test_another_name_for_each_try_does_not_help() -> None:
    throttle = Throttle()
    delays = [throttle.begin(str(number), "a", 0) for number in range(150)]
    assert delays[:100] == [0] * 100
    assert delays[100:] == [n / 10 for n in range(1, 51)]
    with pytest.raises(TooBusy, match="from this address"):
        throttle.begin("ada", "a", 0)
    assert throttle.begin("ada", "b", 0) == 0, "another address is not held up"
    assert throttle.begin("eve", "a", 1000) > 0, "a second later there is room"
    assert throttle.begin("eve", "a", 60_000) == 0, "and soon all is forgotten"


def test_right_passwords_do_not_count_for_an_address() -> None:
    throttle = Throttle()
    for number in range(1000):
        assert throttle.begin(str(number), "a", 0) == 0
        throttle.succeeded(str(number), "a")


def test_a_clock_that_goes_back_holds_an_address_up_for_seconds_only() -> None:
    throttle = Throttle()
    throttle.begin("ada", "a", 10**9)
    with pytest.raises(TooBusy):
        throttle.begin("ada", "a", 0)
    assert throttle.begin("ada", "a", 1000) <= LONGEST_DELAY_S


def test_app_codes() -> None:
    code = appcodes.random_code()
    assert len(code) == 64
    assert code != appcodes.random_code()
    assert len(appcodes.digest(code)) == 64
    assert appcodes.digest(code) == appcodes.digest(code)


def test_a_name_of_any_length_is_remembered_in_short() -> None:
    throttle = Throttle()
    delays = [throttle.begin("x" * 1_000_000, "a", 0) for _ in range(FREE_TRIES + 1)]
    assert delays[-1] > 0
    assert max(len(user) for user, _ in throttle._tries) < 1_000
