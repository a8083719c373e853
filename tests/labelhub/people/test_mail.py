"""What the site mails: plain text, whatever people are called."""

import pytest
from django.core import mail

from tests.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.mark.bar("3a-51")
@pytest.mark.parametrize("name", ["<img src=x onerror=pwned()>", "</title><script>pwned()</script>", "{{ 7*7 }}"])
def test_a_mail_to_somebody_of_a_hostile_name_is_plain_text(client, name):
    person = make_user(name)
    assert client.post("/accounts/password/reset/", {"email": person.email}).status_code == 302
    (sent,) = mail.outbox
    assert (sent.content_subtype, getattr(sent, "alternatives", [])) == ("plain", [])
    assert "49" not in sent.subject
    assert "\n" not in sent.subject
    assert "/accounts/password/reset/key/" in sent.body
