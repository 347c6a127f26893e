"""The yardstick of the doors: a bare DRF view and a bare Django view, each JSON or a form in and one INSERT.

Served with `bench.bare_settings` by the same server with the same flags as `web`.
"""

import json
from typing import Any

from django.db import models
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

TABLE = "CREATE TABLE IF NOT EXISTS bench_row (id bigserial PRIMARY KEY, name text, body text)"


class Row(models.Model):
    name = models.TextField()
    body = models.TextField()

    class Meta:
        app_label = "bench"
        managed = False
        db_table = "bench_row"

    def __str__(self) -> str:
        return self.name


class Api(APIView):
    authentication_classes = permission_classes = throttle_classes = []

    def post(self, request: Request) -> Response:
        row = Row.objects.create(name=request.data["to"], body=request.data["body"])
        return Response({"id": row.pk, "to": row.name, "body": row.body, "status": "queued"}, status=202)


@csrf_exempt
def inbound(request: HttpRequest) -> HttpResponse:
    form: Any = request.POST
    Row.objects.create(name=form["MessageSid"], body=json.dumps(form.dict()))
    return HttpResponse("<Response/>", content_type="text/xml")


def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


urlpatterns = [path("api", Api.as_view()), path("inbound", inbound), path("healthz", healthz)]
