"""Where Celery looks for this app's jobs; each is defined in the module of the step it runs."""

from tenants.auth.sessions import forget_expired

__all__ = ["forget_expired"]
