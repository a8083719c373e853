"""/v1/ of training: the gateway. Mounted in the web process and in the streaming one."""

from django.urls import path

from training.serving import gateway

urlpatterns = [
    path("chat/completions", gateway.chat_completions),
    path("models", gateway.models),
]
