"""Where Celery looks for this app's jobs; each is defined in the module of the step it runs.

The worker's parent must know a job to hand it on: one that is missing here is thrown away unseen.
"""

from messaging.campaigns import prepare
from messaging.chasing import chase
from messaging.dispatching import dispatch
from messaging.media.fetching import fetch
from messaging.receiving import process, reconcile
from tenants.idempotency import forget_expired

__all__ = ["chase", "dispatch", "fetch", "forget_expired", "prepare", "process", "reconcile"]
