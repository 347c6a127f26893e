"""Every address, as a table of contents."""

from django.urls import path

urlpatterns: list = []
