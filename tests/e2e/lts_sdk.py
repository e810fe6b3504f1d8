"""Makes a group and a stream with huaweicloudsdklts, and reads a stream in both directions, page by page.

Run by a Python that has the SDK (tests.e2e.test_logs makes one): what to do as JSON on standard input, what came
of it on standard output; nothing here imports Modelyard.
"""

import json
import sys

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.http.http_config import HttpConfig
from huaweicloudsdklts.v2 import (
    CreateLogGroupParams,
    CreateLogGroupRequest,
    CreateLogStreamParams,
    CreateLogStreamRequest,
    DeleteLogGroupRequest,
    DeleteLogStreamRequest,
    ListLogGroupsRequest,
    ListLogsRequest,
    ListLogStreamRequest,
    LtsClient,
    QueryLtsLogParams,
)

given = json.load(sys.stdin)
credentials = BasicCredentials(given["access"], given["secret"], given["project_id"])
client = (
    LtsClient.new_builder()
    .with_http_config(HttpConfig.get_default_config())
    .with_credentials(credentials)
    .with_endpoints([given["endpoint"]])
    .build()
)


def make() -> object:
    body = CreateLogGroupParams(log_group_name="models", ttl_in_days=7)
    group = client.create_log_group(CreateLogGroupRequest(body=body)).log_group_id
    named = CreateLogStreamParams(log_stream_name="digits")
    stream = client.create_log_stream(CreateLogStreamRequest(log_group_id=group, body=named)).log_stream_id
    groups = client.list_log_groups(ListLogGroupsRequest()).log_groups
    streams = client.list_log_stream(ListLogStreamRequest(log_group_id=group)).log_streams
    assert group in [one.log_group_id for one in groups]
    assert [one.log_stream_id for one in streams] == [stream]
    return {"group": group, "stream": stream, "ttl": groups[0].ttl_in_days}


def read() -> object:
    """Every line in pages of `limit`, from one end, and back from where that ended."""

    def page(**more: object) -> object:
        asked = QueryLtsLogParams(
            start_time=given["start_time"], end_time=given["end_time"], limit=given["limit"], **more
        )
        return client.list_logs(ListLogsRequest(given["group"], given["stream"], asked))

    def walk(search_type: str, is_desc: bool, line_num: str | None = None) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        while True:
            more = {"is_desc": is_desc, "keywords": given.get("keywords"), "labels": given.get("labels")}
            if line_num is not None:
                more |= {"line_num": line_num, "search_type": search_type}
            answer = page(**more)
            logs = answer.logs if search_type == "forwards" else answer.logs[::-1]
            found += [(one.content, one.line_num) for one in logs]
            if answer.is_query_complete or not logs:
                return found
            line_num = logs[-1].line_num

    up, down = walk("forwards", False), walk("forwards", True)
    back = walk("backwards", False, up[-1][1]) if up else []
    first = page(is_desc=False).logs
    return {
        "up": [content for content, _ in up],
        "down": [content for content, _ in down],
        "back": [content for content, _ in back],
        "labels": first[0].labels if first else {},
    }


def remove() -> object:
    client.delete_log_stream(DeleteLogStreamRequest(given["group"], given["stream"]))
    client.delete_log_group(DeleteLogGroupRequest(given["group"]))
    return {}


json.dump({"make": make, "read": read, "remove": remove}[given["do"]](), sys.stdout)
