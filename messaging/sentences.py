"""What a campaign or a program will do, in one spoken sentence."""

from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from messaging.models import Campaign, Program

MODE_SAID = {
    Program.Mode.REPLY_ONLY: "gets the automatic answer, and nobody is told",
    Program.Mode.REPLY_AND_NOTIFY: "gets the automatic answer, and your people are told",
    Program.Mode.REPLY_THEN_NOTIFY: "gets the automatic answer; only the next text is told to your people",
    Program.Mode.NOTIFY_ONLY: "gets no answer, and your people are told",
}


def speak_of_campaign(campaign: Campaign, size: int) -> SafeString:
    """To how many, from whom, when."""
    if campaign.sender_mode == Campaign.SenderMode.CONTACT_OWNER:
        whose = "the sender of each contact’s owner"
    else:
        whose = "the campaign’s own sender"
    if campaign.fallback_sender:
        whose += f", else from {campaign.fallback_sender.display},"
    when = "as soon as you start it"
    if campaign.send_at and campaign.send_at > timezone.now():
        local = timezone.localtime(campaign.send_at)
        when = f"on {local.day} {local:%B at %H:%M} once you start it"
    waits = ""
    if campaign.category == Campaign.Category.PROMOTIONAL:
        waits = " Where it is night then, it waits for the morning."
    return format_html(
        "<strong>{} {}</strong> this text from {} {}.{}",
        f"{size:,}" if size else "Nobody",
        "contact gets" if size == 1 else "contacts get" if size else "yet gets",
        whose,
        when,
        waits,
    )


def speak_of_program(program: Program, words: list[str], senders: list[str]) -> SafeString:
    """What happens when somebody texts the keyword, and when they text anything else."""
    said = format_html("")
    if program.opt_in != Program.OptIn.NONE:
        confirm = "is asked to confirm with YES within 24 hours and" if program.opt_in == "double" else ""
        said = format_html(
            "Whoever texts {} to {} {} joins and gets the welcome. ",
            format_html_join(" or ", "<strong>{}</strong>", ((word,) for word in words))
            if words
            else "a keyword",
            " or ".join(senders) or "its sender",
            confirm,
        )
    answer = MODE_SAID[Program.Mode(program.mode)]
    if program.mode != Program.Mode.NOTIFY_ONLY and not program.says("auto_reply"):
        answer = answer.replace("the automatic answer", "no answer, for there is no automatic one yet")
    return said + format_html("Whoever texts anything else {}. STOP ends it at any time.", answer)
