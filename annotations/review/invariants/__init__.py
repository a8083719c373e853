"""What must hold of judging: seats and leases, what was submitted, and the second person behind every truth."""

from annotations.review.invariants.decisions import FOUR_EYES
from annotations.review.invariants.seats import SEATS
from annotations.review.invariants.words import WORDS

INVARIANTS = [*SEATS, *WORDS, *FOUR_EYES]
