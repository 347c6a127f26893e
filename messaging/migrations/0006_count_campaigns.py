"""Figures of campaigns: triggers append what a statement changed; a sum of few rows is the figure."""

from django.db import migrations

COUNTED = """
  count(*) FILTER (WHERE status IN ('scheduled', 'queued', 'sending', 'unknown')) AS queued,
  count(*) FILTER (WHERE status IN ('accepted', 'sent')) AS sent,
  count(*) FILTER (WHERE status = 'delivered') AS delivered,
  count(*) FILTER (WHERE status = 'undelivered') AS undelivered,
  count(*) FILTER (WHERE status IN ('failed', 'blocked', 'expired')) AS failed,
  count(*) FILTER (WHERE status = 'cancelled') AS cancelled
"""
FIGURES = ("queued", "sent", "delivered", "undelivered", "failed", "cancelled")
OURS = "campaign_id IS NOT NULL AND direction = 'outbound' AND origin = 'campaign'"
COLUMNS = "id, org_id, campaign_id, code, queued, sent, delivered, undelivered, failed, cancelled, skipped, replies, opt_outs, is_folded"

# The functions run as the owner of the tables: a request's role may not write another table's rows for it.
DEFINED = "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"

TEXTS_WRITTEN = f"""
CREATE FUNCTION messaging_count_texts_written() RETURNS trigger {DEFINED} AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM written WHERE campaign_id IS NOT NULL) THEN RETURN NULL; END IF;
  INSERT INTO messaging_campaigncount ({COLUMNS})
  SELECT gen_random_uuid(), org_id, campaign_id, '', queued, sent, delivered, undelivered, failed, cancelled, 0, 0, 0, false
  FROM (SELECT org_id, campaign_id, {COUNTED} FROM written WHERE {OURS} GROUP BY org_id, campaign_id) counted;
  -- Who replies twice is counted once.
  INSERT INTO messaging_campaigncount ({COLUMNS})
  SELECT gen_random_uuid(), w.org_id, w.campaign_id, '', 0, 0, 0, 0, 0, 0, 0, count(DISTINCT w.contact_id), 0, false
  FROM written w
  WHERE w.campaign_id IS NOT NULL AND w.direction = 'inbound' AND NOT EXISTS (
    SELECT FROM messaging_message m
    WHERE m.org_id = w.org_id AND m.sender_id = w.sender_id AND m.contact_id = w.contact_id
      AND m.campaign_id = w.campaign_id AND m.direction = 'inbound'
      AND NOT EXISTS (SELECT FROM written other WHERE other.id = m.id))
  GROUP BY w.org_id, w.campaign_id;
  RETURN NULL;
END $$;
CREATE TRIGGER count_texts_written AFTER INSERT ON messaging_message
REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION messaging_count_texts_written();
"""
CHANGED = " OR ".join(f"sum({name}) <> 0" for name in FIGURES)
TEXTS_CHANGED = f"""
CREATE FUNCTION messaging_count_texts_changed() RETURNS trigger {DEFINED} AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM now_so WHERE campaign_id IS NOT NULL) THEN RETURN NULL; END IF;
  INSERT INTO messaging_campaigncount ({COLUMNS})
  SELECT gen_random_uuid(), org_id, campaign_id, '', {", ".join(f"sum({name})" for name in FIGURES)}, 0, 0, 0, false
  FROM (
    SELECT org_id, campaign_id, {COUNTED} FROM now_so WHERE {OURS} GROUP BY org_id, campaign_id
    UNION ALL
    SELECT org_id, campaign_id, {", ".join(f"-{name}" for name in FIGURES)} FROM (
      SELECT org_id, campaign_id, {COUNTED} FROM so_far WHERE {OURS} GROUP BY org_id, campaign_id) before
  ) moved
  GROUP BY org_id, campaign_id HAVING {CHANGED};
  RETURN NULL;
END $$;
CREATE TRIGGER count_texts_changed AFTER UPDATE ON messaging_message
REFERENCING OLD TABLE AS so_far NEW TABLE AS now_so FOR EACH STATEMENT EXECUTE FUNCTION messaging_count_texts_changed();
"""
SKIPS = f"""
CREATE FUNCTION messaging_count_skips() RETURNS trigger {DEFINED} AS $$
BEGIN
  INSERT INTO messaging_campaigncount ({COLUMNS})
  SELECT gen_random_uuid(), org_id, campaign_id, code, 0, 0, 0, 0, 0, 0, count(*), 0, 0, false
  FROM written GROUP BY org_id, campaign_id, code;
  RETURN NULL;
END $$;
CREATE TRIGGER count_skips AFTER INSERT ON messaging_campaignskip
REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION messaging_count_skips();
"""
# A number counts for each campaign whose text it had when it opted out, once, while an opt-out of it stands.
OPT_OUTS = f"""
CREATE FUNCTION messaging_count_opt_outs() RETURNS trigger {DEFINED} AS $$
DECLARE
  changed messaging_optout := CASE TG_OP WHEN 'INSERT' THEN NEW ELSE OLD END;
BEGIN
  INSERT INTO messaging_campaigncount ({COLUMNS})
  SELECT gen_random_uuid(), c.org_id, c.id, '', 0, 0, 0, 0, 0, 0, 0, 0, CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END, false
  FROM messaging_contact k
  JOIN messaging_campaign c ON c.org_id = k.org_id AND c.started_at <= changed.created_at
  JOIN messaging_message m ON m.campaign_id = c.id AND m.contact_id = k.id AND m.origin = 'campaign'
  WHERE k.org_id = changed.org_id AND k.number = changed.number AND m.created_at <= changed.created_at AND NOT EXISTS (
    SELECT FROM messaging_optout other
    WHERE other.org_id = changed.org_id AND other.number = changed.number AND other.id <> changed.id
      AND other.created_at >= m.created_at);
  RETURN NULL;
END $$;
CREATE TRIGGER count_opt_outs AFTER INSERT OR DELETE ON messaging_optout
FOR EACH ROW EXECUTE FUNCTION messaging_count_opt_outs();
"""
# What was before there were triggers. The skips of old recipients are counted by theirs.
FILL = f"""
INSERT INTO messaging_campaigncount ({COLUMNS})
SELECT gen_random_uuid(), org_id, campaign_id, '', queued, sent, delivered, undelivered, failed, cancelled, 0, 0, 0, true
FROM (SELECT org_id, campaign_id, {COUNTED} FROM messaging_message WHERE {OURS} GROUP BY org_id, campaign_id) counted;
INSERT INTO messaging_campaigncount ({COLUMNS})
SELECT gen_random_uuid(), org_id, campaign_id, '', 0, 0, 0, 0, 0, 0, 0, count(DISTINCT contact_id), 0, true
FROM messaging_message WHERE campaign_id IS NOT NULL AND direction = 'inbound' GROUP BY org_id, campaign_id;
INSERT INTO messaging_campaigncount ({COLUMNS})
SELECT gen_random_uuid(), m.org_id, m.campaign_id, '', 0, 0, 0, 0, 0, 0, 0, 0, count(DISTINCT o.number), true
FROM messaging_optout o
JOIN messaging_contact k ON k.org_id = o.org_id AND k.number = o.number
JOIN messaging_message m ON m.org_id = k.org_id AND m.contact_id = k.id AND m.origin = 'campaign' AND m.created_at <= o.created_at
WHERE m.campaign_id IS NOT NULL
GROUP BY m.org_id, m.campaign_id;
INSERT INTO messaging_campaignskip (id, org_id, campaign_id, contact_id, code, text)
SELECT id, org_id, campaign_id, contact_id, code, text FROM messaging_campaignrecipient WHERE state = 'skipped';
INSERT INTO messaging_campaignportion (id, org_id, campaign_id, place, contacts, size, look_at)
SELECT gen_random_uuid(), org_id, campaign_id, place, array_agg(contact_id ORDER BY contact_id), count(*), now()
FROM (
  SELECT org_id, campaign_id, contact_id,
    (row_number() OVER (PARTITION BY campaign_id ORDER BY contact_id) - 1) / 2000 AS place
  FROM messaging_campaignrecipient WHERE state = 'pending') numbered
GROUP BY org_id, campaign_id, place;
"""
UNDO = """
DROP TRIGGER count_texts_written ON messaging_message;
DROP TRIGGER count_texts_changed ON messaging_message;
DROP TRIGGER count_skips ON messaging_campaignskip;
DROP TRIGGER count_opt_outs ON messaging_optout;
DROP FUNCTION messaging_count_texts_written, messaging_count_texts_changed, messaging_count_skips, messaging_count_opt_outs;
"""


class Migration(migrations.Migration):
    dependencies = [("messaging", "0005_freeze_audiences_in_portions")]
    operations = [
        migrations.RunSQL(TEXTS_WRITTEN + TEXTS_CHANGED + SKIPS + OPT_OUTS, UNDO),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
