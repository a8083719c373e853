"""What review does when somebody leaves: others are offered what they held within a second or two."""

from annotations.review.actions.claims import release_strangers
from labelhub import jobs


@jobs.follow_up("left")
def release_what_they_held(project_id: int) -> bool:
    release_strangers(project_id)
    return False
