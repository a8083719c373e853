"""How soon a queue serves each task: `ReviewTask.rank`, the larger the sooner, so that every order is one index.

What the task and its answer tell is known when it is put in. What other rows tell is None until a follow-up has looked:
tasks without a rank are served last. The least sure first: least-confidence sampling (Lewis and Gale, 1994). The least
like anything decided first: 1 - the largest cosine to a decided question (k-centre sampling, Sener and Savarese, 2018).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import combinations

from annotations.recall.actions import PROMPT
from annotations.recall.nearest import nearest, vectors
from annotations.review.models import Approval, Label, Queue, ReviewTask
from labelhub.projects.models import Project

TOLD_BY_OTHERS = {Queue.Order.NOVEL, Queue.Order.DISAGREED}
# Of `answer`, with `priority`, in a queue of %(order)s; a mean log-probability below -50 nats is as good as none.
RANK = """
    CASE %(order)s WHEN 'priority' THEN priority WHEN 'oldest' THEN 0
        WHEN 'uncertain' THEN 1 - coalesce(
            answer.confidence,
            exp(CASE WHEN answer.mean_logprob < -50 THEN -50 ELSE answer.mean_logprob END),
            1
        ) END
"""
NEW_TO_US, NEAR = 1.0, 200

Judgement = tuple[str, frozenset[str]]  # verdict, slugs of the categories


def ranks(queue: Queue, tasks: Iterable[ReviewTask]) -> dict[int, float]:
    """Task id to rank, for tasks of a queue whose order other rows tell."""
    return novelty(queue.project, tasks) if queue.order == Queue.Order.NOVEL else disputes(tasks)


def novelty(project: Project, tasks: Iterable[ReviewTask]) -> dict[int, float]:
    """0 for a question that was decided, up to 2; NEW_TO_US without a vector, or while nothing is decided."""
    answers = {task.pk: task.interaction_id for task in tasks}
    known, decided = vectors(project, PROMPT, answers.values()), Approval.objects.filter(project=project)
    found = {}
    for pk, answer in answers.items():
        near = nearest(project, PROMPT, known[answer], 1, decided.values("interaction")) if answer in known else []
        found[pk] = 1 - near[0].similarity if near else NEW_TO_US
    return found


def less_novel(approval: Approval) -> dict[int, float]:
    """Open tasks that a decision makes less novel: task id to the rank that it has at most from now on."""
    project, answer = approval.project, approval.interaction_id
    tasks = ReviewTask.objects.open().filter(project=project, queue__order=Queue.Order.NOVEL)
    vector = vectors(project, PROMPT, [answer]).get(answer)
    if vector is None or not tasks.exists():
        return {}
    near = {n.object_id: 1 - n.similarity for n in nearest(project, PROMPT, vector, NEAR, tasks.values("interaction"))}
    return {pk: near[at] for pk, at in tasks.filter(interaction__in=near).values_list("pk", "interaction")}


def disputes(tasks: Iterable[ReviewTask]) -> dict[int, float]:
    """How much the labels of each task's answer, or pair, differ, whichever queue they come from."""
    judged = {task.pk: (task.interaction_id, task.candidate_id) for task in tasks}
    answers = {answer for answer, _ in judged.values()}
    said: defaultdict[tuple[int, int | None], list[Judgement]] = defaultdict(list)
    labels = Label.objects.independent().filter(task__interaction__in=answers, task__calibration=False)
    for label in labels.select_related("task").prefetch_related("categories__category"):
        said[label.task.interaction_id, label.task.candidate_id].append(said_by(label))
    return {pk: disagreement(said[what]) for pk, what in judged.items()}


def said_by(label: Label) -> Judgement:
    return label.verdict, frozenset(item.category.slug for item in label.categories.all())


def disagreement(judgements: Iterable[Judgement]) -> float:
    """Mean distance of all pairs, 0 to 1: 1 where the verdicts differ, else the Jaccard distance of the categories."""
    pairs = list(combinations(judgements, 2))
    return sum(_distance(one, other) for one, other in pairs) / len(pairs) if pairs else 0.0


def _distance(one: Judgement, other: Judgement) -> float:
    if one[0] != other[0]:
        return 1.0
    either = one[1] | other[1]
    return len(one[1] ^ other[1]) / len(either) if either else 0.0


def by_queue(tasks: Iterable[ReviewTask]) -> Mapping[Queue, list[ReviewTask]]:
    found: defaultdict[Queue, list[ReviewTask]] = defaultdict(list)
    for task in tasks:
        found[task.queue].append(task)
    return found
