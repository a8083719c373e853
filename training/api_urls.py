"""/api/v1/ of training."""

from django.urls import path

from training.loop import api as loop
from training.registry import api as registry
from training.serving import api as serving

urlpatterns = [
    path("snapshots/", registry.snapshots),
    path("snapshots/<int:number>/", registry.snapshot),
    path("runs/", registry.runs),
    path("runs/<int:number>/", registry.run),
    path("runs/<int:number>/cancel/", registry.run_cancel),
    path("versions/", registry.versions),
    path("versions/<int:number>/", registry.version),
    path("versions/<int:number>/gate/", registry.version_gate),
    path("versions/<int:number>/evaluations/", registry.version_evaluations),
    path("evaluations/<int:pk>/", registry.evaluation),
    path("suites/<slug:slug>/cases/", registry.suite_cases),
    path("cases/<int:pk>/retire/", registry.case_retire),
    path("promotions/", serving.promotions),
    path("rollback/", serving.rollback),
    path("interactions/standing/", loop.interactions_standing),
    path("interactions/<int:pk>/standing/", loop.interaction_standing),
]
