"""The door of `web`: granian serves `application`."""

import os

from django.core.wsgi import get_wsgi_application

from config.bodies import with_length
from config.logins import log_in_as
from config.supervision import collect_less, end_when_orphaned
from tenants.database import WEB

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
log_in_as(WEB)

end_when_orphaned()
application = with_length(get_wsgi_application())
collect_less()
