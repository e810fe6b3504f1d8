"""A model that never loads: what a rollout must survive."""

from model_service.model_service import SingleNodeService


class BrokenService(SingleNodeService):
    def __init__(self, model_name, model_path):
        super().__init__(model_name, model_path)
        raise RuntimeError("this example fails to load on purpose")
