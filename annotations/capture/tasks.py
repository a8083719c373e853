"""What capture needs as time goes by."""

from annotations.capture.actions.partitions import make_partitions
from labelhub import jobs


@jobs.follow_up("month_began")
def make_room(_project_id: int) -> bool:
    """For raw payloads of every project. Nobody says that a month began: the sweeper's safety net wakes it."""
    make_partitions()
    return False
