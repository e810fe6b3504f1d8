"""The vendor's SDK for SMN, unchanged, against the server that standard input tells of: what it got, as JSON.

Run by a Python that can import it (tests.e2e.test_get_notified makes one); nothing here imports Modelyard.
"""

import json
import sys

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdksmn.v2 import (
    AddSubscriptionRequest,
    AddSubscriptionRequestBody,
    CancelSubscriptionRequest,
    CreateTopicRequest,
    CreateTopicRequestBody,
    DeleteTopicRequest,
    ListSubscriptionsByTopicRequest,
    ListTopicDetailsRequest,
    ListTopicsRequest,
    PublishMessageRequest,
    PublishMessageRequestBody,
    SmnClient,
    UpdateTopicRequest,
    UpdateTopicRequestBody,
)

given = json.load(sys.stdin)
keys = BasicCredentials(given["access"], given["secret"], given["project_id"])
client = SmnClient.new_builder().with_credentials(keys).with_endpoints([given["url"]]).build()

found: dict[str, object] = {}
made = client.create_topic(CreateTopicRequest(body=CreateTopicRequestBody(name="sdk", display_name="by the SDK")))
urn = made.topic_urn
found["created"] = urn
client.update_topic(UpdateTopicRequest(topic_urn=urn, body=UpdateTopicRequestBody(display_name="renamed")))
found["display_name"] = client.list_topic_details(ListTopicDetailsRequest(topic_urn=urn)).display_name
found["listed"] = [one.topic_urn for one in client.list_topics(ListTopicsRequest(offset=0, limit=10)).topics]
body = AddSubscriptionRequestBody(protocol="http", endpoint=given["endpoint"], remark="sdk")
one = client.add_subscription(AddSubscriptionRequest(topic_urn=urn, body=body)).subscription_urn
page = client.list_subscriptions_by_topic(ListSubscriptionsByTopicRequest(topic_urn=urn, offset=0, limit=10))
found["subscriptions"] = [[s.subscription_urn == one, s.status, s.remark] for s in page.subscriptions]
message = PublishMessageRequestBody(subject="hello", message="from the SDK", time_to_live="600")
found["message_id"] = client.publish_message(PublishMessageRequest(topic_urn=urn, body=message)).message_id
client.cancel_subscription(CancelSubscriptionRequest(subscription_urn=one))
client.delete_topic(DeleteTopicRequest(topic_urn=urn))
try:
    client.list_topic_details(ListTopicDetailsRequest(topic_urn=urn))
except ClientRequestException as error:
    found["gone"] = [error.status_code, error.error_code]
json.dump(found, sys.stdout)
