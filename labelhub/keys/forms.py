"""What a person fills in to make and revoke keys."""

from typing import Any

from django import forms

from labelhub.errors import Refused
from labelhub.keys.actions import create_key
from labelhub.keys.models import SCOPE_RIGHTS, SERVICE_SCOPES, ApiKey, Scope, scopes_of
from labelhub.people.models import User
from labelhub.projects.models import Membership, Project
from labelhub.projects.rights import Right


class OwnKeyForm(forms.Form):
    """A key that acts as the person who fills this in."""

    project = forms.ModelChoiceField(Project.objects.none(), empty_label=None)
    scopes = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple)

    def __init__(self, person: User, *args: Any) -> None:
        super().__init__(*args)
        self.person = person
        roles = Membership.objects.of(person).values_list("role", flat=True)
        usable = set().union(*(scopes_of(role) for role in roles))
        self.fields["project"].queryset = Project.objects.visible_to(person)  # type: ignore[attr-defined]
        self.fields["scopes"].choices = [(scope, in_words(scope)) for scope in Scope if scope in usable]  # type: ignore[attr-defined]

    def make(self) -> str:
        """The new key's text; '' where it is refused, with the reason among the form's errors."""
        project, scopes = self.cleaned_data["project"], [Scope(one) for one in self.cleaned_data["scopes"]]
        try:
            return create_key(project, by=self.person, scopes=scopes)[1]
        except Refused as refusal:
            self.add_error(None, refusal.detail)
            return ""


class ServiceKeyForm(forms.ModelForm):
    """A key of a service; those that act as a person are made by that person."""

    service = forms.CharField(
        max_length=80, help_text="Its name. A key that acts as you is made on your own page: /me/keys/."
    )
    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope.label) for scope in Scope if scope in SERVICE_SCOPES],
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = ApiKey
        fields = ("project", "service", "scopes")


class RevokeForm(forms.Form):
    key = forms.ModelChoiceField(ApiKey.objects.none())

    def __init__(self, person: User, *args: Any) -> None:
        super().__init__(*args)
        self.fields["key"].queryset = ApiKey.objects.of(person)  # type: ignore[attr-defined]


def in_words(scope: Scope) -> str:
    """The scope, and what it opens."""
    opened = [right.label for right in Right if right in SCOPE_RIGHTS[scope] and right != Right.SEE]
    return f"{scope}: {'; '.join(opened) or 'send feedback'}"
