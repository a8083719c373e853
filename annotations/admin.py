"""Table of contents."""

from annotations.review.admin import QueueAdmin

__all__ = ["QueueAdmin"]
