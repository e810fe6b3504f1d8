"""The smallest service: it answers what it is asked."""

from model_service.model_service import SingleNodeService


class EchoService(SingleNodeService):
    def _inference(self, data):
        return data
