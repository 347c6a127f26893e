from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("messaging", "0006_count_campaigns")]
    operations = [migrations.DeleteModel(name="CampaignRecipient")]
