"""Where Celery looks for this app's jobs; each is defined in the module of the step it runs."""

from notifications.notify import deliver

__all__ = ["deliver"]
