"""What mails one gets."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from notifications.forms import PreferenceForm
from notifications.preferences import set_preferences
from senderid.may_speak import reach_of
from tenants.models import Membership
from tenants.views.doors import MemberRequest, page, show
from tenants.views.editing import save_edit


@page()
def preferences(request: MemberRequest) -> HttpResponse:
    if request.method == "POST":  # two tabs: the later waits for the earlier
        Membership.objects.for_org(request.org).select_for_update(no_key=True).get(pk=request.member.pk)
    senders = [reach.sender for reach in reach_of(request.member) if reach.reads and reach.sender.receives]
    form = PreferenceForm(request.POST or None, member=request.member, senders=senders)
    if save_edit(request, form, save=lambda: _save(request, form)):
        messages.success(request, "Preferences saved.")
        return redirect("member", request.member.pk)
    return show(request, "notifications/preferences.html", form)


def _save(request: MemberRequest, form: PreferenceForm) -> bool:
    set_preferences(member=request.member, **form.cleaned_data)
    return True
