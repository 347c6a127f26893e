"""What mails one gets."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from notifications.forms import PreferenceForm
from notifications.preferences import set_preferences
from senderid.may_speak import reach_of
from tenants.views.doors import MemberRequest, page, show


@page()
def preferences(request: MemberRequest) -> HttpResponse:
    senders = [reach.sender for reach in reach_of(request.member) if reach.reads and reach.sender.receives]
    form = PreferenceForm(request.POST or None, member=request.member, senders=senders)
    if form.is_valid():
        set_preferences(member=request.member, **form.cleaned_data)
        messages.success(request, "Your wishes are saved.")
        return redirect("member", request.member.pk)
    return show(request, "notifications/preferences.html", form)
