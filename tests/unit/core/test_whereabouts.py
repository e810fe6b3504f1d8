"""A trace says why a delivery was given up, and not where it was to go."""

import pytest

from modelyard.core.tracing import TRACEPARENT, of_delivery
from modelyard.core.whereabouts import without
from modelyard.domain.notifications import Delivery, DeliveryState, Dispatch, Message, Subscription

HOOK = "https://Hooks.example:8443/in/b2c4?key=canary77"
MAIL = "someone@corp.example"


def to(endpoint: str, address: str = "") -> Subscription:
    return Subscription("urn:t:s", "urn:t", "p1", endpoint.partition(":")[0], endpoint, address=address)


@pytest.mark.parametrize(
    ("endpoint", "text", "wanted"),
    [
        (HOOK, "https://hooks.example:8443 answered 500: broken", "*** answered 500: broken"),
        (HOOK, f"{HOOK} is none", "*** is none"),
        (HOOK, "hooks.example cannot be found: Name or service not known", "*** cannot be found: Name or service"),
        (HOOK, "x answered 404: no /in/b2c4 here", "x answered 404: no *** here"),
        (HOOK, "x answered 403: key canary77 is over", "x answered 403: key *** is over"),
        (HOOK, "hooks.example is 10.3.2.1, which is private", "*** is ***, which is private"),
        (HOOK, "hooks.example is 2001:db8::7, which is reserved", "*** is ***, which is reserved"),
        (HOOK, "at 12:30:05 it said 5.1.2", "at 12:30:05 it said 5.1.2"),
        (MAIL, f"no mailbox {MAIL}", "no mailbox ***"),
        (MAIL, "corp.example takes no mail", "*** takes no mail"),
        ("http://db/", "http://db answered 500", "*** answered 500"),
        ("http://müller.example/", "http://xn--mller-kva.example broke off", "*** broke off"),
        ("http://[2001:db8::7]:80/", "http://[2001:db8::7] broke off", "*** broke off"),
    ],
)
def test_what_names_the_place_is_taken_out(endpoint: str, text: str, wanted: str) -> None:
    assert without(text, to(endpoint)).startswith(wanted)


def test_the_address_that_a_short_endpoint_stands_for_too() -> None:
    assert without("pool.example is away", to("apprise:x", "https://pool.example/a")) == "*** is away"


def test_the_span_of_a_delivery_says_why_alone() -> None:
    facts = {TRACEPARENT: f"00-{'a' * 32}-{'b' * 16}-01"}
    message = Message("m1", "p1", "urn:t", "s", "text", 5, facts=facts)
    why = "https://hooks.example:8443 answered 500: broken"
    delivery = Delivery("m1", "urn:t:s", state=DeliveryState.DEAD, error=why)
    (span,) = of_delivery(Dispatch(to(HOOK), message, delivery), delivery, 9)
    assert span.error == "*** answered 500: broken"
    assert "example" not in str(span)
