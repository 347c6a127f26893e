from tests.stack import api, shared_api, stack

__all__ = ["api", "shared_api", "stack"]
