"""`modelyard topics …`: who is told what of services, and what became of it."""

from typing import Annotated

import typer

from modelyard.cli import views
from modelyard.cli.asking import confirm_deletion
from modelyard.cli.context import AsJson, DataDir, Yes, connect, print_answer, print_json, show
from modelyard.client import Client, UnknownName

app = typer.Typer(no_args_is_help=True, help="Topics that services tell, and their subscribers.")

Topic = Annotated[str, typer.Argument(metavar="TOPIC", help="Name or URN of a topic.")]
STATUSES = {"0": "unconfirmed", "1": "confirmed", "2": "subscribed", "3": "left"}
BY_URL = {"http", "https"}


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits, - and _.")],
    display_name: Annotated[str, typer.Option("--display-name", help="How people are shown it.")] = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Create a topic; print its URN, which services name in smn_notification."""
    with connect(data_dir) as yard:
        urn = yard.topics.create(name, display_name)
    _printed({"topic_urn": urn}, urn, as_json=as_json)


@app.command("ls")
def list_topics(
    topic: Annotated[str | None, typer.Argument(metavar="[TOPIC]", help="List its subscriptions.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List the topics, or the subscriptions of one."""
    with connect(data_dir) as yard:
        if topic is None:
            found = yard.topics.all()
            print_answer(found, views.plain(found, "name", "topic_urn", "display_name"), as_json=as_json)
            return
        found = yard.topics.subscriptions(topic)
    named = [{**one, "status": STATUSES.get(str(one["status"]), "")} for one in found]
    shown = views.plain(named, "subscription_urn", "protocol", "endpoint", "status", "format", "remark")
    print_answer(found, shown, as_json=as_json)


@app.command("rm")
def delete(topic: Topic, *, yes: Yes = False, data_dir: DataDir = None) -> None:
    """Delete a topic, its subscriptions, and what was published to it."""
    with connect(data_dir) as yard:
        if not yes:
            yard.topics.show(topic)
            confirm_deletion(f"topic {topic}", yes)
        yard.topics.delete(topic)


@app.command()
def subscribe(
    topic: Topic,
    endpoint: Annotated[str, typer.Argument(metavar="ENDPOINT", help="URL, or address of mail.")],
    *,
    protocol: Annotated[
        str | None, typer.Option(help="http, https, email or apprise. Default: as the endpoint looks.")
    ] = None,
    remark: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    format: Annotated[
        str | None, typer.Option(help="smn or cloudevents. Default: as it is, of a new one smn.")
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Send what is published to a topic to an endpoint too.

    By http, https and email its reader has to confirm that, within 48 hours; say it again to have another
    confirmation sent. Prints the URN of the subscription, and of a new one the secret that its messages are signed
    with.
    """
    with connect(data_dir) as yard:
        made = yard.topics.subscribe(
            topic, protocol or _protocol(endpoint), endpoint, remark=remark, format=format
        )
    lines = [str(made[name]) for name in ("subscription_urn", "secret") if name in made]
    _printed(made, "\n".join(lines), as_json=as_json)


@app.command()
def unsubscribe(
    subscription: Annotated[str, typer.Argument(metavar="SUBSCRIPTION", help="URN of a subscription.")],
    *,
    yes: Yes = False,
    data_dir: DataDir = None,
) -> None:
    """Delete a subscription, and what waits for it."""
    with connect(data_dir) as yard:
        if not yes:
            confirm_deletion(f"subscription {subscription} of {_subscribed(yard, subscription)}", yes)
        yard.topics.unsubscribe(subscription)


@app.command()
def publish(
    topic: Topic,
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="The text.")],
    *,
    subject: Annotated[str, typer.Option(help="One line.")] = "",
    time_to_live: Annotated[int | None, typer.Option(help="Seconds after which it is not sent any more.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Publish a message; print its id, which every delivery has."""
    with connect(data_dir) as yard:
        id = yard.topics.publish(topic, message, subject=subject, time_to_live_s=time_to_live)
    _printed({"message_id": id}, id, as_json=as_json)


@app.command()
def deliveries(
    topic: Annotated[str | None, typer.Argument(metavar="[TOPIC]", help="Only of this topic.")] = None,
    *,
    state: Annotated[str | None, typer.Option(help="waiting, delivered or dead (given up).")] = None,
    message: Annotated[str | None, typer.Option(help="Only of the message with this id.")] = None,
    limit: Annotated[int, typer.Option(help="How many, newest first, at most 1000.")] = 100,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List what became of messages, newest first."""
    with connect(data_dir) as yard:
        urn = "" if topic is None else yard.topics.urn(topic)
        found = yard.topics.deliveries(state=state or "", topic_urn=urn, message_id=message or "", limit=limit)
    shown = views.plain(found, "message_id", "subject", "protocol", "endpoint", "state", "attempts", "error")
    print_answer(found, shown, as_json=as_json)


@app.command()
def redeliver(
    message: Annotated[str | None, typer.Argument(metavar="[MESSAGE]", help="Id of a message.")] = None,
    *,
    topic: Annotated[str | None, typer.Option(help="All dead letters of this topic.")] = None,
    all: Annotated[bool, typer.Option("--all", help="All dead letters of the project.")] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Send dead letters again, with the ids that they had."""
    if "" in (message, topic):
        raise typer.BadParameter("the message, or the --topic, is empty: was a variable of the shell not set?")
    if message is None and topic is None and not all:
        raise typer.BadParameter("name a message, a --topic, or say --all")
    with connect(data_dir) as yard:
        count = yard.topics.redeliver(**_only(yard, topic, message))
    _printed({"redelivered": count}, f"{count} sent again", as_json=as_json)


def _subscribed(yard: Client, urn: str) -> str:
    """Where its messages go. Raises UnknownName."""
    for one in yard.topics.subscriptions():
        if one["subscription_urn"] == urn:
            return str(one["endpoint"])
    raise UnknownName(f"no subscription {urn!r}: its URN names one")


def _protocol(endpoint: str) -> str:
    scheme, found, _ = endpoint.partition("://")
    if not found:
        return "email"
    return scheme if scheme in BY_URL else "apprise"


def _only(yard: Client, topic: str | None, message: str | None) -> dict[str, str]:
    of_topic = {} if topic is None else {"topic_urn": yard.topics.urn(topic)}
    return {**of_topic, **({} if message is None else {"message_id": message})}


def _printed(answer: object, text: str, *, as_json: bool) -> None:
    if as_json:
        print_json(answer)
    else:
        show(text)
