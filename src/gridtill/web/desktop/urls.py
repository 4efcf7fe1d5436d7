from django.urls import path

from gridtill.web.desktop import views

urlpatterns = [path("", views.desktop, name="desktop")]
