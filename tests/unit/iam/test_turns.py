"""Whose password is looked at next, in virtual time."""

from modelyard.iam.turns import FREE_TRIES, LONGEST_WAIT_MS, Pick, Turns


def served(turns: Turns, now_ms: int, count: int) -> list[str]:
    found = []
    for _ in range(count):
        ticket = turns.pick(now_ms).ticket
        if ticket is None:
            break
        found.append(ticket.address)
    return found


def test_addresses_take_turns() -> None:
    turns = Turns()
    for _ in range(50):
        turns.enter("flood", 0)
    for address in ("a", "b"):
        turns.enter(address, 0)
    assert served(turns, 0, 4) == ["flood", "a", "b", "flood"]


def test_of_one_address_the_known_then_the_fewest_failures_then_the_newest() -> None:
    turns = Turns()
    guess = turns.enter("a", 0, failures=9)
    older, newer = turns.enter("a", 0), turns.enter("a", 0)
    known = turns.enter("a", 0, failures=1, known=True)
    assert [turns.pick(0).ticket for _ in range(5)] == [known, newer, older, guess, None]


def test_a_flood_under_other_names_has_ten_tries_a_second_and_a_known_account_does_not_wait() -> None:
    turns = Turns()
    for _ in range(FREE_TRIES + 50):
        turns.enter("proxy", 0)
    assert len(served(turns, 0, 1000)) == FREE_TRIES
    assert turns.pick(0) == Pick(None, wait_ms=100)
    assert len(served(turns, 1000, 1000)) == 10
    known = turns.enter("proxy", 1001, known=True)
    assert turns.pick(1001).ticket is known
    first_login = turns.enter("proxy", 1001)
    assert turns.pick(1001).ticket is None
    assert turns.pick(1100).ticket is first_login, "before the flood that came earlier"


def test_right_passwords_do_not_count_for_an_address() -> None:
    turns = Turns()
    for _ in range(1000):
        ticket = turns.enter("a", 0)
        assert turns.pick(0).ticket is ticket
        turns.proved(ticket)


def test_who_is_too_many_is_the_worst_of_the_largest_crowd() -> None:
    turns = Turns()
    alone = turns.enter("a", 0)
    first, *_ = [turns.enter("flood", 0) for _ in range(3)]
    assert turns.surplus(4) is None
    assert turns.surplus(3) is first
    assert turns.pick(0).ticket is alone


def test_nobody_waits_for_long() -> None:
    turns = Turns()
    late = turns.enter("a", 0)
    assert turns.pick(LONGEST_WAIT_MS + 1) == Pick(None, gone=(late,))
    assert len(turns) == 0


def test_a_clock_that_goes_back_holds_an_address_up_for_a_turn_only() -> None:
    turns = Turns()
    turns.enter("a", 10**9)
    turns.pick(10**9)
    turns.enter("a", 0)
    assert turns.pick(0).wait_ms == 100
