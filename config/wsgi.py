"""The door of `web`: granian serves `application`."""

import os

from django.core.wsgi import get_wsgi_application

from config.supervision import collect_less, end_when_orphaned

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

end_when_orphaned()
application = get_wsgi_application()
collect_less()
