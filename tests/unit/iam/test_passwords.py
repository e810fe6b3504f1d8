"""Passwords, throttle and AppCodes."""

import asyncio

import pytest
from argon2 import PasswordHasher

from modelyard.domain.errors import TooBusy
from modelyard.iam import appcodes
from modelyard.iam.passwords import MOST_WAITING, Asker, Passwords
from modelyard.iam.throttle import FORGOTTEN_AFTER_MS, FREE_TRIES, NAME_CHARS, REMEMBERED, Throttle

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

    def verify(_: PasswordHasher, hashed: str, password: str) -> bool:
        verified.append(hashed)
        return True

    monkeypatch.setattr(PasswordHasher, "verify", verify)
    assert not await passwords.matches(None, "anything")
    assert [hashed[:10] for hashed in verified] == ["$argon2id$"]


async def test_the_queue_has_an_end() -> None:
    passwords = Passwords(**CHEAP)
    hashed = await passwords.hash("p")
    asked = [passwords.matches(hashed, "p") for _ in range(MOST_WAITING + 5)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert answers.count(True) == MOST_WAITING + 1, "one is looked at, and so many wait"
    assert [type(answer) for answer in answers if answer is not True] == [TooBusy] * 4
    assert await passwords.matches(hashed, "p")


async def test_one_verification_at_a_time() -> None:
    passwords = Passwords(**CHEAP)
    hashed = await passwords.hash("p")
    assert all(await asyncio.gather(*(passwords.matches(hashed, "p") for _ in range(20))))


async def test_a_right_password_is_not_behind_a_flood_of_wrong_ones() -> None:
    """Four callers at one address, each with another name for each try, and one who knows a password."""
    passwords = Passwords(**CHEAP)
    hashed = await passwords.hash("p")
    order: list[str] = []

    async def ask(who: str, password: str) -> None:
        await passwords.matches(hashed, password, Asker("proxy"))
        order.append(who)

    flood = [asyncio.create_task(ask("flood", "wrong")) for _ in range(40)]
    await asyncio.sleep(0)
    await ask("first login", "p")
    await asyncio.gather(*flood)
    assert order.index("first login") <= 1


async def test_who_goes_away_while_waiting_gives_the_turn_on() -> None:
    passwords = Passwords(**CHEAP)
    hashed = await passwords.hash("p")
    asked = [asyncio.create_task(passwords.matches(hashed, "p")) for _ in range(3)]
    await asyncio.sleep(0)
    for one in asked:
        one.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    assert await passwords.matches(hashed, "p")


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
        throttle.succeeded(str(number), str(number))
        throttle.begin(str(number), str(number), 0)
    names = [str(number) for number in range(REMEMBERED + 10)]
    assert [throttle.failures(name, name) for name in names] == [0] * 10 + [1] * REMEMBERED
    assert [throttle.known(name, name) for name in names] == [False] * 10 + [True] * REMEMBERED


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
    assert throttle.failures("x" * NAME_CHARS, "a") == FREE_TRIES + 1
