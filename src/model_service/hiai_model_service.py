"""MindSpore scripts of the older runtime."""

from model_service.model_service import SingleNodeService


class HiaiBaseService(SingleNodeService):
    pass
