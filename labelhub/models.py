"""Table of contents."""

from labelhub.jobs.models import Job
from labelhub.keys.models import ApiKey, KeyUse
from labelhub.notices.models import Notice
from labelhub.people.models import User
from labelhub.projects.models import Category, Guidelines, Membership, Project, Taxonomy

__all__ = ["ApiKey", "Category", "Guidelines", "Job", "KeyUse", "Membership", "Notice", "Project", "Taxonomy", "User"]
