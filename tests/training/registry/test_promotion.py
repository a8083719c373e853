"""What is live: promoted through the gate by a second person, one at a time, and taken back."""

import shutil
import threading

import pytest
from django.db import connection

from labelhub.errors import Conflict, Invalid, NotAllowed
from labelhub.projects.rights import Role
from tests.factories import make_member, make_project
from tests.training.makers import make_evaluation, make_run, make_version
from training.registry.actions import evaluate_against_live, promote, report, roll_back
from training.registry.live import answered_by, live_version
from training.registry.models import Promotion
from training.runs import store

pytestmark = pytest.mark.usefixtures("own_folder")
PRODUCTION = {"slot": "production"}


@pytest.fixture
def project():
    return make_project()


@pytest.fixture
def admin(project):
    return make_member(project, Role.ADMIN)


def ready(project, seed=0, **over):
    """A version that passed the gate against what is live now."""
    version = make_version(project, seed=seed, **over)
    report(make_evaluation(version, baseline=live_version(project)))
    return version


@pytest.mark.django_db
class TestPromoting:
    def test_the_newest_promotion_is_live_and_names_its_verdict(self, project, admin):
        version = ready(project)
        promotion = promote(version, by=admin, note="first", **PRODUCTION)
        assert live_version(project) == version
        assert promotion.gate_report.passed
        assert promotion.previous is None

    @pytest.mark.bar("3a-46")
    def test_without_a_passed_gate_nothing_is_promoted(self, project, admin):
        unjudged, refused = make_version(project), make_version(project, seed=1)
        report(make_evaluation(refused, held_out=(60, 30, 30)))
        for version, words in ((unjudged, "not been evaluated"), (refused, "gate refuses")):
            with pytest.raises(Conflict, match=words):
                promote(version, by=admin, **PRODUCTION)
        assert live_version(project) is None

    def test_the_launcher_is_refused_where_two_people_are_needed(self, project, admin):
        version = ready(project, run=make_run(project, launched_by=admin))
        with pytest.raises(NotAllowed, match="second person"):
            promote(version, by=admin, **PRODUCTION)
        project.two_person_promotion = False
        project.save()
        version.refresh_from_db()
        assert promote(version, by=admin, **PRODUCTION)

    def test_only_admins_promote_and_only_into_slots_that_exist(self, project, admin):
        version = ready(project)
        with pytest.raises(NotAllowed):
            promote(version, by=make_member(project, Role.MODERATOR), **PRODUCTION)
        with pytest.raises(Invalid):
            promote(version, by=admin, slot="everywhere")

    def test_a_comparison_with_another_version_than_the_live_one_is_stale(self, project, admin):
        old, new = ready(project), ready(project, seed=1)
        promote(old, by=admin, **PRODUCTION)
        with pytest.raises(Conflict, match="evaluate it again"):
            promote(new, by=admin, **PRODUCTION)
        assert promote(new, by=admin, slot="staging")

    def test_the_same_weights_are_not_registered_as_better_twice(self, project, admin):
        promote(ready(project), by=admin, **PRODUCTION)
        with pytest.raises(Conflict, match="gate refuses"):
            promote(ready(project), by=admin, **PRODUCTION)

    def test_a_version_whose_file_changed_is_refused_and_the_live_one_stays(self, project, admin):
        first = ready(project)
        promote(first, by=admin, **PRODUCTION)
        second = ready(project, seed=1)
        path = store.folder_of(second.adapter_sha256) / "adapter_model.safetensors"
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:-1] + b"x")
        with pytest.raises(Conflict, match="sha256 differs"):
            promote(second, by=admin, **PRODUCTION)
        assert live_version(project) == first


@pytest.mark.django_db
class TestRollingBack:
    def test_it_brings_back_what_was_live_before_and_then_what_was_before_that(self, project, admin):
        versions = []
        for seed in range(3):
            versions.append(ready(project, seed=seed))
            promote(versions[-1], by=admin, **PRODUCTION)
        live = []
        for _ in range(3):
            roll_back(project, by=admin, reason="complaints", **PRODUCTION)
            live.append(live_version(project))
        assert live == [versions[1], versions[0], None]
        with pytest.raises(Conflict, match="nothing to go back to"):
            roll_back(project, by=admin, reason="again", **PRODUCTION)
        assert Promotion.objects.count() == 6

    def test_a_promotion_after_a_rollback_goes_back_to_what_it_replaced(self, project, admin):
        first, second = ready(project), make_version(project, seed=1)
        promote(first, by=admin, **PRODUCTION)
        report(make_evaluation(second, baseline=first))
        promote(second, by=admin, **PRODUCTION)
        roll_back(project, by=admin, reason="no", **PRODUCTION)
        promote(second, by=admin, **PRODUCTION)
        roll_back(project, by=admin, reason="no", **PRODUCTION)
        assert live_version(project) == first

    @pytest.mark.bar("3a-48")
    def test_a_version_whose_file_is_gone_is_not_brought_back(self, project, admin):
        first = ready(project)
        promote(first, by=admin, **PRODUCTION)
        second = ready(project, seed=1)
        promote(second, by=admin, **PRODUCTION)
        shutil.rmtree(store.folder_of(first.adapter_sha256))
        with pytest.raises(Conflict):
            roll_back(project, by=admin, reason="no", **PRODUCTION)
        assert live_version(project) == second

    def test_what_does_not_fit_is_refused_and_not_cut(self, project, admin):
        version = ready(project)
        with pytest.raises(Invalid, match="note must be text of at most 300"):
            promote(version, by=admin, note="n" * 301, **PRODUCTION)
        promote(version, by=admin, note="n" * 300, **PRODUCTION)
        with pytest.raises(Invalid, match="reason must be text of at most 300"):
            roll_back(project, by=admin, reason="r" * 301, **PRODUCTION)

    def test_it_needs_a_reason_and_the_right(self, project, admin):
        promote(ready(project), by=admin, **PRODUCTION)
        with pytest.raises(Invalid):
            roll_back(project, by=admin, reason=" ", **PRODUCTION)
        with pytest.raises(NotAllowed):
            roll_back(project, by=make_member(project), reason="no", **PRODUCTION)


