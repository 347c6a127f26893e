"""What messaging tells the layer above, after commit. Received in notifications/receivers.py, nowhere else."""

from django.dispatch import Signal

text_received = Signal()  # message_id
conversation_assigned = Signal()  # conversation_id, member_id, by_id
human_replied = Signal()  # conversation_id, member_id
conversation_closed = Signal()  # conversation_id
mentioned = Signal()  # conversation_id, member_ids, by_id, text
campaign_finished = Signal()  # campaign_id
