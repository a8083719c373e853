"""Prompt groups: questions that are nearly the same share a split, and the split is settled once."""

from django.db import transaction

from annotations.capture.models import Interaction
from annotations.recall.actions import PROMPT
from annotations.review.models import Approval
from labelhub.projects.models import Project
from training.datasets.canonical import prompt_sha256
from training.datasets.likeness import Asked, alike, alike_earlier, asked_by, near_pairs, remembered
from training.datasets.models import GroupMember, PromptGroup

Split = PromptGroup.Split


def split_of(key_sha256: str, test_share: float) -> Split:
    """By the hash alone: the same question falls on the same side everywhere.

    >>> str(split_of("00" * 32, 0.2)), str(split_of("ff" * 32, 0.2))
    ('test', 'train')
    """
    return Split.TEST if int(key_sha256[:8], 16) / 2**32 < test_share else Split.TRAIN


@transaction.atomic
def group_prompts(project: Project) -> None:
    """Put every approved question into a group. Raises Unavailable when a vector is needed and cannot be made."""
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    approved = Approval.objects.filter(project=project).values("interaction")
    rows = Interaction.objects.filter(pk__in=approved).order_by("pk").defer("documents", "metadata")
    members = groups_by_prompt(project)
    new = [row for row in rows if prompt_sha256(row.messages) not in members]
    if not new:
        return
    old = [row for row in rows if prompt_sha256(row.messages) in members]
    _place(project, asked_by(new, project), asked_by(old, project), members)


def groups_by_prompt(project: Project) -> dict[str, PromptGroup]:
    """Hash of the normalised conversation → its group."""
    members = GroupMember.objects.filter(project=project).select_related("group")
    return {member.prompt_sha256: member.group for member in members}


def straddling(project: Project) -> list[tuple[Asked, Asked]]:
    """(question, an earlier one that it nearly repeats) where none of those that it repeats shares its split.

    One that repeats two earlier ones on two sides, which are not alike, can share the split of one of them only. Of
    questions without a vector nothing is said.
    """
    members = {m.prompt_sha256: m for m in GroupMember.objects.filter(project=project).select_related("group")}
    approved = Approval.objects.filter(project=project).values("interaction")
    rows = Interaction.objects.filter(pk__in=approved).order_by("pk").defer("documents", "metadata")
    asked = [one for one in remembered([(row.pk, row.messages) for row in rows], project, PROMPT) if one.key in members]
    of = [members[one.key] for one in asked]
    near = near_pairs(asked, asked, surely=False)
    settled = {of[i].pk for i, j in near if of[j].pk < of[i].pk and of[j].group.split == of[i].group.split}
    surely = near_pairs(asked, asked, surely=True)
    return [(asked[i], asked[j]) for i, j in surely if of[j].pk < of[i].pk and of[i].pk not in settled]


def _place(project: Project, new: list[Asked], placed: list[Asked], members: dict[str, PromptGroup]) -> None:
    """One after the other, so that a newcomer can join the group of the one before."""
    near = alike(new, placed)
    among = alike_earlier(new)
    for i, question in enumerate(new):
        if question.key in members:
            continue
        kin = near.get(i) or among.get(i)
        group = members.get(kin.key) if kin else None
        if group is None:
            split = split_of(question.key, project.test_share)
            group = PromptGroup.objects.create(project=project, key_sha256=question.key, split=split)
        GroupMember.objects.create(project=project, group=group, prompt_sha256=question.key)
        members[question.key] = group