@pytest.fixture
def set_base(settings, tmp_path):
    """set_base("B"): another base of the same shape from now on; set_base("A"): the first one again."""
    first = settings.LABELHUB_BASE_MODEL
    shutil.copytree(first, tmp_path / "B")
    weights = tmp_path / "B" / "model.safetensors"
    weights.chmod(0o644)
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")

    def choose(name):
        settings.LABELHUB_BASE_MODEL = {"A": first, "B": str(tmp_path / "B")}[name]

    return choose


@pytest.mark.django_db
class TestAnotherBase:
    """Version 1 is live on base A when the operator sets base B, of the same shape."""

    @pytest.fixture
    def live(self, project, admin, set_base):
        version = ready(project)
        promote(version, by=admin, **PRODUCTION)
        set_base("B")
        return version

    def test_nothing_is_compared_with_a_version_of_another_base(self, project, admin, live):
        new = make_version(project, seed=1)
        with pytest.raises(Conflict, match=r"Version 1 was trained on another base .*roll back to the base before"):
            evaluate_against_live(new, by=admin)
        assert not new.evaluations.exists()

    def test_a_version_of_another_base_is_not_compared(self, project, admin, set_base):
        old = make_version(project)
        set_base("B")
        with pytest.raises(Conflict, match="Version 1 was trained on another base"):
            evaluate_against_live(old, by=admin)

    @pytest.mark.parametrize("slot", ["staging", "production"])
    def test_a_gain_over_a_version_of_another_base_promotes_nothing(self, project, admin, live, slot):
        with pytest.raises(Conflict, match="Version 1 was trained on another base"):
            promote(ready(project, seed=1), by=admin, slot=slot)
        assert live_version(project) == live

    @pytest.mark.parametrize("slot", ["staging", "production"])
    def test_a_version_of_another_base_is_not_promoted(self, project, admin, set_base, slot):
        version = ready(project)
        set_base("B")
        with pytest.raises(Conflict, match="another base"):
            promote(version, by=admin, slot=slot)
        set_base("A")
        assert promote(version, by=admin, slot=slot)

    def test_a_version_of_another_base_is_not_brought_back(self, project, admin, set_base):
        first = ready(project)
        promote(first, by=admin, **PRODUCTION)
        promote(ready(project, seed=1), by=admin, **PRODUCTION)
        set_base("B")
        with pytest.raises(Conflict, match="Version 1 was trained on another base"):
            roll_back(project, by=admin, reason="no", **PRODUCTION)
        set_base("A")
        roll_back(project, by=admin, reason="no", **PRODUCTION)
        assert live_version(project) == first

    def test_what_the_refusal_says_to_do_leads_to_the_new_base(self, project, admin, live, set_base):
        set_base("A")
        roll_back(project, by=admin, reason="a new base", **PRODUCTION)
        set_base("B")
        new = make_version(project, seed=1)
        assert evaluate_against_live(new, by=admin).baseline is None


@pytest.mark.django_db
def test_only_who_trains_the_project_has_a_version_compared_and_the_follow_up_is_nobody(project, admin):
    version = make_version(project)
    for person in (make_member(project, Role.MODERATOR), make_member(make_project(), Role.ADMIN)):
        with pytest.raises(NotAllowed):
            evaluate_against_live(version, by=person)
    assert evaluate_against_live(version, by=None).baseline is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.bar("R14")
def test_of_promotions_at_the_same_moment_exactly_one_wins(project, count):
    people = [make_member(project, Role.ADMIN) for _ in range(4)]
    for round_ in range(count(3, 20)):
        candidates = [ready(project, seed=10 * round_ + n) for n in range(4)]
        gate, outcomes = threading.Barrier(4), []

        def click(version, person, gate=gate, outcomes=outcomes):
            try:
                gate.wait()
                outcomes.append(promote(version, by=person, **PRODUCTION).version)
            except Conflict as conflict:
                outcomes.append(conflict.status)
            finally:
                connection.close()

        threads = [threading.Thread(target=click, args=pair) for pair in zip(candidates, people, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert outcomes.count(409) == 3
        assert live_version(project) in outcomes
    assert Promotion.objects.count() == count(3, 20)


@pytest.mark.django_db
def test_captured_answers_belong_to_the_version_that_they_name(project, admin):
    version = ready(project)
    assert str(answered_by(project, version)) == f"(AND: ('model_version', '{project.slug}-v1'))"
