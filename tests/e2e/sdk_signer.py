"""Signs a request with huaweicloudsdkcore: JSON on standard input, the signed headers on standard output.

Run by a Python that can import the SDK (tests.e2e.test_access makes one); nothing here imports Modelyard.
"""

import json
import sys

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer

given = json.load(sys.stdin)
credentials = BasicCredentials(given["access"], given["secret"], given["project_id"])
request = SdkRequest(
    method=given["method"],
    schema="http",
    host=given["host"],
    resource_path=given["path"],
    query_params=[tuple(pair) for pair in given["query"]],
    header_params=given["headers"],
    body=given["body"],
)
json.dump(dict(Signer(credentials).sign(request).header_params), sys.stdout)
